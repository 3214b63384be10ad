"""The terminal while something is shown live: `rich` draws it, single keys are read, everything is put back after."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

from rich.live import Live
from rich.segment import Segment

from moai_flow.cli.view.console import console

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from typing_extensions import Self


class Screen:
    """Standard output as a screen that is drawn over and over; to be used with `with`."""

    def __init__(self) -> None:
        self._console = console()
        self._live = Live(console=self._console, screen=True, auto_refresh=False)
        self._keys = sys.stdin.fileno() if sys.stdin.isatty() else -1
        self._modes: list[Any] = []

    def __enter__(self) -> Self:
        import termios
        import tty

        if self._keys >= 0:
            self._modes = termios.tcgetattr(self._keys)
            tty.setcbreak(self._keys)
        self._handler = signal.signal(signal.SIGTERM, _end)
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        if self._modes:
            import termios

            termios.tcsetattr(self._keys, termios.TCSADRAIN, self._modes)
        signal.signal(signal.SIGTERM, self._handler)

    @property
    def width(self) -> int:
        """Columns."""
        return self._console.width

    def draw(self, parts: Sequence[RenderableType], footer: str) -> None:
        """Show parts in place of what is there; the footer stays at the bottom when there are too many."""
        self._live.update(_Page(parts, footer), refresh=True)

    def key(self, seconds: float) -> str:
        """Wait for a key for so many seconds and return it, "" for none."""
        if self._keys < 0:
            time.sleep(seconds)
            return ""
        if not select.select([self._keys], [], [], seconds)[0]:
            return ""
        # At the end of the input no key can be pressed any more.
        return os.read(self._keys, 1).decode("ascii", "replace") or "q"


class _Page:
    """Parts one below the other, cut to the height of the terminal, above a footer."""

    def __init__(self, parts: Sequence[RenderableType], footer: str) -> None:
        self._parts = parts
        self._footer = footer

    def __rich_console__(self, terminal: Console, options: ConsoleOptions) -> RenderResult:
        whole = options.update(height=None)
        lines = [line for part in self._parts for line in terminal.render_lines(part, whole)]
        for line in lines[: terminal.height - 1]:
            yield from line
            yield Segment.line()
        yield Segment(self._footer[: terminal.width])


def _end(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - what a signal handler is given
    raise SystemExit(128 + number)
