"""The shared state file of the library: read, change and replace it under a lock.

The lock is taken on a permanent, empty file beside the data, which is never removed: locking a file that is
then replaced loses updates, and unlinking a lock file splits it in two. Nothing can be rebuilt here, so every
change is synced to disk before it is acknowledged, and a lock that cannot be had is an error.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

import portalocker

from moai_flow.core import codec
from moai_flow.core.errors import CorruptStateError, LockTimeoutError, NewerStateError, StateError
from moai_flow.core.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moai_flow.core.config import BudgetConfig

Result = TypeVar("Result")

LOCK_TIMEOUT = 10.0
"""Seconds to wait for another process."""

LOCK_INTERVAL = 0.002
"""Seconds between two tries; portalocker's own 0.25 makes 32 contenders take 22 times the ideal."""

_OPEN_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_REPLACE_TRIES = 50


@contextmanager
def locked(lock_path: str, timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
    """Hold the lock of `lock_path`, which is created if missing and stays.

    Raises:
        LockTimeoutError: another process kept it for `timeout` seconds; names the file and the holder's pid.
        StateError: the lock file cannot be opened (a link, a read-only folder).
    """
    try:
        descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | _OPEN_FLAGS, 0o600)
    except OSError as error:
        raise StateError(f"{lock_path}: cannot be opened ({error.strerror}); check the folder's rights") from error
    try:
        deadline = time.monotonic() + timeout
        while True:
            try:
                portalocker.lock(descriptor, portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING)
                break
            except portalocker.AlreadyLocked as error:
                if time.monotonic() >= deadline:
                    holder = _holder(descriptor)
                    raise LockTimeoutError(
                        f"{lock_path}: held by {holder} for more than {timeout:g} seconds; "
                        "if that process hangs, end it (the lock goes with it; nothing needs deleting)"
                    ) from error
                time.sleep(LOCK_INTERVAL)
            except portalocker.LockException as error:
                raise StateError(f"{lock_path}: cannot be locked ({error}); check the file system") from error
        yield
    finally:
        # The lock is gone even if this reports an error, and what was done under it is done.
        with suppress(OSError):
            os.close(descriptor)


def _holder(descriptor: int) -> str:
    """Return "process N" for whoever holds the lock, as far as the system tells (Linux does)."""
    inode = os.fstat(descriptor).st_ino
    with suppress(OSError), open("/proc/locks", encoding="ascii") as table:
        for line in table:
            fields = line.split()
            # "1: FLOCK ADVISORY WRITE 4242 fe:01:1234 0 EOF"; waiters have "->" in the second place.
            if fields[1:2] == ["FLOCK"] and fields[5].endswith(f":{inode}"):
                return f"process {fields[4]}"
    return "another process"


def write_atomically(path: str, data: bytes, *, sync: bool) -> None:
    """Replace the file at `path` by one that holds `data`: afterwards it is the old or the new one, never a mix.

    To be called by the holder of the file's lock.

    Args:
        path: the file, which may not exist yet.
        data: its bytes.
        sync: whether the bytes and the name are on disk when this returns.

    Raises:
        OSError: as the system reports it; the old file is untouched.
    """
    # One name for all: only the holder of the lock writes, and what a killed process left is written over.
    temporary = path + ".tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _OPEN_FLAGS, 0o600)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            if sync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    if sync and os.name == "posix":
        folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _replace(temporary: str, path: str) -> None:
    """Rename over `path`; on Windows that fails while a reader has the file open, so it is tried again."""
    for _ in range(_REPLACE_TRIES):
        try:
            os.replace(temporary, path)
        except PermissionError:  # noqa: PERF203 - the loop is there for it
            if os.name == "posix":
                raise
            time.sleep(LOCK_INTERVAL)
        else:
            return
    os.replace(temporary, path)


class StateFile:
    """A ledger in a file that several processes share.

    Args:
        path: the file; its folder is created at the first change.
        config: the settings of the ledger that is read.
        sync: whether a change is on disk before it is acknowledged.
        timeout: seconds to wait for the lock.
    """

    def __init__(self, path: str, config: BudgetConfig, *, sync: bool = True, timeout: float = LOCK_TIMEOUT) -> None:
        # Whoever comes through a link must find the same lock.
        self.path = os.path.realpath(path)
        self.lock_path = self.path + ".lock"
        self._config = config
        self._sync = sync
        self._timeout = timeout

    def read(self) -> Ledger:
        """Return the ledger as it is now; a missing file is an empty ledger.

        Raises:
            StateError: the file cannot be read, is damaged or was written by a newer version.
        """
        try:
            with open(self.path, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return Ledger(self._config)
        except OSError as error:
            raise StateError(f"{self.path}: cannot be read ({error.strerror})") from error
        try:
            return codec.decode(data, self._config)
        except NewerStateError as error:
            raise NewerStateError(f"{self.path}: {error}; update moai-flow-token-budget") from error
        except CorruptStateError as error:
            raise CorruptStateError(f"{self.path}: {error}; move it away to start with an empty budget") from error

    def change(self, operation: Callable[[Ledger], Result], *_: object) -> Result:
        """Apply `operation` to the ledger and store what it became; return what it returned.

        Whatever `operation` raises leaves the file as it was. One that returns False changed nothing.

        Raises:
            LockTimeoutError: another process keeps the lock.
            StateError: the file cannot be read or written.
        """
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
        except OSError as error:
            raise StateError(f"{self.path}: its folder cannot be made ({error.strerror})") from error
        with locked(self.lock_path, self._timeout):
            ledger = self.read()
            result = operation(ledger)
            if result is not False:
                try:
                    write_atomically(self.path, codec.encode(ledger), sync=self._sync)
                except OSError as error:
                    raise StateError(f"{self.path}: cannot be written ({error.strerror})") from error
            return result
