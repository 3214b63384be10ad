"""The terminal while something is shown live: a screen of its own, single keys, and everything put back afterwards."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from typing_extensions import Self

# The other screen without a cursor, where a long line is cut and not wrapped.
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h\x1b[?1049l"
_HOME, _CLEAR_LINE, _CLEAR_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


class Screen:
    """Standard output as a screen that is drawn over and over; to be used with `with`."""

    _modes: list[Any]

    def __enter__(self) -> Self:
        import termios
        import tty

        self._keys = sys.stdin.fileno() if sys.stdin.isatty() else -1
        self._modes = []
        if self._keys >= 0:
            self._modes = termios.tcgetattr(self._keys)
            tty.setcbreak(self._keys)
        self._handler = signal.signal(signal.SIGTERM, _end)
        self._write(_ENTER)
        return self

    def __exit__(self, *_: object) -> None:
        self._write(_LEAVE)
        if self._modes:
            import termios

            termios.tcsetattr(self._keys, termios.TCSADRAIN, self._modes)
        signal.signal(signal.SIGTERM, self._handler)

    def draw(self, lines: Sequence[str]) -> None:
        """Show lines in place of what is there; the last one stays at the bottom when there are too many."""
        rows = shutil.get_terminal_size().lines
        shown = [*lines[: rows - 1], lines[-1]] if len(lines) > rows else lines
        body = "\n".join([line + _CLEAR_LINE for line in shown])
        self._write(_HOME + body + _CLEAR_BELOW)

    def key(self, seconds: float) -> str:
        """Wait for a key for so many seconds and return it, "" for none."""
        if self._keys < 0:
            time.sleep(seconds)
            return ""
        if not select.select([self._keys], [], [], seconds)[0]:
            return ""
        # At the end of the input nobody can press a key any more.
        return os.read(self._keys, 1).decode("ascii", "replace") or "q"

    @staticmethod
    def _write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


def _end(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - what a signal handler is given
    raise SystemExit(128 + number)
