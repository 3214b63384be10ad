#!/usr/bin/env bash
# MoAI-ADK's own context loader with the budgets, in an environment of its own: it is no dependency of the package.
# 0.41.2 is its last release under the MIT license.

set -euo pipefail

environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
"${PYTHON:-python3}" -m venv "$environment"
"$environment/bin/pip" install -q '.[test]' psutil
"$environment/bin/pip" install -q --no-deps moai-adk==0.41.2
"$environment/bin/python" -m pytest -q -p no:cacheprovider tests/resource/real_moai_adk.py
