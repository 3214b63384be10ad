"""One hook, from standard input to standard output: the outer guard. Nothing it does may disturb the session."""

from __future__ import annotations

import posix
import sys
from time import time

from moai_flow.hook import alarm, payload
from moai_flow.hook.folder import state_folder
from moai_flow.hook.respond import respond

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

INPUT_SECONDS = 0.7
"""Seconds that the payload may take to come."""

WORK_SECONDS = 5.0
"""Seconds after which a hook gives up, whatever hangs (a network file system, say)."""

BUSY_SECONDS = 0.8
"""Seconds of processor time after which a hook gives up; a usual one takes a hundredth of it."""

MOST_BYTES = 6_000_000
"""Bytes of a payload that are read; a larger one is left to the next measurement."""

_CHUNK = 1 << 16
_STDIN, _STDOUT = 0, 1


def main() -> None:
    """Answer the event on standard input. Whatever goes wrong, the session goes on: no output, no exception."""
    try:
        with alarm.watchdog(WORK_SECONDS, BUSY_SECONDS):
            with alarm.after(INPUT_SECONDS):
                data = _read_input()
            event = payload.parse(data) if data else None
            del data
            if event is not None:
                environ = _environment()
                text = respond(event, environ, sys.platform, time())
                if text:
                    posix.write(_STDOUT, text.encode("ascii") + b"\n")
                if event.name == payload.SESSION_START:
                    _sweep(event.session, environ)
    except BaseException:
        # Not even a message: what a hook prints to standard error is shown to the person.
        return


def _read_input() -> bytes:
    """Return the payload, b"" for one that is too large; it is read to its end, or the client's write fails."""
    chunks = []
    size = 0
    while chunk := posix.read(_STDIN, _CHUNK):
        size += len(chunk)
        if size <= MOST_BYTES:
            chunks.append(chunk)
        else:
            chunks.clear()
    return b"".join(chunks) if size <= MOST_BYTES else b""


def _sweep(session: str, environ: Mapping[str, str]) -> None:
    # Imported here: a session starts once, and its tools run a thousand times.
    from moai_flow.hook.sweep import sweep

    sweep(state_folder(environ, sys.platform), session, time())


def _environment() -> dict[str, str]:
    return {
        name.decode("utf-8", "surrogateescape"): value.decode("utf-8", "surrogateescape")
        for name, value in posix.environ.items()
    }
