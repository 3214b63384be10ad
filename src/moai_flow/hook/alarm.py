"""A bound on anything that may hang: an alarm clock without importing `signal`, which brings `enum`."""

from __future__ import annotations

import _signal as signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType


class Elapsed(BaseException):  # noqa: N818 - an event; and no `except Exception` may swallow it
    """The time is over."""


def _ring(number: int, frame: FrameType | None) -> None:
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
