"""`TokenBudget.consume` on shared state against portalocker, json and os.replace by hand, with the same syncing.

What is done by hand keeps the same figures in the same kind of file: one swarm and the last 50 entries of a history.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from pathlib import Path
from time import perf_counter, time
from typing import TYPE_CHECKING, Any

import portalocker
from running import options, tell

from moai_flow.resource import BudgetConfig, TokenBudget
from moai_flow.resource.state_file import StateFile

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 20
SWARM = "swarm-backend"


class ByHand:
    """A shared count as anybody would write it."""

    def __init__(self, path: Path, *, sync: bool) -> None:
        self.path = path
        self.sync = sync
        path.write_text(json.dumps({"swarms": {SWARM: {"allocated": 10**9, "consumed": 0}}, "history": []}))

    def consume(self, tokens: int) -> bool:
        """Count tokens if they fit."""
        with portalocker.Lock(f"{self.path}.lock", "a", timeout=10, check_interval=0.002):
            with self.path.open() as file:
                state: dict[str, Any] = json.load(file)
            swarm = state["swarms"][SWARM]
            if swarm["consumed"] + tokens > swarm["allocated"]:
                return False
            swarm["consumed"] += tokens
            state["history"] = [*state["history"], [time(), SWARM, "consume", tokens]][-50:]
            temporary = f"{self.path}.tmp"
            with open(temporary, "w") as file:  # noqa: PTH123 - by hand
                json.dump(state, file)
                if self.sync:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(temporary, self.path)  # noqa: PTH105 - by hand
            if self.sync:
                folder = os.open(self.path.parent, os.O_RDONLY)
                os.fsync(folder)
                os.close(folder)
        return True


def ours(path: Path, *, sync: bool) -> Callable[[int], bool]:
    """Return the library's `consume` on a state file, synced as every budget is, or not synced."""
    budget = TokenBudget(config=BudgetConfig(total_budget=10**12), state_path=path)
    budget._file = StateFile(str(path), budget.config, sync=sync)  # noqa: SLF001 - budgets are always synced
    budget.allocate_swarm(SWARM, 10**9)
    return lambda tokens: budget.consume(SWARM, tokens)


def batch(consume: Callable[[int], bool]) -> float:
    """Return the seconds of `BATCH` calls."""
    started = perf_counter()
    for _ in range(BATCH):
        assert consume(1)
    return perf_counter() - started


def main() -> None:
    """Measure both side by side, not synced and synced."""
    arguments = options(__doc__, 60)
    rows = []
    for sync, word in ((False, "not synced"), (True, "synced")):
        with tempfile.TemporaryDirectory() as folder:
            hand = ByHand(Path(folder, "hand.json"), sync=sync).consume
            library = ours(Path(folder, "library.json"), sync=sync)
            samples: list[tuple[float, float]] = []
            for number in range(arguments.rounds + 5):
                pair = batch(hand), batch(library)
                if number >= 5:  # the histories are full then
                    samples.append(pair)
        by_hand, by_library = (statistics.median(side) / BATCH * 1e6 for side in zip(*samples, strict=True))
        print(f"{word}: by hand {by_hand:.0f} us, library {by_library:.0f} us")
        rows.append((f"`consume` on shared state, {word} / by hand", by_library / by_hand, 1.2))
    tell(__file__, rows, arguments)


if __name__ == "__main__":
    main()
