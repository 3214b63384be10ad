"""Sweeping the state folder at SessionStart: old ledgers, notes of clients that have gone, and leftovers of hooks.

Once a day, and only so many files each time: the folder may hold ten thousand ledgers, and somebody waits for
the session to start. What one sweep leaves, the next session's start goes on with. Lock files are permanent:
removing one splits a lock in two.
"""

from __future__ import annotations

import posix

from moai_flow.hook.state import files, paths

EVERY_SECONDS = 86_400.0
LEDGER_SECONDS = 30 * 86_400.0
"""Seconds without a change after which a ledger is old."""

TEMPORARY_SECONDS = 3_600.0
"""Seconds after which a temporary file was left behind: a hook lives for a second."""

MAX = 1_000
"""Files of one folder that one sweep looks at."""

MAX_REMOVED = 5
"""Files that one sweep removes: more than the sessions that one start can leave behind."""

MARKER = "swept"


def sweep(state: str, session: str, now: float) -> int:
    """Remove what is old and return how many files that were. Within a day of a whole sweep it does nothing.

    Args:
        state: the state folder.
        session: the session that starts; its ledger stays, however old.
        now: seconds since the epoch.

    Raises:
        OSError: the marker of this sweep cannot be written.
    """
    marker = f"{state}/{MARKER}"
    if not _is_due(marker, now):
        return 0
    removed = 0
    places = (paths.sessions, paths.processes, paths.quiet, paths.quarantine, paths.models, paths.spend)
    for place in [name(state) for name in places]:
        for name in _some(place, now):
            if removed == MAX_REMOVED:
                return removed
            limit = TEMPORARY_SECONDS if name.endswith(".tmp") else LEDGER_SECONDS
            if name.endswith(".lock") or name in (session, f"{session}.json"):
                continue
            if place == paths.models(state) and not name.endswith(".tmp"):
                continue
            path = f"{place}/{name}"
            try:
                since = now - posix.lstat(path).st_mtime
                if place == paths.processes(state) and since > TEMPORARY_SECONDS and not _is_running(name):
                    limit = TEMPORARY_SECONDS
                if since > limit:
                    removed += _remove(state, path, limit, now)
            except OSError:
                continue
    files.replace(marker, b"")
    return removed


def _is_due(marker: str, now: float) -> bool:
    try:
        since = now - posix.stat(marker).st_mtime
    except FileNotFoundError:
        since = EVERY_SECONDS
    # A marker from the future: the clock was set back.
    return not 0 <= since < EVERY_SECONDS


def _is_running(name: str) -> bool:
    """Return whether there may be a process with the id that a note is named after."""
    if not name.isdigit():
        return True
    try:
        posix.kill(int(name), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _some(place: str, now: float) -> list[str]:
    """Return names of the folder: all if they are few, else another part of them each day."""
    try:
        names = sorted(posix.listdir(place))
    except OSError:
        return []
    if len(names) <= MAX:
        return names
    start = int(now // EVERY_SECONDS) * MAX % len(names)
    return (names + names)[start : start + MAX]


def _remove(state: str, path: str, limit: float, now: float) -> int:
    """Remove a file that is old, under its lock where it is a ledger: its session may just be resumed."""
    lock = -1
    if path.startswith(paths.sessions(state) + "/") and path.endswith(".json"):
        session = path.rpartition("/")[2].removesuffix(".json")
        lock = files.try_lock(paths.lock_file(state, session))
        if lock < 0:
            return 0
    try:
        if now - posix.lstat(path).st_mtime <= limit:
            return 0
        posix.unlink(path)
    finally:
        if lock >= 0:
            files.close(lock)
    return 1
