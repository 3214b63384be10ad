"""The state folder: rights, file system, lock, ledgers, and what the latest session knows of its window."""

from __future__ import annotations

import os
import stat
import sys
import time
from typing import TYPE_CHECKING

from moai_flow.cli import ledgers
from moai_flow.cli.checks.finding import BROKEN, OK, WARNING, Finding
from moai_flow.core.errors import NewerStateError, StateError, TokenBudgetError
from moai_flow.hook.state.paths import APPLICATION, STATE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moai_flow.core.session import Session

MOUNTS = "/proc/mounts"
REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "drvfs", "fuse.sshfs", "ceph", "glusterfs"})
"""File systems on which a lock may not hold, or takes long: networks, and Windows' disks seen from WSL."""

_OTHERS = 0o077
_MOVE = "Name a folder on a local disk in TOKEN_BUDGET_STATE_DIR, for the hooks too (`env` in Claude Code's settings)."


def state() -> Iterator[Finding]:
    """Tell whether ledgers can be kept, and what is known of the latest session."""
    try:
        folder = ledgers.state_folder()
    except TokenBudgetError as error:
        yield Finding("state folder", BROKEN, str(error), "Correct the variable, in Claude Code's settings too.")
        return
    found = _folder(folder)
    yield found
    yield _file_system(folder)
    if found.level == BROKEN or not os.path.isdir(folder):
        return
    yield _lock(folder)
    yield from _ledgers(folder)


def _folder(folder: str) -> Finding:
    """Check the folder, or what it would be made in."""
    check = "state folder"
    existing = folder
    while not os.path.lexists(existing):
        existing = os.path.dirname(existing)
    try:
        status = os.stat(existing)
    except OSError as error:
        return Finding(check, BROKEN, f"{existing}: {error.strerror}", "Remove what is there.")
    if not stat.S_ISDIR(status.st_mode) or (existing == folder and os.path.islink(folder)):
        return Finding(check, BROKEN, f"{existing} is not a folder", "Move it away.")
    if not os.access(existing, os.W_OK | os.X_OK):
        return Finding(check, BROKEN, f"{existing} cannot be written", f"`chmod u+rwx {existing}`, or: {_MOVE}")
    if existing != folder:
        return Finding(check, OK, f"{folder} is made by the first hook")
    return _rights(folder, status)


def _rights(folder: str, status: os.stat_result) -> Finding:
    check = "state folder"
    if status.st_uid != os.geteuid():
        advice = f"Give it back (`sudo chown -R $USER {folder}`); a command under sudo may have made it."
        return Finding(check, BROKEN, f"{folder} belongs to user {status.st_uid}", advice)
    mode = stat.S_IMODE(status.st_mode)
    if mode & _OTHERS:
        return Finding(check, WARNING, f"{folder} is open to other users ({mode:04o})", "The next hook closes it.")
    return Finding(check, OK, f"{folder}, private{_elsewhere(folder)}")


def _elsewhere(folder: str) -> str:
    """Return a remark where the folder is not the system's usual one: some other hook may look there."""
    from platformdirs import user_state_dir

    usual = user_state_dir(APPLICATION, appauthor=False)
    return "" if folder == usual else f" (by {STATE_VARIABLE}; {usual} without it)"


def _file_system(folder: str) -> Finding:
    """Tell the type of the file system, from the longest mount point above the folder."""
    check = "file system"
    place, best, kind = os.path.realpath(folder), "", ""
    try:
        with open(MOUNTS, encoding="utf-8", errors="replace") as mounts:
            for line in mounts:
                _, point, its_kind, *_ = line.split(" ")
                point = point.replace("\\040", " ")
                if len(point) >= len(best) and (place + "/").startswith(point.rstrip("/") + "/"):
                    best, kind = point, its_kind
    except (OSError, ValueError):
        return Finding(check, OK, f"not told by {sys.platform}")
    if kind in REMOTE:
        return Finding(check, WARNING, f"{folder} is on {kind} ({best}): slow, and locks may not hold there", _MOVE)
    return Finding(check, OK, f"{kind} ({best})")


def _lock(folder: str) -> Finding:
    """Take a lock twice: the second time must fail."""
    from moai_flow.hook.state import files

    check, path = "lock", os.path.join(folder, f"doctor-{os.getpid()}.lock")
    held = []
    try:
        started = time.perf_counter()
        held = [files.try_lock(path)]
        milliseconds = (time.perf_counter() - started) * 1000
        held.append(files.try_lock(path))
    except OSError as error:
        return Finding(check, BROKEN, f"{path}: {error.strerror}", _MOVE)
    finally:
        for descriptor in held:
            if descriptor >= 0:
                files.close(descriptor)
        if held:
            os.unlink(path)
    if held[0] < 0 or held[1] >= 0:
        return Finding(check, BROKEN, "two processes can hold it at once", _MOVE)
    return Finding(check, OK, f"holds, taken in {milliseconds:.1f} ms")


def _ledgers(folder: str) -> Iterator[Finding]:
    """Read every ledger without changing it."""
    known = ledgers.ids(folder)
    damaged, latest, is_newer = [], None, False
    for session_id in known:
        try:
            session = ledgers.read(folder, session_id).session
        except NewerStateError:
            is_newer = True
        except (StateError, OSError):
            damaged.append(session_id)
        else:
            latest = latest or session
    text = f"{len(known)} sessions"
    if is_newer:
        advice = "Bring this installation up to date; those sessions are not metered by it."
        yield Finding("ledgers", BROKEN, f"{text}, some written by a newer version", advice)
    elif damaged:
        advice = "The session's next hook sets it aside and measures anew."
        yield Finding("ledgers", WARNING, f"{text}, damaged: {', '.join(damaged[:3])}", advice)
    else:
        yield Finding("ledgers", OK, text)
    if latest is not None:
        yield _window(latest)


def _window(session: Session) -> Finding:
    check = "window size"
    if session.window_size:
        source = f" (from the {session.size_source})" if session.size_source else ""
        return Finding(check, OK, f"{session.window_size:,} tokens in session {session.session_id}{source}")
    return Finding(
        check,
        WARNING,
        f"unknown in session {session.session_id}, so 200,000 tokens are assumed",
        "The status line learns it: `token-budget install` adds it where there is none.",
    )
