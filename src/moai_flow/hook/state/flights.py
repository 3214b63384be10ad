"""Hooks that the session does not wait for: the file that allows them, and those that are under way.

`quiet/SESSION` says that the next hooks of a session need not be waited for; the launcher reads it, and every hook
rewrites it while it holds the session's lock. `flights/SESSION.PID` is there while such a hook runs: the launcher
makes it, the hook removes it. By these files hooks take the ledger in the order in which they were started, and a hook
that is waited for comes after those that are not.
"""

from __future__ import annotations

import posix
from time import monotonic, sleep, time

from moai_flow.hook.state import files, paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

FLIGHT_VARIABLE = "TOKEN_BUDGET_FLIGHT"
SESSION_VARIABLE = "CLAUDE_CODE_SESSION_ID"

QUEUE_SECONDS = 0.25
"""Seconds that a hook which is waited for leaves to those before it; the end of a turn takes the longest, 0.15."""

LONG_QUEUE_SECONDS = 2.0
"""Seconds that a hook the session does not wait for leaves to those before it."""

STALE_SECONDS = 10.0
"""Seconds after which a hook is not under way any more, whatever its file says: it may live for five."""

_POLL_SECONDS = 0.003
_MAX_BYTES = 256


def flight(environ: Mapping[str, str]) -> str:
    """Return the name of this hook's flight, "" if the session waits for it."""
    session = environ.get(FLIGHT_VARIABLE, "")
    # The launcher is the parent, and names the file after itself.
    return f"{session}.{posix.getppid()}" if session and "/" not in session else ""


def flight_file(environ: Mapping[str, str], platform: str) -> str:
    """Return the file of this hook's flight, "" if the session waits for it."""
    name, state = flight(environ), paths.state_folder(environ, platform)
    return f"{paths.flights(state)}/{name}" if name and state else ""


def wait_for_earlier(state: str, session: str, own: str) -> None:
    """Wait until the hooks of the session that were started earlier are done, but not long.

    Args:
        state: the state folder.
        session: the session.
        own: this hook's flight, "" if the session waits for it.
    """
    deadline = 0.0
    while _has_earlier(state, session, own):
        if not deadline:
            deadline = monotonic() + (LONG_QUEUE_SECONDS if own else QUEUE_SECONDS)
        elif monotonic() >= deadline:
            return
        sleep(_POLL_SECONDS)


def _has_earlier(state: str, session: str, own: str) -> bool:
    try:
        names = posix.listdir(paths.flights(state))
    except OSError:
        return False
    if not names or names == [own]:
        return False
    begun = {name: at for name in names if (at := _begun(f"{paths.flights(state)}/{name}"))}
    last = (begun.get(own) or time(), own)
    return any((at, name) < last for name, at in begun.items() if name.startswith(session + ".") and name != own)


def _begun(path: str) -> float:
    """Return when a flight began, in seconds since the epoch; 0.0 for one that is over, whose file goes."""
    try:
        at = posix.lstat(path).st_mtime
        pid = path.rpartition(".")[2]
        if -STALE_SECONDS < time() - at < STALE_SECONDS and pid.isdigit():
            posix.kill(int(pid), 0)
            return at
    except (ProcessLookupError, OverflowError):
        pass
    except OSError:
        return 0.0
    land(path)
    return 0.0


def land(path: str) -> None:
    """Remove the file of a hook that is done."""
    try:
        posix.unlink(path)
    except OSError:
        return


def forbid(state: str, session: str) -> None:
    """Let the session wait for its next hooks."""
    land(paths.quiet_file(state, session))


def allow(state: str, session: str, permission: str) -> None:
    """Write down what the session's next hooks may do, if that is not what stands there.

    Raises:
        OSError: it cannot be written.
    """
    path = paths.quiet_file(state, session)
    data = permission.encode("ascii") + b"\n"
    if files.read(path, _MAX_BYTES) == data:
        return
    files.ensure_folder(paths.quiet(state))
    files.ensure_folder(paths.flights(state))
    files.replace(path, data)
