#!/usr/bin/env bash
# 100,000 fuzzed payloads, new ones each time; the seed is printed. PYTHON is an interpreter with the test extra.
set -uo pipefail
cd tests/reliability || exit 1

"$PYTHON" fuzz.py 50000 & first=$!
"$PYTHON" fuzz.py 50000
second=$?
wait "$first" && [ "$second" = 0 ]
