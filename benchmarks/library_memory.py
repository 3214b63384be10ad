"""The memory of one more swarm in a budget, with all that it refers to, in bytes.

Counted by tracemalloc as the growth from 1,000 swarms to 2,000, each with a name, figures and times of its own.
"""

from __future__ import annotations

import gc
import tracemalloc

from running import options, tell

from moai_flow.resource import BudgetConfig, TokenBudget

SWARMS = 1_000


def fill(budget: TokenBudget, start: int) -> None:
    """Add swarms that have consumed and reserved, as a session's have."""
    for number in range(start, start + SWARMS):
        swarm_id = f"swarm-backend-{number}"
        assert budget.allocate_swarm(swarm_id, 50_000 + number)
        assert budget.consume(swarm_id, 20_000 + number)
        assert budget.reserve(swarm_id, 1_000 + number)


def main() -> None:
    """Measure the growth of a budget."""
    arguments = options(__doc__, 1)
    budget = TokenBudget(config=BudgetConfig(total_budget=10**12))
    tracemalloc.start()
    fill(budget, 0)
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    fill(budget, SWARMS)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tell(__file__, [("one more swarm, bytes", (after - before) / SWARMS, 600)], arguments)


if __name__ == "__main__":
    main()
