"""Ways to share a counter among processes, right and wrong, and a worker that charges it.

Run as `python state_designs.py DESIGN PATH CHARGES`: says "ready", waits for a line, charges, and prints how often it
found somebody else inside.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moai_flow.core import allocations
from moai_flow.resource import BudgetConfig
from moai_flow.resource.state_file import StateFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from moai_flow.core.ledger import Ledger

    Work = Callable[[], None]

SWARM = "s"
CONFIG = BudgetConfig(total_budget=1_000_000)


def _count(path: str) -> int:
    try:
        return int(json.loads(Path(path).read_text(encoding="ascii"))["count"])
    except (OSError, ValueError):  # torn, or not there
        return 0


def _rename(path: str, count: int) -> None:
    temporary = f"{path}.{os.getpid()}"
    Path(temporary).write_text(json.dumps({"count": count}), encoding="ascii")
    os.replace(temporary, path)  # noqa: PTH105 - what the designs differ in is shown plainly


def rewriting_in_place(path: str, work: Work) -> None:
    count = _count(path)
    work()
    Path(path).write_text(json.dumps({"count": count + 1}), encoding="ascii")


def atomic_rename_without_lock(path: str, work: Work) -> None:
    count = _count(path)
    work()
    _rename(path, count + 1)


def locking_the_data_file_that_is_renamed(path: str, work: Work) -> None:
    with open(path, "a+", encoding="ascii") as file:  # noqa: PTH123
        fcntl.flock(file, fcntl.LOCK_EX)
        count = _count(path)
        work()
        _rename(path, count + 1)


def unlinking_the_lock_file_on_release(path: str, work: Work) -> None:
    lock = path + ".lock"
    with open(lock, "a+", encoding="ascii") as file:  # noqa: PTH123
        fcntl.flock(file, fcntl.LOCK_EX)
        count = _count(path)
        work()
        _rename(path, count + 1)
        Path(lock).unlink(missing_ok=True)


def state_file(path: str, work: Work, *, sync: bool = False) -> None:
    def charge(ledger: Ledger) -> bool:
        work()
        return ledger.consume(SWARM, 1, time.time())

    assert StateFile(path, CONFIG, sync=sync).change(charge)


def synced_state_file(path: str, work: Work) -> None:
    state_file(path, work, sync=True)


BROKEN: dict[str, Any] = {
    design.__name__: design
    for design in (
        rewriting_in_place,
        atomic_rename_without_lock,
        locking_the_data_file_that_is_renamed,
        unlinking_the_lock_file_on_release,
    )
}
SOUND: dict[str, Any] = {design.__name__: design for design in (state_file, synced_state_file)}


def begin(design: str, path: str) -> None:
    if design in SOUND:
        StateFile(path, CONFIG).change(lambda ledger: allocations.allocate(ledger, SWARM, 900_000, time.time()))


def counted(design: str, path: str) -> int:
    return StateFile(path, CONFIG).read().swarms[SWARM].consumed if design in SOUND else _count(path)


class Marker:
    """A file that is there while somebody works; finding it there means that two are inside."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.met = 0

    def __call__(self) -> None:
        try:
            self.path.touch(exist_ok=False)
        except FileExistsError:
            self.met += 1
        time.sleep(0.0005)
        self.path.unlink(missing_ok=True)


def main(design: str, path: str, charges: str) -> None:
    marker = Marker(path + ".inside")
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    for _ in range(int(charges)):
        (BROKEN | SOUND)[design](path, marker)
    print(marker.met, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
