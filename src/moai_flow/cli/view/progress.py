"""A progress bar for what takes longer than a moment."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress

PATIENCE_SECONDS = 0.5
"""Seconds without a bar: what is done by then needs none."""


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Give a function that takes what was done; after half a second it shows a bar, on a terminal only.

    Args:
        label: what is done.
        total: the sum of all that will be done.
    """
    began, done = time.monotonic(), 0
    bar: Progress | None = None

    def advance(amount: int) -> None:
        nonlocal done, bar
        done += amount
        if bar is None and done < total and time.monotonic() - began > PATIENCE_SECONDS and sys.stderr.isatty():
            bar = _bar()
            bar.add_task(label, total=total)
            bar.start()
        if bar is not None:
            bar.update(bar.task_ids[0], completed=done, refresh=True)

    try:
        yield advance
    finally:
        if bar is not None:
            bar.stop()


def _bar() -> Progress:
    """Return a bar on standard error that leaves nothing behind; it draws on request, without a thread."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)
