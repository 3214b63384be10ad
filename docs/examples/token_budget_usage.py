"""The library in use: the guide's three scenarios, then threads, persistence, and the rest of the methods.

Run it with `python docs/examples/token_budget_usage.py`; it keeps its files in a temporary folder.
"""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

from moai_flow.resource import BudgetConfig, TokenBudget


def show(title: str) -> None:
    """Print a heading."""
    print(f"\n{title}\n{'-' * len(title)}")


def tdd_cycle() -> None:
    """Scenario 1: one swarm works through the phases of a TDD cycle."""
    show("Scenario 1: TDD cycle")
    budget = TokenBudget()
    budget.allocate_swarm("swarm-tdd", 60_000)
    for phase, tokens in (("RED", 15_000), ("GREEN", 12_000), ("REFACTOR", 10_000)):
        budget.consume("swarm-tdd", tokens)
        print(f"{phase:8} {tokens:6,} tokens, {budget.get_balance('swarm-tdd'):6,} left")
    print(f"TDD cycle used {budget.get_usage_percent('swarm-tdd'):.1f}% of budget")


def several_swarms() -> None:
    """Scenario 2: several swarms share one budget, and each crossed threshold is shown once."""
    show("Scenario 2: several swarms")
    budget = TokenBudget()
    limits = {"swarm-backend": 80_000, "swarm-frontend": 70_000, "swarm-database": 30_000}
    for swarm_id, limit in limits.items():
        budget.allocate_swarm(swarm_id, limit)
    work = {"swarm-backend": 61_000, "swarm-frontend": 64_000, "swarm-database": 29_000}
    for swarm_id, tokens in work.items():
        budget.consume(swarm_id, tokens)
        warn, message = budget.should_warn(swarm_id)
        print(message if warn else f"{swarm_id}: {budget.get_usage_percent(swarm_id):.1f}%")
    warn, message = budget.should_warn_global()
    if warn:
        print(message)
    print(f"Warning level: {budget.get_global_status()['warn_level']}")


def clear() -> None:
    """Scenario 3: the person executes /clear, and the swarm starts again with the same limit."""
    show("Scenario 3: after /clear")
    budget = TokenBudget()
    budget.allocate_swarm("swarm-session", 50_000)
    budget.consume("swarm-session", 30_000)
    print(f"Available before: {budget.get_balance('swarm-session'):,}")
    budget.reset("swarm-session")
    print(f"Available after reset: {budget.get_balance('swarm-session'):,}")


def asking_and_recording() -> None:
    """`consume` asks and may be refused; `record` counts what is spent already; a reservation keeps tokens back."""
    show("Asking, recording, reserving")
    budget = TokenBudget()
    budget.allocate_swarm("swarm-backend", 10_000)
    print(f"reserve 4,000: {budget.reserve('swarm-backend', 4_000)}")
    print(f"consume 7,000: {budget.consume('swarm-backend', 7_000)}, nothing has changed")
    print(f"consume 3,000 of the reserved: {budget.consume('swarm-backend', 3_000, from_reservation=True)}")
    budget.release_reservation("swarm-backend", 1_000)
    budget.record("swarm-backend", 9_000)
    print(f"after recording 9,000: {budget.get_usage_percent('swarm-backend'):.0f}% used")
    print(f"critical, 2,000 of the reserve buffer: {budget.consume('swarm-backend', 2_000, critical=True)}")


def many_swarms() -> None:
    """Swarms that took the default limit make room for others; what was asked for by number is never cut."""
    show("Twenty swarms, one of them with a promise")
    budget = TokenBudget()
    budget.allocate_swarm("swarm-release", 60_000)
    for number in range(19):
        budget.allocate_swarm(f"swarm-{number}")
    budget.consume("swarm-3", 6_000)
    limits = budget.rebalance()
    print(f"swarm-release: {limits['swarm-release']:,}, of {sum(limits.values()):,} in all")
    print(f"the busy one got more than the idle ones: {limits['swarm-3'] > limits['swarm-4']}")


def threads() -> None:
    """Many threads may use one budget; together they never get more than the limit."""
    show("Threads")
    budget = TokenBudget()
    budget.allocate_swarm("swarm-1", 5_000)
    allowed: list[int] = []

    def worker() -> None:
        allowed.append(sum(budget.consume("swarm-1", 1) for _ in range(1_000)))

    workers = [threading.Thread(target=worker) for _ in range(8)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    print(f"8 threads asked 8,000 times; allowed: {sum(allowed):,}, left: {budget.get_balance('swarm-1')}")


def persistence(folder: Path) -> None:
    """A budget in a file goes on where it stopped, and several processes share it."""
    show("Persistence")
    state = folder / ".swarm" / "token_budget.json"
    config = BudgetConfig(total_budget=100_000)
    first = TokenBudget(config=config, state_path=state)
    first.allocate_swarm("swarm-backend", 40_000)
    first.consume("swarm-backend", 15_000)
    second = TokenBudget(config=config, state_path=state)
    print(f"a second budget on the same file: {second.get_balance('swarm-backend'):,} left")
    second.consume("swarm-backend", 5_000)
    for entry in first.get_history("swarm-backend"):
        print(f"  {entry['action']:9} {entry['tokens']:6,}")


def main() -> None:
    """Run all of it."""
    tdd_cycle()
    several_swarms()
    clear()
    asking_and_recording()
    many_swarms()
    threads()
    with tempfile.TemporaryDirectory() as folder:
        persistence(Path(folder))


if __name__ == "__main__":
    main()
