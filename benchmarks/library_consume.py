"""`TokenBudget.consume` in memory, one thread, against an RLock, a dict look-up and an addition.

Batches of both alternate; the figure is the ratio of the fastest batches, which the machine disturbed least.
"""

from __future__ import annotations

import threading
from time import perf_counter
from typing import TYPE_CHECKING

from running import options, tell

from moai_flow.resource import BudgetConfig, TokenBudget

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 2_000


class Counter:
    """The least that a thread-safe count by name can be."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._consumed = {"swarm-backend": 0}

    def consume(self, swarm_id: str, tokens: int) -> None:
        """Count tokens."""
        with self._lock:
            self._consumed[swarm_id] += tokens


def batch(consume: Callable[[str, int], object]) -> float:
    """Return the seconds of `BATCH` calls."""
    started = perf_counter()
    for _ in range(BATCH):
        consume("swarm-backend", 1)
    return perf_counter() - started


def main() -> None:
    """Measure both side by side."""
    arguments = options(__doc__, 300)
    counter = Counter()
    budget = TokenBudget(config=BudgetConfig(total_budget=10**12))
    budget.allocate_swarm("swarm-backend", 10**11)
    least, ours = [], []
    for _ in range(arguments.rounds):
        least.append(batch(counter.consume))
        ours.append(batch(budget.consume))
    print(f"least {min(least) / BATCH * 1e9:.0f} ns, consume {min(ours) / BATCH * 1e9:.0f} ns")
    tell(__file__, [("`consume` in memory / RLock, look-up, addition", min(ours) / min(least), 2.5)], arguments)


if __name__ == "__main__":
    main()
