"""Work on many sessions, by several processes where that is faster."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")
R = TypeVar("R")

PARALLEL_BYTES = 20_000_000
"""Bytes to read from which on several processes are faster than one."""

MAX_PROCESSES = 8
TICK_SECONDS = 0.2


def over(tasks: Sequence[T], work: Callable[[T], R], size: Callable[[T], int]) -> Iterator[tuple[T, R] | None]:
    """Yield each task with its result, in any order; None comes now and then while all processes are busy.

    Args:
        tasks: what is to be done.
        work: a function of a module, which other processes can find.
        size: the bytes that a task reads.
    """
    processes = min(MAX_PROCESSES, os.cpu_count() or 1, len(tasks))
    if processes < 2 or sum(size(task) for task in tasks) < PARALLEL_BYTES:  # noqa: PLR2004 - this one
        for task in tasks:
            yield task, work(task)
        return
    import multiprocessing  # noqa: PLC0415 - where it pays

    # A fork shares the modules that are loaded.
    method = "fork" if sys.platform == "linux" else "spawn"
    largest_first = sorted(tasks, key=lambda task: -size(task))
    with multiprocessing.get_context(method).Pool(processes) as pool:
        numbered: _Numbered[T, R] = _Numbered(work)
        done = pool.imap_unordered(numbered, enumerate(largest_first))
        remaining = len(largest_first)
        while remaining:
            try:
                number, result = done.next(timeout=TICK_SECONDS)
            except multiprocessing.TimeoutError:  # noqa: PERF203 - sessions take longer than this
                yield None
            else:
                remaining -= 1
                yield largest_first[number], result


class _Numbered(Generic[T, R]):
    """The work on a task with a number, as a thing that can be sent to another process."""

    def __init__(self, work: Callable[[T], R]) -> None:
        self.work = work

    def __call__(self, task: tuple[int, T]) -> tuple[int, R]:
        return task[0], self.work(task[1])
