"""Auto-scaling: who may borrow from whom, and what never happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from moai_flow.core import allocations, codec
from moai_flow.core.ledger import Ledger
from moai_flow.core.scaling import IDLE, PATIENCE, make_room, scale
from moai_flow.core.swarm import MAIN, Swarm
from moai_flow.resource import BudgetConfig, TokenBudget

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def limits(budget: TokenBudget) -> dict[str, int]:
    return {name: swarm["allocated"] for name, swarm in budget.get_global_status()["swarms"].items()}


@pytest.fixture(params=["memory", "file"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., TokenBudget]:
    def made(**more: Any) -> TokenBudget:
        state = tmp_path / "state.json" if request.param == "file" else None
        config = BudgetConfig(total_budget=100_000, reserve_buffer=0, default_swarm_limit=50_000, **more)
        return TokenBudget(config=config, state_path=state)

    return made


def works(budget: TokenBudget, swarm_id: str, turns: int, tokens: int) -> int:
    """Let a swarm consume; return how many of its turns were allowed."""
    return sum(budget.consume(swarm_id, tokens) for _ in range(turns))


def test_it_is_off_by_default(make: Callable[..., TokenBudget]) -> None:
    """Without the setting, limits stay where they are."""
    budget = make()
    budget.allocate_swarm("busy")
    budget.allocate_swarm("quiet")
    assert works(budget, "busy", 12, 5_000) == 10
    assert limits(budget) == {"busy": 50_000, "quiet": 50_000}


def test_a_busy_swarm_borrows_what_a_quiet_one_does_not_use(make: Callable[..., TokenBudget]) -> None:
    """It may go past its own limit, the sum of the limits stays, and both ends of the move are in the history."""
    budget = make(enable_auto_scaling=True)
    budget.allocate_swarm("busy")
    budget.allocate_swarm("quiet")
    assert works(budget, "busy", 15, 5_000) == 15
    assert sum(limits(budget).values()) == 100_000
    assert limits(budget)["busy"] >= 75_000
    moves = [(entry["swarm_id"], entry["action"]) for entry in budget.get_history() if entry["action"] != "consume"]
    assert moves[2:] == [("quiet", "lend"), ("busy", "borrow")] * (len(moves[2:]) // 2)
    assert len(moves) > 2


def test_nothing_is_lent_below_what_is_promised_used_and_reserved(make: Callable[..., TokenBudget]) -> None:
    """A custom limit is whole, and so is what others have consumed, reserved, and used lately."""
    budget = make(enable_auto_scaling=True)
    budget.allocate_swarm("promised", 40_000)
    budget.allocate_swarm("busy", 30_000)
    budget.allocate_swarm("used")
    assert limits(budget)["used"] == 30_000
    budget.consume("used", 4_000)
    budget.reserve("used", 6_000)
    assert works(budget, "busy", 30, 2_000) == (30_000 + 30_000 - 4_000 - 6_000 - 4_000) // 2_000
    assert limits(budget)["promised"] == 40_000
    assert limits(budget)["used"] == 14_000


def test_a_newcomer_lends_nothing(make: Callable[..., TokenBudget]) -> None:
    """Who has just been allocated has not shown yet that it does not need its limit."""
    budget = make(enable_auto_scaling=True)
    budget.allocate_swarm("busy")
    budget.allocate_swarm("new")
    assert budget.consume("busy", 50_000)
    assert not budget.consume("busy", 1_000)
    for _ in range(PATIENCE):
        budget.consume("new", 0)
    assert budget.consume("busy", 1_000)


def test_what_was_borrowed_is_given_back_when_idle(make: Callable[..., TokenBudget]) -> None:
    """The lender has its limit again, without asking, once the borrower has been idle for a while."""
    budget = make(enable_auto_scaling=True)
    budget.allocate_swarm("busy")
    budget.allocate_swarm("quiet")
    works(budget, "busy", 12, 5_000)
    budget.reset("busy")
    assert limits(budget)["quiet"] < 50_000
    works(budget, "quiet", IDLE + 1, 10)
    assert limits(budget) == {"busy": 50_000, "quiet": 50_000}
    actions = [entry["action"] for entry in budget.get_history()]
    assert "give back" in actions
    assert "get back" in actions


def test_the_total_is_never_passed(make: Callable[..., TokenBudget]) -> None:
    """Borrowing is no way around the budget."""
    budget = make(enable_auto_scaling=True)
    budget.allocate_swarm("busy")
    budget.allocate_swarm("quiet")
    works(budget, "busy", 200, 1_000)
    works(budget, "quiet", 200, 1_000)
    assert budget.get_global_status()["total_consumed"] <= 100_000
    assert sum(limits(budget).values()) == 100_000


def test_a_recorded_overdraft_is_covered_where_it_can_be(make: Callable[..., TokenBudget]) -> None:
    """Tokens that are spent already raise the limit, too, and the warning that was due is due no more."""
    budget = make(enable_auto_scaling=True)
    budget.allocate_swarm("busy")
    budget.allocate_swarm("quiet")
    for _ in range(12):
        budget.record("busy", 5_000)
    assert limits(budget)["busy"] >= 60_000
    assert budget.get_usage_percent("busy") <= 100.0


def test_an_isolated_swarm_borrows_from_isolated_ones_only() -> None:
    """Agents' windows are not the main window's pool."""
    ledger = Ledger(BudgetConfig(enable_auto_scaling=True))
    ledger.add(Swarm(MAIN, 0, 0.0, open_ended=True))
    for name, isolated in (("shared", False), ("backend", True), ("research", True)):
        ledger.add(Swarm(name, 50_000, 0.0, isolated=isolated))
    for turn in range(15):
        ledger.charge(ledger.swarms["backend"], 4_000, turn)
        ledger.note(turn, "backend", "settle", 4_000)
        scale(ledger, turn)
    assert ledger.swarms["backend"].allocated >= 60_000
    assert ledger.swarms["backend"].allocated + ledger.swarms["research"].allocated == 100_000
    assert ledger.swarms["shared"].allocated == ledger.total_allocated == 50_000


def test_an_idle_swarm_that_gives_back_is_not_warned_of() -> None:
    """Its usage has not risen: the percentage of the smaller limit is no news."""
    budget = TokenBudget(config=BudgetConfig(total_budget=100_000, reserve_buffer=0, enable_auto_scaling=True))
    budget.allocate_swarm("busy")
    budget.allocate_swarm("quiet")
    works(budget, "busy", 12, 5_000)
    works(budget, "quiet", IDLE + 1, 10)
    assert limits(budget)["busy"] == 60_000
    assert budget._ledger.swarms["busy"].notified_person == 2


class ScalingMachine(RuleBasedStateMachine):
    """A ledger that scales, driven in any order."""

    @initialize(buffer=st.integers(0, 200))
    def begin(self, buffer: int) -> None:
        self.ledger = Ledger(
            BudgetConfig(total_budget=1_000, reserve_buffer=buffer, default_swarm_limit=300, enable_auto_scaling=True)
        )
        self.now = 0.0
        self.promises: dict[str, int] = {}
        for name in ("x", "y"):
            self.ledger.add(Swarm(name, 300, 0.0, isolated=True))

    def tick(self) -> float:
        self.now += 1.0
        return self.now

    @rule(name=st.sampled_from("abc"), limit=st.none() | st.integers(1, 500))
    def allocate(self, name: str, limit: int | None) -> None:
        if allocations.allocate(self.ledger, name, limit, self.tick()) and limit is not None:
            self.promises[name] = limit

    @rule(name=st.sampled_from("abcxy"), tokens=st.integers(1, 120), times=st.integers(1, 12))
    def consume(self, name: str, tokens: int, times: int) -> None:
        for _ in range(times):
            if self.ledger.consume(name, tokens, self.tick()):
                continue
            before = codec.encode(self.ledger)
            if make_room(self.ledger, name, tokens, self.now):
                assert self.ledger.consume(name, tokens, self.now)
            else:
                assert codec.encode(self.ledger) == before

    @rule(name=st.sampled_from("abcxy"), tokens=st.integers(1, 200))
    def record(self, name: str, tokens: int) -> None:
        self.ledger.record(name, tokens, self.tick())

    @rule(name=st.sampled_from("abcxy"), tokens=st.integers(1, 100))
    def reserve(self, name: str, tokens: int) -> None:
        self.ledger.reserve(name, tokens, self.tick())

    @rule(name=st.sampled_from("abcxy"))
    def reset(self, name: str) -> None:
        self.ledger.reset(name, self.tick())

    @rule(name=st.sampled_from("abc"))
    def deallocate(self, name: str) -> None:
        self.ledger.deallocate(name, self.tick())
        self.promises.pop(name, None)

    @rule()
    def scale(self) -> None:
        before = codec.encode(self.ledger)
        held = {name: min(swarm.allocated, swarm.minimum) for name, swarm in self.ledger.swarms.items()}
        changed = scale(self.ledger, self.tick())
        assert all(swarm.allocated >= held[name] for name, swarm in self.ledger.swarms.items())
        assert changed is (codec.encode(self.ledger) != before)

    @invariant()
    def limits_hold(self) -> None:
        if not hasattr(self, "ledger"):
            return
        swarms = self.ledger.swarms
        shared = [swarm for swarm in swarms.values() if not swarm.isolated]
        assert self.ledger.total_allocated == sum(swarm.allocated for swarm in shared) <= self.ledger.config.pool
        assert swarms["x"].allocated + swarms["y"].allocated == 600
        assert swarms["x"].borrowed + swarms["y"].borrowed == 0
        for name, swarm in swarms.items():
            assert swarm.allocated >= self.promises.get(name, 0)
            assert swarm.allocated >= 0


ScalingMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestScaling: Any = ScalingMachine.TestCase
