"""What becomes of locks when a process forks while other threads hold them.

A child has the forking thread only, so a lock that another thread held stays locked there for ever. A lock over what
is in memory is therefore taken before the fork, so that the child's copy is whole; one that may be held for seconds
(while a file's lock is waited for) is made anew in the child instead.
"""

from __future__ import annotations

import os
import threading
from typing import Protocol
from weakref import WeakSet


class Renewed(Protocol):
    """What has a lock that a child of a fork gets anew."""

    def renew_lock(self) -> None:
        """Make the lock anew; no other thread exists yet."""


_held: WeakSet[threading.RLock] = WeakSet()
_renewed: WeakSet[Renewed] = WeakSet()
_taken: list[threading.RLock] = []


def held_lock() -> threading.RLock:
    """Return a lock that no other thread holds while this process forks; to be held for microseconds only."""
    lock = threading.RLock()
    _held.add(lock)
    return lock


def renew_after_fork(owner: Renewed) -> None:
    """Let `owner` make its lock anew in every child, as long as it lives."""
    _renewed.add(owner)


def _before() -> None:
    for lock in list(_held):
        lock.acquire()
        _taken.append(lock)


def _release() -> None:
    while _taken:
        _taken.pop().release()


def _in_child() -> None:
    _release()
    for owner in list(_renewed):
        owner.renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_release, after_in_child=_in_child)
