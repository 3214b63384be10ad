"""The recorder's hook: keeps a payload with the sizes the transcripts have at that moment.

Arguments: the file to append to, and the folder of the project's transcripts.
"""

from __future__ import annotations

import json
import os
import sys
import time


def sizes(folder: str) -> dict[str, int]:
    """Return the size in bytes of every transcript under `folder`, by its path relative to it."""
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".jsonl"):
                whole = f"{path}/{name}"
                found[whole[len(folder) + 1 :]] = os.lstat(whole).st_size
    return found


def main(output: str, folder: str) -> None:
    """Append one event."""
    at = time.time()
    payload = json.loads(sys.stdin.buffer.read())
    names = ("CLAUDE_PID", "CLAUDE_CODE_SESSION_ID", "CLAUDE_PROJECT_DIR")
    event = {
        "at": at,
        "payload": payload,
        "sizes": sizes(folder),
        "env": {name: os.environ[name] for name in names if name in os.environ},
    }
    line = (json.dumps(event, ensure_ascii=False) + "\n").encode()
    # One write in append mode: hooks of parallel tools run at the same time.
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(file, line)
    os.close(file)


if __name__ == "__main__":
    main(*sys.argv[1:3])
