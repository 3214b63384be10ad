"""The shared state file of the library: read, change and replace it under a lock.

Nothing can be rebuilt here, so every change is synced to disk before it is acknowledged, and a lock that cannot be
had is an error. Reading takes no lock: the file is always a whole one.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from moai_flow.core import codec
from moai_flow.core.errors import CorruptStateError, LockTimeoutError, NewerStateError, StateError
from moai_flow.core.ledger import Ledger
from moai_flow.resource.file_lock import LOCK_TIMEOUT, locked
from moai_flow.resource.files import read_regular, write_atomically
from moai_flow.resource.forking import renew_after_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moai_flow.core.config import BudgetConfig

Result = TypeVar("Result")

MAX_BYTES = 1 << 26
"""Bytes of a state that are read at most: about 400,000 swarms."""


class StateFile:
    """A ledger in a file that several processes share. Thread-safe.

    Args:
        path: the file; its folder is created at the first change.
        config: the settings of the ledger that is read.
        sync: whether a change is on disk before it is acknowledged.
        timeout: seconds to wait for the lock.
    """

    def __init__(self, path: str, config: BudgetConfig, *, sync: bool = True, timeout: float = LOCK_TIMEOUT) -> None:
        # The same file through a link must have the same lock.
        self.path = os.path.realpath(path)
        self.lock_path = self.path + ".lock"
        self._config = config
        self._sync = sync
        self._timeout = timeout
        self.renew_lock()
        renew_after_fork(self)

    def renew_lock(self) -> None:
        """Make the lock of this process's threads anew."""
        self._threads = threading.Lock()

    def read(self) -> Ledger:
        """Return the ledger as it is now; a missing file is an empty ledger.

        Raises:
            StateError: the file cannot be read, is damaged or was written by a newer version.
        """
        try:
            data = read_regular(self.path, MAX_BYTES, follow=False)
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
            LockTimeoutError: another process or thread keeps the lock.
            StateError: the file cannot be read or written.
        """
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
        except OSError as error:
            raise StateError(f"{self.path}: its folder cannot be made ({error.strerror})") from error
        with self._locked():
            ledger = self.read()
            result = operation(ledger)
            if result is not False:
                try:
                    write_atomically(self.path, codec.encode(ledger), sync=self._sync)
                except OSError as error:
                    raise StateError(f"{self.path}: cannot be written ({error.strerror})") from error
            return result

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock against other threads and processes; all waiting together takes `timeout` at most."""
        began = time.monotonic()
        threads = self._threads
        if not threads.acquire(timeout=self._timeout):
            raise LockTimeoutError(
                f"{self.lock_path}: other threads of this process wait for it or hold it for more than "
                f"{self._timeout:g} seconds"
            )
        try:
            with locked(self.lock_path, self._timeout, since=began):
                yield
        finally:
            threads.release()
