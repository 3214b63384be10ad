"""Another status line, run in front of ours with the same input."""

from __future__ import annotations

import os
import signal
import subprocess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

SECONDS = 3.0
"""Seconds that the other status line may take; it is ended then, and what it printed is not shown."""


def show(command: str, data: bytes) -> None:
    """Run a shell command with `data` as its input and print what it prints, on a line of its own.

    An error of the command's is its own: it shows nothing then. When the client gives up on us, the command ends too.
    """
    try:
        process = subprocess.Popen(  # noqa: S602 - it is the person's own command line, a shell's by definition
            command,
            shell=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - what a signal handler is given
        os.killpg(process.pid, signal.SIGKILL)
        os._exit(0)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    try:
        text, _ = process.communicate(data, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return
    if text.strip():
        os.write(1, text.rstrip(b"\n") + b"\n")
