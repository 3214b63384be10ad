"""The cost of each operation as swarms grow: 10, 100, 1,000; with --plot FILE as a picture (needs the `bench` extra).

`allocate_swarm` and `consume` must cost the same with any number of swarms, `get_global_status` and `rebalance` may
grow with it. Allocations that take from others (default limits in a full budget) look at all the others.
"""

from __future__ import annotations

import argparse
from time import perf_counter
from typing import TYPE_CHECKING

from running import options, tell

from moai_flow.resource import BudgetConfig, TokenBudget

if TYPE_CHECKING:
    from collections.abc import Callable

COUNTS = (10, 100, 1_000)


def filled(count: int, total: int = 10**12) -> TokenBudget:
    """Return a budget with `count` swarms that have consumed."""
    budget = TokenBudget(config=BudgetConfig(total_budget=total))
    for number in range(count):
        assert budget.allocate_swarm(f"swarm-{number}")
        assert budget.consume(f"swarm-{number}", 10)
    return budget


def allocate(budget: TokenBudget) -> None:
    """Add a swarm where there is room, and take it away again."""
    assert budget.allocate_swarm("new", 1_000)
    assert budget.deallocate_swarm("new")


OPERATIONS: dict[str, Callable[[TokenBudget], object]] = {
    "consume": lambda budget: budget.consume("swarm-5", 1),
    "allocate_swarm": allocate,
    "get_balance": lambda budget: budget.get_balance("swarm-5"),
    "get_global_status": TokenBudget.get_global_status,
    "rebalance": TokenBudget.rebalance,
}
CONSTANT = ("consume", "allocate_swarm", "get_balance")


def cost(operation: Callable[[TokenBudget], object], count: int, rounds: int) -> float:
    """Return the microseconds of one call, the fastest of `rounds` batches."""
    budget = filled(count)
    batch = 200 if count <= 100 else 20
    best = float("inf")
    for _ in range(rounds):
        started = perf_counter()
        for _ in range(batch):
            operation(budget)
        best = min(best, perf_counter() - started)
    return best / batch * 1e6


def plot(costs: dict[str, list[float]], path: str) -> None:
    """Draw the costs on logarithmic axes."""
    from matplotlib import pyplot as plt  # noqa: PLC0415 - only whoever wants the picture needs it

    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for name, values in costs.items():
        axes.plot(COUNTS, values, marker="o", linestyle="-" if name in CONSTANT else "--", label=name)
    axes.set(xscale="log", yscale="log", xlabel="swarms", ylabel="microseconds a call")
    axes.set_xticks(COUNTS, [f"{count:,}" for count in COUNTS])
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure every operation at every size."""
    more = argparse.ArgumentParser(add_help=False)
    more.add_argument("--plot", metavar="FILE", help="draw the costs into a picture")
    arguments = options(__doc__, 15, more)
    costs = {
        name: [cost(operation, count, arguments.rounds) for count in COUNTS] for name, operation in OPERATIONS.items()
    }
    for name, values in costs.items():
        print(f"{name:18}", *(f"{value:10.2f} us" for value in values))
    started = perf_counter()
    filled(1_000, total=200_000_000 // 10)
    print(f"1,000 default limits in a budget for 400 of them: {perf_counter() - started:.2f} s")
    rows = [(f"`{name}`, 1,000 swarms / 10", costs[name][-1] / costs[name][0], 1.5) for name in CONSTANT]
    rows += [
        (f"`{name}`, 1,000 swarms / 10", values[-1] / values[0], 150.0)
        for name, values in costs.items()
        if name not in CONSTANT
    ]
    tell(__file__, rows, arguments)
    if arguments.plot:
        plot(costs, arguments.plot)


if __name__ == "__main__":
    main()
