"""A bound on anything that may hang: an alarm clock without importing `signal`, which brings `enum`."""

from __future__ import annotations

import _signal as signals  # type: ignore[import-not-found] # what `signal` wraps; without type information

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType


class Elapsed(BaseException):
    """The time is over. No `except Exception` may swallow it."""


def _ring(_number: int, _frame: FrameType | None) -> None:
    raise Elapsed


class after:  # noqa: N801 - reads as a phrase: `with alarm.after(0.8)`
    """Raise `Elapsed` inside the block when it takes longer than `seconds`. Not to be nested."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        signals.signal(signals.SIGALRM, _ring)
        signals.setitimer(signals.ITIMER_REAL, self.seconds)

    def __exit__(self, *_: object) -> None:
        signals.setitimer(signals.ITIMER_REAL, 0)
