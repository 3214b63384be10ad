"""The process of a hook: a limit on its time, its input and its environment.

The alarm clock comes without importing `signal`, which brings `enum`.
"""

from __future__ import annotations

import _signal as signals  # type: ignore[import-not-found] # what `signal` wraps; it has no stub
import posix
from posix import _exit
from time import monotonic

WORK_SECONDS = 5.0
"""Seconds after which a hook or a status line gives up, whatever hangs (a network file system, say)."""

BUSY_SECONDS = 0.8
"""Seconds of processor time after which it gives up; a usual one takes a hundredth of it."""


INPUT_SECONDS = 0.7
"""Seconds that the input may take to come."""

MAX_BYTES = 6_000_000
"""Bytes of input that are read; a larger one is left to the next measurement."""

_CHUNK = 1 << 16
_STDIN = 0


class Elapsed(BaseException):  # an event; and no `except Exception` may swallow it
    """The time is over."""


_limits: list[watchdog] = []
"""The watchdog of this process, while there is one."""


def _ring(*_: object) -> None:
    if _limits and monotonic() >= _limits[0].end:
        _give_up()
    raise Elapsed


def _give_up(*_: object) -> None:
    # Not an exception: whatever hangs would first be tidied up after. A ledger bears it like a kill.
    _exit(0)


class watchdog:  # noqa: N801 - reads as a phrase: `with alarm.watchdog(5.0, 0.8)`
    """End the process, with exit code 0, when the block takes too long. Not to be nested.

    Args:
        seconds: how long it may take, whatever it waits for.
        busy: seconds of processor time it may use, which do not pass while others have the processor.
    """

    __slots__ = ("busy", "end", "seconds")

    def __init__(self, seconds: float, busy: float) -> None:
        self.seconds = seconds
        self.busy = busy
        self.end = 0.0

    def __enter__(self) -> None:
        self.end = monotonic() + self.seconds
        _limits.append(self)
        signals.signal(signals.SIGALRM, _ring)
        signals.setitimer(signals.ITIMER_REAL, self.seconds)
        signals.signal(signals.SIGPROF, _give_up)
        signals.setitimer(signals.ITIMER_PROF, self.busy)

    def __exit__(self, *_: object) -> None:
        _limits.clear()
        signals.setitimer(signals.ITIMER_REAL, 0)
        signals.setitimer(signals.ITIMER_PROF, 0)


class time_limit:  # noqa: N801 - reads as a phrase: `with time_limit(0.7)`
    """Raise `Elapsed` inside the block when it takes longer than `seconds`. Not to be nested."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        signals.signal(signals.SIGALRM, _ring)
        signals.setitimer(signals.ITIMER_REAL, min(self.seconds, _left()))

    def __exit__(self, *_: object) -> None:
        signals.setitimer(signals.ITIMER_REAL, _left() if _limits else 0)


def _left() -> float:
    """Return the seconds until the watchdog ends the process, more than 0."""
    return max(0.001, _limits[0].end - monotonic()) if _limits else 3600.0


def detach() -> None:
    """Outlive the client, which ends the process groups of hooks it does not wait for when the session ends."""
    try:
        posix.setsid()
    except OSError:
        # Started without `hooks/run`, it leads its group already.
        return


def read_input() -> bytes:
    """Return standard input, b"" for one that is too large; it is read to its end, or the client's write fails.

    Raises:
        Elapsed: it did not end in `INPUT_SECONDS`.
    """
    chunks = []
    size = 0
    with time_limit(INPUT_SECONDS):
        while chunk := posix.read(_STDIN, _CHUNK):
            size += len(chunk)
            if size <= MAX_BYTES:
                chunks.append(chunk)
            else:
                chunks.clear()
    return b"".join(chunks) if size <= MAX_BYTES else b""


def environment() -> dict[str, str]:
    """Return the environment as text."""
    return {
        name.decode("utf-8", "surrogateescape"): value.decode("utf-8", "surrogateescape")
        for name, value in posix.environ.items()
    }
