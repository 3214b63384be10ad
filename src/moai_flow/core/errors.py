"""What can go wrong, as the library reports it."""

from __future__ import annotations


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
