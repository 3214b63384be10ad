#!/usr/bin/env bash
# 10,000 histories of a pool under faults, each from its seed; a seed that breaks a promise is printed. Two at a time.
# PYTHON is an interpreter with the test extra.
set -uo pipefail

"$PYTHON" tests/pool/simulation.py 5000 & first=$!
"$PYTHON" tests/pool/simulation.py 5000 --from 5000
second=$?
wait "$first" && [ "$second" = 0 ]
