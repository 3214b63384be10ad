"""Starting hooks from a small process, so that the system can tell what memory each of them took.

A child's peak starts with that of the process it was forked from: pytest's would hide the hook's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.harness import HOOK, Outcome

_SERVER = r"""
import json, os, sys, time
for line in sys.stdin:
    command, env, stdin, out, err = json.loads(line)
    create = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    start = time.monotonic()
    child = os.posix_spawn(command[0], command, env, file_actions=[
        (os.POSIX_SPAWN_OPEN, 0, stdin, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, out, create, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, err, create, 0o600),
    ])
    _, status, usage = os.wait4(child, 0)
    took = time.monotonic() - start
    scale = 1 if sys.platform == "darwin" else 1024
    print(json.dumps([os.waitstatus_to_exitcode(status), took, usage.ru_utime + usage.ru_stime,
                      usage.ru_maxrss * scale]), flush=True)
"""


class Meter:
    """Runs hooks and tells what they took. To be closed.

    Args:
        folder: where input and output are kept meanwhile.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.bare = self.run(b"", {}, [sys.executable, "-I", "-S", "-c", "pass"]).peak
        """Bytes that the interpreter takes alone."""

    def run(self, data: bytes | Path, env: dict[str, str], command: list[str] | None = None) -> Outcome:
        """Run a hook on `data` (a file's path: its content) and return what it did."""
        stdin = data if isinstance(data, Path) else self._folder / "stdin"
        if isinstance(data, bytes):
            stdin.write_bytes(data)
        out, err = self._folder / "stdout", self._folder / "stderr"
        code, seconds, busy, peak = self._ask([command or HOOK, env, str(stdin), str(out), str(err)])
        return Outcome(code, out.read_bytes(), err.read_bytes(), seconds, busy, peak)

    def _ask(self, request: list[Any]) -> list[Any]:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        answer: list[Any] = json.loads(self._server.stdout.readline())
        return answer

    def close(self) -> None:
        """End the small process."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait(timeout=60)
        self._server.stdout.close()
