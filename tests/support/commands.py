"""What the fixtures of the command line's tests are."""

from collections.abc import Callable

from click.testing import Result

Hook = Callable[..., str]
"""Runs the hook on an event: (session, event name, **fields of the payload) -> what it prints."""

Run = Callable[..., Result]
"""Runs the command line with some arguments."""
