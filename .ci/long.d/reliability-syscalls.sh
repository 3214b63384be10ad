#!/usr/bin/env bash
# Every system call of whole hook processes, from the interpreter's start to its end, killed by strace; and errors
# in those on files. Two at a time. PYTHON is an interpreter with the test extra.
set -uo pipefail
cd tests/reliability || exit 1
if ! strace -o /dev/null true; then
  echo "strace cannot trace here: every system call was NOT swept (the sweep without it was)"
  exit 0
fi

(
  "$PYTHON" syscalls.py kill SessionStart UserPromptSubmit PreToolUse &&
    "$PYTHON" syscalls.py errors UserPromptSubmit PostToolUse
) & first=$!
"$PYTHON" syscalls.py kill PostToolUse PostToolUseFailure SubagentStart SubagentStop Stop SessionEnd
second=$?
wait "$first" && [ "$second" = 0 ]
