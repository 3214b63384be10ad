"""A lock that processes share: on a permanent, empty file, which is never removed.

Locking a file that is then replaced loses updates, and unlinking a lock file splits it in two.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import portalocker

from moai_flow.core.errors import LockTimeoutError, StateError
from moai_flow.resource.files import NO_LINK, OPEN_FLAGS

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK_TIMEOUT = 10.0
"""Seconds to wait for another process."""

LOCK_INTERVAL = 0.002
"""Seconds between two tries; portalocker's own 0.25 makes 32 contenders take 22 times the ideal."""

_descriptors: set[int] = set()
_opening = threading.RLock()


@contextmanager
def locked(lock_path: str, timeout: float = LOCK_TIMEOUT, *, since: float | None = None) -> Iterator[None]:
    """Hold the lock of `lock_path`, which is created if missing and stays.

    Args:
        lock_path: the lock's file.
        timeout: seconds to wait for it.
        since: when the caller began to wait, in seconds of `time.monotonic`; None for now.

    Raises:
        LockTimeoutError: another process kept it until then; names the file and the holder's pid.
        StateError: the lock file cannot be opened (a link, no regular file, a read-only folder).
    """
    descriptor = _open(lock_path)
    try:
        _take(descriptor, lock_path, timeout, time.monotonic() if since is None else since)
        yield
    finally:
        _close(descriptor)


def _open(lock_path: str) -> int:
    with _opening:
        try:
            descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | OPEN_FLAGS | NO_LINK, 0o600)
        except OSError as error:
            raise StateError(f"{lock_path}: cannot be opened ({error.strerror}); check the folder's rights") from error
        _descriptors.add(descriptor)
    try:
        is_regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError as error:
        _close(descriptor)
        raise StateError(f"{lock_path}: cannot be read ({error.strerror}); check the file system") from error
    if not is_regular:
        _close(descriptor)
        raise StateError(f"{lock_path}: cannot be opened (not a regular file); move it away")
    return descriptor


def _take(descriptor: int, lock_path: str, timeout: float, since: float) -> None:
    while True:
        try:
            portalocker.lock(descriptor, portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING)
        except portalocker.AlreadyLocked as error:  # noqa: PERF203 - the loop is there for it
            if time.monotonic() >= since + timeout:
                raise LockTimeoutError(
                    f"{lock_path}: held by {_holder(descriptor)} for more than {timeout:g} seconds; "
                    "if that process hangs, end it (the lock goes with it; nothing needs deleting)"
                ) from error
            time.sleep(LOCK_INTERVAL)
        except portalocker.LockException as error:
            raise StateError(f"{lock_path}: cannot be locked ({error}); check the file system") from error
        else:
            return


def _close(descriptor: int) -> None:
    """Give the lock back, unless this is a child that was forked meanwhile: there the lock is its parent's."""
    if descriptor not in _descriptors:
        return
    _descriptors.discard(descriptor)
    # Unlocked, not only closed: a child that was forked meanwhile has the same open file, and would keep the lock.
    # What was done under the lock is done, even if this reports an error.
    with suppress(OSError, portalocker.LockException):
        portalocker.unlock(descriptor)
    with suppress(OSError):
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    """Return "process N" for the holder of the lock, as far as the system tells (Linux does)."""
    with suppress(OSError):
        inode = os.fstat(descriptor).st_ino
        with open("/proc/locks", encoding="ascii") as table:
            for line in table:
                fields = line.split()
                # "1: FLOCK ADVISORY WRITE 4242 fe:01:1234 0 EOF"; waiters have "->" in the second place.
                if fields[1:2] == ["FLOCK"] and fields[5].endswith(f":{inode}"):
                    return f"process {fields[4]}"
    return "another process"


def _before() -> None:
    _opening.acquire()


def _in_parent() -> None:
    _opening.release()


def _in_child() -> None:
    """Close what the parent has locked: the lock must go with the parent, also if that is killed."""
    for descriptor in _descriptors:
        with suppress(OSError):
            os.close(descriptor)
    _descriptors.clear()
    _opening.release()


if hasattr(os, "register_at_fork"):
    # Held during the fork, so that no descriptor is open and not yet known.
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
