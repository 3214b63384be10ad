#!/usr/bin/env bash
# Every call of every event killed, and failed with every error, in every state of the ledger; 10,000 random kills.
# Two at a time. PYTHON is an interpreter with the test extra.
set -uo pipefail
cd tests/reliability || exit 1
export TOKEN_BUDGET_TEST_ALL=1

"$PYTHON" kills.py 10000 & kills=$!
"$PYTHON" -m pytest -q --timeout=1200 test_kill.py test_errors.py test_acknowledged.py
tests=$?
wait "$kills" && [ "$tests" = 0 ]
