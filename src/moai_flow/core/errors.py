"""What can go wrong, as the library reports it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class TokenBudgetError(Exception):
    """Every error of this package that is not a plain `TypeError` or `ValueError`."""


class ConfigError(TokenBudgetError, ValueError):
    """A configuration that cannot be used; the message names file, key and reason."""


class StateError(TokenBudgetError):
    """A state file that cannot be read or written; the message names the file and what to do next."""


class CorruptStateError(StateError):
    """A state file whose content is not what was written."""


class NewerStateError(StateError):
    """A state file written by a newer version of this package; it is left alone."""


class LockTimeoutError(StateError, TimeoutError):
    """Another process kept the lock for too long; the message names the file and the holder."""


class ConnectionLostError(StateError, ConnectionError):
    """A server that keeps the state gave no answer in time.

    Attributes:
        made: whether the change was made: True or False, None while that is not known.
    """

    def __init__(self, message: str, *, made: bool | None) -> None:
        super().__init__(message)
        self.made = made
        self.result: Any = None
        self._settle: Callable[[], None] | None = None
        self._again: Callable[[], Any] | None = None

    def on_retry(self, settle: Callable[[], None], again: Callable[[], Any]) -> None:
        """Take what `retry` does: find out whether the change was made, and make it."""
        self._settle, self._again = settle, again

    def retry(self) -> Any:
        """Make the change if it was not made, and return what the call would have; it never counts twice.

        Raises:
            ConnectionLostError: there is still no answer.
        """
        if self.made is None and self._settle is not None:
            self._settle()
        if not self.made and self._again is not None:
            self.result = self._again()
            self.made = True
        return self.result
