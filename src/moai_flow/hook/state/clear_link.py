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
_MAX_STAT = 4096
_START_FIELD = 19


def previous(state: str, event: Event, environ: Mapping[str, str], now: float) -> str:
    """Return the id of the session that `/clear` ended before this unknown one began, "" if there is none.

    A prompt may come before the new session's SessionStart; some front ends report a `startup`.
    """
    has_pid = bool(environ.get(PID_VARIABLE, ""))
    sources = (CLEAR, STARTUP) if has_pid else (CLEAR,)
    if event.agent:
        return ""
    if event.name == SESSION_START:
        if event.source not in sources:
            return ""
        path = paths.process_file(state, _process(environ))
    elif has_pid:
        path = paths.process_file(state, _process(environ))
    else:
        path = _follower_file(state, event.session)
    try:
        session = _session_in(path)
        if session and event.source == STARTUP:
            ended = posix.stat(paths.ledger_file(state, session)).st_mtime
            return session if now - ended <= RECENT_SECONDS else ""
    except OSError:
        return ""
    return session if session != event.session else ""


def note(state: str, event: Event, environ: Mapping[str, str]) -> None:
    """Note, before the ledger is locked, which session `/clear` is ending, and which one follows it.

    The hook may give up for lack of the lock: the session's next hook still finds what came before.
    """
    if event.agent:
        return
    has_pid = bool(environ.get(PID_VARIABLE, ""))
    process = paths.process_file(state, _process(environ))
    try:
        if event.name == SESSION_END and (has_pid or event.source == CLEAR):
            _write(state, process, event.session)
        elif event.name == SESSION_START and event.source == CLEAR and not has_pid:
            ended = _session_in(process)
            if ended and ended != event.session:
                _write(state, _follower_file(state, event.session), ended)
    except OSError:
        # Two sessions of one process may write it at once. Without it, limits are not carried over.
        return


def follow(state: str, event: Event, environ: Mapping[str, str]) -> None:
    """Note, once the ledger of a new session was written, that the client's process has this session now."""
    if event.agent:
        return
    try:
        if environ.get(PID_VARIABLE, ""):
            _write(state, paths.process_file(state, _process(environ)), event.session)
            return
        if event.name == SESSION_START and event.source == CLEAR:
            posix.unlink(paths.process_file(state, _process(environ)))
        posix.unlink(_follower_file(state, event.session))
    except OSError:
        return


def _follower_file(state: str, session: str) -> str:
    return paths.process_file(state, f"after-{session}")


def _session_in(path: str) -> str:
    name = files.read(path, _MAX_BYTES)
    return safe_id(name.decode("ascii", "replace").partition(" ")[0]) if name else ""


def _write(state: str, path: str, session: str) -> None:
    """Write the session, and behind it when the process that the file is named after started, if the system tells."""
    files.ensure_folder(paths.processes(state))
    pid = path.rpartition("/")[2]
    since = started(pid) if pid.isdigit() else ""
    files.replace(path, (f"{session} {since}" if since else session).encode("ascii"))


def started(pid: str) -> str:
    """Return when a process started, in the system's ticks since it came up; "" where the system does not tell.

    Process ids are used again: another program must not make a session look as if it ran.
    """
    # "77 (any name) S 1 ...": the name may hold spaces and brackets, and the start is the 20th field after it.
    fields = files.read_start(f"/proc/{pid}/stat", _MAX_STAT).rpartition(b") ")[2].split()
    return fields[_START_FIELD].decode("ascii", "replace") if len(fields) > _START_FIELD else ""


def _process(environ: Mapping[str, str]) -> str:
    """Return what stands for the client's process in a file's name."""
    told = environ.get(PID_VARIABLE, "")
    if told:
        return safe_id(told)
    # `hooks/run` stands between the client and this process, and says what it saw.
    return "parent-" + safe_id(environ.get(PARENT_VARIABLE, "") or str(posix.getppid()))
