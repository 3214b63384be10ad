"""Phase budgets beside swarm budgets, with a small loader in place of MoAI-ADK's (see real_moai_adk.py for that)."""

from __future__ import annotations

import asyncio
import sys
from enum import Enum
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from moai_flow.resource import BudgetConfig, TokenBudget, jit
from moai_flow.resource.jit import LoadMetrics, NoLoader, PhaseBudget

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class FakeLoader:
    """Loads as many tokens as its prompt has words in thousands, for phase RED, and remembers what it loaded."""

    def __init__(self) -> None:
        self.loaded: set[str] = set()

    async def load_context(
        self, user_input: str, conversation_history: list[str], context: dict[str, Any]
    ) -> tuple[dict[str, Any], LoadMetrics]:
        await asyncio.sleep(0)
        assert isinstance(conversation_history, list)
        hit = user_input in self.loaded
        self.loaded.add(user_input)
        return {"given": context}, LoadMetrics(1_000 * len(user_input.split()), "red", cache_hit=hit)


@pytest.fixture
def budget() -> TokenBudget:
    """Two swarms of 60,000 and 40,000 tokens."""
    budget = TokenBudget(config=BudgetConfig())
    budget.allocate_swarm("one", 60_000)
    budget.allocate_swarm("two", 40_000)
    return budget


def consumed(budget: TokenBudget, swarm: str = "one") -> int:
    return int(budget.get_global_status()["swarms"][swarm]["consumed"])


def test_a_load_is_charged_to_the_swarm_and_its_phase(budget: TokenBudget) -> None:
    """12,000 tokens of RED leave 13,000 of the phase's and 48,000 of the swarm's."""
    phases = PhaseBudget(budget)
    assert phases.consume("one", LoadMetrics(12_000, "RED"))
    assert budget.get_balance("one") == 48_000
    assert phases.get_status("one") == {
        "name": "RED",
        "budget": 25_000,
        "consumed": 12_000,
        "available": 13_000,
        "usage_percent": 48.0,
    }


class _Phase(Enum):
    RED = "red"


@pytest.mark.parametrize("phase", [pytest.param(one, id=repr(one)) for one in ("red", "RED", "Red", _Phase.RED)])
def test_a_phase_is_known_by_its_name(budget: TokenBudget, phase: Any) -> None:
    """A string in any case, or a member of the loader's enum."""
    phases = PhaseBudget(budget)
    assert phases.consume("one", LoadMetrics(5, phase))
    status = phases.get_status("one")
    assert status is not None
    assert status["name"] == "RED"


def test_what_the_phase_has_not_left_is_refused(budget: TokenBudget) -> None:
    """A refused load changes neither figure, and one that fits exactly is taken."""
    phases = PhaseBudget(budget)
    assert phases.consume("one", LoadMetrics(20_000, "RED"))
    assert not phases.consume("one", LoadMetrics(5_001, "RED"))
    assert consumed(budget) == 20_000
    assert phases.consume("one", LoadMetrics(5_000, "RED"))


def test_what_the_swarm_has_not_left_is_refused(budget: TokenBudget) -> None:
    """The phase's budget is not touched either."""
    phases = PhaseBudget(budget)
    budget.consume("two", 30_000)
    assert not phases.consume("two", LoadMetrics(15_000, "RED"))
    assert phases.get_status("two") is None
    assert consumed(budget, "two") == 30_000


def test_entering_a_phase_begins_its_budget_anew(budget: TokenBudget) -> None:
    """RED, GREEN, RED: the second RED has all of its 25,000; the swarm has used all three."""
    phases = PhaseBudget(budget)
    for phase, tokens in (("RED", 20_000), ("GREEN", 10_000), ("RED", 25_000)):
        assert phases.consume("one", LoadMetrics(tokens, phase))
    assert consumed(budget) == 55_000


def test_swarms_are_in_phases_of_their_own(budget: TokenBudget) -> None:
    """What one uses of a phase does not narrow it for the other."""
    phases = PhaseBudget(budget)
    assert phases.consume("one", LoadMetrics(25_000, "RED"))
    assert phases.consume("two", LoadMetrics(25_000, "RED"))


def test_a_cache_hit_is_charged_once_to_each_swarm(budget: TokenBudget) -> None:
    """What is in a swarm's window already costs nothing; another swarm reads it for the first time."""
    phases = PhaseBudget(budget)
    phases.consume("one", LoadMetrics(8_000, "SPEC"))
    for _ in range(3):
        assert phases.consume("one", LoadMetrics(8_000, "SPEC", cache_hit=True))
        assert phases.consume("two", LoadMetrics(8_000, "SPEC", cache_hit=True))
    assert (consumed(budget, "one"), consumed(budget, "two")) == (8_000, 8_000)


def test_a_cache_hit_in_a_full_phase_still_fits(budget: TokenBudget) -> None:
    """It adds nothing, so nothing can refuse it."""
    phases = PhaseBudget(budget)
    phases.consume("one", LoadMetrics(30_000, "SPEC"))
    assert phases.consume("one", LoadMetrics(30_000, "SPEC", cache_hit=True))


def test_after_a_reset_a_cache_hit_is_charged_again(budget: TokenBudget) -> None:
    """A swarm that was reset has an empty window: what the cache returns comes into it anew."""
    phases = PhaseBudget(budget)
    phases.consume("one", LoadMetrics(8_000, "SPEC"))
    budget.reset("one")
    assert phases.get_status("one") is None
    assert phases.consume("one", LoadMetrics(8_000, "SPEC", cache_hit=True))
    assert consumed(budget) == 8_000


@pytest.mark.parametrize("again", ["reset", "allocated anew"])
@pytest.mark.parametrize("later", [0, 8_000, 9_000])
def test_a_reset_is_seen_whatever_was_consumed_since(budget: TokenBudget, again: str, later: int) -> None:
    """A swarm that was reset, and has consumed as much as before or more, still begins its phase anew."""
    phases = PhaseBudget(budget)
    phases.consume("one", LoadMetrics(8_000, "SPEC"))
    if again == "reset":
        budget.reset("one")
    else:
        budget.deallocate_swarm("one")
        budget.allocate_swarm("one", 60_000)
    budget.consume("one", later)
    assert phases.get_status("one") is None
    assert phases.consume("one", LoadMetrics(30_000, "SPEC"))


def test_a_reset_by_another_process_is_seen(tmp_path: Path) -> None:
    """How often a swarm was reset is in the state that processes share."""
    budgets = [TokenBudget(config=BudgetConfig(), state_path=tmp_path / "state.json") for _ in range(2)]
    budgets[0].allocate_swarm("one", 60_000)
    phases = PhaseBudget(budgets[0])
    phases.consume("one", LoadMetrics(8_000, "SPEC"))
    budgets[1].reset("one")
    budgets[1].consume("one", 20_000)
    assert phases.get_status("one") is None


def test_loads_of_the_same_size_are_told_apart_by_their_source(budget: TokenBudget) -> None:
    """A hit on what another swarm had loaded is new to this one, though it has loaded as many tokens before."""
    phases = PhaseBudget(budget)
    phases.consume("one", LoadMetrics(8_000, "SPEC"), source="a")
    phases.consume("one", LoadMetrics(8_000, "SPEC", cache_hit=True), source="b")
    assert consumed(budget) == 16_000


def test_budgets_of_phases_can_be_set(budget: TokenBudget) -> None:
    """A figure of one's own replaces MoAI-ADK's, and phases can be added; an unknown one has SPEC's."""
    phases = PhaseBudget(budget, {"red": 5_000, "DEPLOY": 7_000})
    assert not phases.consume("one", LoadMetrics(5_001, "RED"))
    assert phases.consume("one", LoadMetrics(7_000, "deploy"))
    assert not phases.consume("one", LoadMetrics(30_001, "UNHEARD"))


WRONG: list[Any] = [
    pytest.param(lambda phases: phases.consume("one", LoadMetrics(-1, "RED")), ValueError, id="negative"),
    pytest.param(lambda phases: phases.consume("one", LoadMetrics("1", "RED")), TypeError, id="text"),
    pytest.param(lambda phases: phases.consume("one", LoadMetrics(1, None)), TypeError, id="no-phase"),
    pytest.param(lambda phases: phases.consume(7, LoadMetrics(1, "RED")), TypeError, id="swarm"),
    pytest.param(lambda phases: PhaseBudget(phases._budget, {"RED": 0}), ValueError, id="empty-budget"),
    pytest.param(lambda phases: PhaseBudget(phases._budget, {"RED": True}), TypeError, id="flag"),
]


@pytest.mark.parametrize(("call", "error"), WRONG)
def test_what_makes_no_sense_is_refused(
    budget: TokenBudget, call: Callable[[PhaseBudget], object], error: type[Exception]
) -> None:
    """Wrong metrics raise and charge nothing."""
    with pytest.raises(error):
        call(PhaseBudget(budget))
    assert consumed(budget) == 0


def test_an_unknown_swarm_has_no_phase(budget: TokenBudget) -> None:
    """Nothing is charged to nobody."""
    phases = PhaseBudget(budget)
    assert not phases.consume("unheard", LoadMetrics(1, "RED"))
    assert phases.get_status("unheard") is None


def test_load_charges_what_the_loader_loads(budget: TokenBudget) -> None:
    """The second time the loader's cache has it, and it is free; what does not fit is not handed out."""
    phases, loader = PhaseBudget(budget), FakeLoader()

    async def work() -> list[bool]:
        first, _ = await phases.load("one", loader, "a b c", context={"spec_id": "SPEC-001"})
        again, metrics = await phases.load("one", loader, "a b c", context={"spec_id": "SPEC-001"})
        assert getattr(metrics, "cache_hit", False)
        large, _ = await phases.load("one", loader, " ".join(["word"] * 23))
        return [first is not None, again is not None, large is not None]

    assert asyncio.run(work()) == [True, True, False]
    assert consumed(budget) == 3_000


def test_loads_at_the_same_time_stay_within_the_phase(budget: TokenBudget) -> None:
    """Of 40 loads of 1,000 tokens, the 25 that fit are charged."""
    phases, loader = PhaseBudget(budget), FakeLoader()

    async def work() -> list[Any]:
        return await asyncio.gather(*[phases.load("one", loader, f"w{number}") for number in range(40)])

    assert sum(data is not None for data, _ in asyncio.run(work())) == 25
    assert consumed(budget) == 25_000


def test_without_the_loader_work_goes_on(budget: TokenBudget, monkeypatch: pytest.MonkeyPatch) -> None:
    """One warning says how to install it; nothing is loaded, the command still tells the phase."""
    monkeypatch.setitem(sys.modules, "moai_adk", None)
    assert not jit.is_available()
    with pytest.warns(RuntimeWarning, match=r"pip install --no-deps moai-adk==0\.41\.2"):
        loader = jit.get_loader()
    assert isinstance(loader, NoLoader)
    phases = PhaseBudget(budget)
    data, metrics = asyncio.run(phases.load("one", loader, "/moai:2-run SPEC-001 GREEN"))
    assert (data, metrics) == ({}, LoadMetrics(0, "GREEN"))
    assert asyncio.run(loader.load_context("and now?")) == ({}, LoadMetrics(0, "GREEN"))
    status = phases.get_status("one")
    assert status is not None
    assert (status["name"], consumed(budget)) == ("GREEN", 0)


def test_the_loader_is_found_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`get_loader` makes the installed class, in silence."""
    module = ModuleType("moai_adk.core.jit_context_loader")
    module.JITContextLoader = FakeLoader  # type: ignore[attr-defined]
    for name in ("moai_adk", "moai_adk.core"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert jit.is_available()
    assert isinstance(jit.get_loader(), FakeLoader)
