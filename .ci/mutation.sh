#!/usr/bin/env bash
# Changes src/moai_flow/core one expression at a time and counts the changes that the tests notice: .ci/mutation.sh [SECONDS]
#
# Runs in a copy of the checkout, for so many seconds (600), and prints the score of what it came to and the survivors.
# PYTHON is an interpreter that has the test extra. It tells a figure and fails nothing: which changes come first within
# the time depends on the machine.

set -uo pipefail
seconds=${1:-600}
place=$(mktemp -d "${TMPDIR:-/tmp}/token-budget-mutants.XXXXXX")
trap 'rm -rf "$place"' EXIT
git clone -q . "$place/clone" && cd "$place/clone" || exit 1
"${PYTHON:-python3}" -m venv "$place/venv" && "$place/venv/bin/pip" install -q -e '.[test]' 'mutmut>=3.8' || exit 1
cat >>pyproject.toml <<'CONFIG'

[tool.mutmut]
source_paths = ["src/moai_flow/core/"]
pytest_add_cli_args_test_selection = [
  "tests/core", "tests/hook/test_agents_any_order.py", "tests/hook/test_awaited.py", "tests/hook/test_late_events.py",
  "tests/hook/test_limits.py", "tests/hook/test_phases.py", "tests/resource/test_token_budget.py",
]
also_copy = ["tests", "hooks", "docs", "src", "skills", ".claude-plugin", "README.md", "LICENSE", "settings.example.json"]
CONFIG
timeout "$seconds" "$place/venv/bin/mutmut" run --max-children 2 >"$place/log" 2>&1
outcomes=$("$place/venv/bin/mutmut" results --all true 2>/dev/null)
killed=$(grep -c -E ': (killed|timeout)' <<<"$outcomes")
survived=$(grep -c ': survived' <<<"$outcomes")
[ $((killed + survived)) -gt 0 ] || { tail -n 20 "$place/log"; echo "no change was tried in $seconds seconds"; exit 0; }
grep ': survived' <<<"$outcomes"
untested=$(grep -c ': no tests' <<<"$outcomes")
printf '%d of %d changes noticed (%d%%); %d in code that these tests do not reach, %d not tried in %d seconds\n' \
  "$killed" $((killed + survived)) $((100 * killed / (killed + survived))) "$untested" \
  "$(grep -c ': not checked' <<<"$outcomes")" "$seconds"
