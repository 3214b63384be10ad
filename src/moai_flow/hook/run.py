"""One hook, from standard input to standard output: the outer guard. Nothing it does may disturb the session."""

from __future__ import annotations

import posix
import sys
from time import time

from moai_flow.hook import meter, payload
from moai_flow.hook.respond import respond
from moai_flow.hook.start import process
from moai_flow.hook.state import flights
from moai_flow.hook.state.paths import state_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_STDOUT = 1


def main(*, wait_seconds: float = meter.REPLY_SECONDS) -> None:
    """Answer the event on standard input. Whatever goes wrong, the session goes on: no output, no exception.

    Args:
        wait_seconds: how long to wait for the reply that ended a turn to reach the transcript.
    """
    flight = ""
    try:
        with process.watchdog(process.WORK_SECONDS, process.BUSY_SECONDS):
            environ = process.environment()
            flight = flights.flight_file(environ, sys.platform)
            if flight:
                process.detach()
            data = process.read_input()
            event = payload.parse(data) if data else None
            del data
            if event is not None:
                text = respond(event, environ, sys.platform, time(), wait_seconds=wait_seconds)
                if text:
                    _write(text.encode("ascii") + b"\n")
                if event.name == payload.SESSION_START:
                    _sweep(event.session, environ)
    except BaseException:
        # Not even a message: what a hook prints to standard error is shown to the person.
        return
    finally:
        if flight:
            flights.land(flight)


def _sweep(session: str, environ: Mapping[str, str]) -> None:
    # Imported here: a session starts once, and its tools run a thousand times.
    from moai_flow.hook.state.sweep import sweep

    sweep(state_folder(environ, sys.platform), session, time())


def _write(data: bytes) -> None:
    while data:
        data = data[posix.write(_STDOUT, data) :]
