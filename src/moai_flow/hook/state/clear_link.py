"""Which session a new one came of: `/clear` ends one id and begins another, and neither names the other.

The client's process is the same in both, so a small file named after it holds the session it has. Where the client
does not tell its process (before 2.1.300 or so), the parent process stands for it, and only an end by `/clear` that is
followed by a start by `/clear` counts: several sessions may have been started from one shell.
"""

from __future__ import annotations

import posix

from moai_flow.hook.payload import SESSION_END, SESSION_START, safe_id
from moai_flow.hook.state import files, paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from moai_flow.hook.payload import Event

PID_VARIABLE = "CLAUDE_PID"
PARENT_VARIABLE = "TOKEN_BUDGET_PARENT"
CLEAR, STARTUP = "clear", "startup"

RECENT_SECONDS = 600.0
"""Seconds for which a start that does not say `clear` is believed to follow one: process ids are used again."""

_MAX_BYTES = 256


def previous(state: str, event: Event, environ: Mapping[str, str], now: float) -> str:
    """Return the id of the session that `/clear` ended before this unknown one began, "" if there is none.

    A prompt may come before the new session's SessionStart; some front ends report a `startup`.
    """
    told = environ.get(PID_VARIABLE, "")
    sources = (CLEAR, STARTUP) if told else (CLEAR,)
    if event.agent or (event.source not in sources if event.name == SESSION_START else not told):
        return ""
    try:
        path = paths.process_file(state, _process(environ))
        name = files.read(path, _MAX_BYTES)
        if not name:
            return ""
        session = safe_id(name.decode("ascii", "replace"))
        if event.source == STARTUP:
            ended = posix.stat(paths.ledger_file(state, session)).st_mtime
            return session if now - ended <= RECENT_SECONDS else ""
    except OSError:
        return ""
    return session if session != event.session else ""


def remember(state: str, event: Event, environ: Mapping[str, str]) -> None:
    """Note the session that the client's process has: a new one, or one that `/clear` is ending."""
    if event.agent:
        return
    path = paths.process_file(state, _process(environ))
    ends = event.name == SESSION_END and event.source == CLEAR
    try:
        if environ.get(PID_VARIABLE, "") or ends:
            files.ensure_folder(paths.processes(state))
            files.replace(path, event.session.encode("ascii"))
        elif event.source == CLEAR:
            posix.unlink(path)
    except OSError:
        # Two sessions of one process may write it at once. Without it, limits are not carried over.
        return


def _process(environ: Mapping[str, str]) -> str:
    """Return what stands for the client's process in a file's name."""
    told = environ.get(PID_VARIABLE, "")
    if told:
        return safe_id(told)
    # `hooks/run` stands between the client and this process, and says what it saw.
    return "parent-" + safe_id(environ.get(PARENT_VARIABLE, "") or str(posix.getppid()))
