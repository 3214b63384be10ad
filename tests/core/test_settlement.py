"""How a window's growth is divided over the swarms when a measurement replaces estimates."""

from __future__ import annotations

import pytest

from moai_flow.core import codec
from moai_flow.core.ledger import Ledger
from moai_flow.core.settlement import add_estimate, await_results, settle
from moai_flow.core.swarm import MAIN, Swarm
from moai_flow.core.window import COMPACTION, RESULT, Estimate, Measurement, Window
from moai_flow.resource import BudgetConfig


def measurement(number: int, occupancy: int, output: int = 0, *earlier: str, compaction: bool = False) -> Measurement:
    message = f"{COMPACTION}{number}" if compaction else f"message-{number}"
    return Measurement(
        occupancy, output, message, number, earlier=earlier, compactions=[message] if compaction else [], ended=True
    )


@pytest.fixture
def ledger() -> Ledger:
    made = Ledger(BudgetConfig())
    made.add(Swarm(MAIN, 0, 0.0, open_ended=True))
    for name in ("backend", "frontend"):
        made.add(Swarm(name, 50_000, 0.0))
    made.add(Swarm("agent", 50_000, 0.0, isolated=True))
    made.windows[MAIN] = Window(MAIN, MAIN)
    made.windows["a1"] = Window("a1", "agent")
    return made


def consumed(ledger: Ledger) -> dict[str, int]:
    return {name: swarm.consumed for name, swarm in ledger.swarms.items() if swarm.consumed}


@pytest.mark.parametrize(
    ("claims", "grown", "output", "expected"),
    [
        pytest.param({}, 1_000, 300, {MAIN: 11_000}, id="nobody claims"),
        pytest.param({"backend": 500}, 500, 0, {MAIN: 10_000, "backend": 500}, id="a claim that was right"),
        pytest.param({"backend": 500}, 800, 0, {MAIN: 10_000, "backend": 800}, id="a claim that was too low"),
        pytest.param({"backend": 500}, 200, 0, {MAIN: 10_000, "backend": 200}, id="a claim that was too high"),
        pytest.param({"backend": 500}, 1_000, 600, {MAIN: 10_600, "backend": 400}, id="the output is the window's own"),
        pytest.param(
            {"backend": 300, "frontend": 100},
            600,
            0,
            {MAIN: 10_000, "backend": 450, "frontend": 150},
            id="in proportion",
        ),
        pytest.param({"backend": 100}, 900, 0, {MAIN: 10_700, "backend": 200}, id="at most twice the claim"),
    ],
)
def test_growth_goes_to_those_who_claimed_it(
    ledger: Ledger, claims: dict[str, int], grown: int, output: int, expected: dict[str, int]
) -> None:
    """The window held 10,000; estimates follow; the next measurement says how much it grew."""
    window = ledger.windows[MAIN]
    settle(ledger, window, measurement(1, 10_000), 1.0)
    for name, tokens in claims.items():
        add_estimate(ledger, window, Estimate(name, RESULT, name, "text", tokens, "message-1"), 2.0)
    settle(ledger, window, measurement(2, 10_000 + grown, output, *claims), 3.0)
    assert consumed(ledger) == expected


def test_compaction_shrinks_shared_swarms_in_proportion(ledger: Ledger) -> None:
    """After a compaction everybody holds the same part of less."""
    window = ledger.windows[MAIN]
    settle(ledger, window, measurement(1, 10_000), 1.0)
    add_estimate(ledger, window, Estimate("t", RESULT, "backend", "text", 30_000, "message-1"), 2.0)
    settle(ledger, window, measurement(2, 40_000, 0, "t"), 3.0)
    settle(ledger, window, measurement(3, 4_000, compaction=True), 4.0)
    assert consumed(ledger) == {MAIN: 1_000, "backend": 3_000}


def test_compaction_takes_nothing_from_an_isolated_swarm(ledger: Ledger) -> None:
    """What an agent brought in stays counted; after a compaction it brings in from there."""
    window = ledger.windows["a1"]
    settle(ledger, window, measurement(1, 40_000), 1.0)
    settle(ledger, window, measurement(2, 5_000, compaction=True), 2.0)
    assert consumed(ledger) == {"agent": 40_000}
    settle(ledger, window, measurement(3, 9_000), 3.0)
    assert consumed(ledger) == {"agent": 44_000}


def test_a_rewind_is_not_brought_in_twice(ledger: Ledger) -> None:
    """An agent's window that falls without a compaction counts again only above its peak."""
    window = ledger.windows["a1"]
    for number, occupancy in enumerate([40_000, 30_000, 38_000, 41_000]):
        settle(ledger, window, measurement(number, occupancy), 1.0)
    assert consumed(ledger) == {"agent": 41_000}


def test_an_estimate_counts_once(ledger: Ledger) -> None:
    """A hook that runs twice, before or after the measurement, adds nothing."""
    window = ledger.windows[MAIN]
    settle(ledger, window, measurement(1, 10_000), 1.0)
    assert add_estimate(ledger, window, Estimate("t", RESULT, "backend", "text", 500, "message-1"), 2.0)
    assert not add_estimate(ledger, window, Estimate("t", RESULT, "backend", "text", 500, "message-1"), 2.0)
    settle(ledger, window, measurement(2, 10_500, 0, "t"), 3.0)
    assert not add_estimate(ledger, window, Estimate("t", RESULT, "backend", "text", 500, "message-2"), 4.0)
    assert consumed(ledger) == {MAIN: 10_000, "backend": 500}


def test_reset_of_an_agents_swarm_forgets_what_was_estimated(ledger: Ledger) -> None:
    """After a reset only what comes later counts, also where it was only estimated before."""
    window = ledger.windows["a1"]
    settle(ledger, window, measurement(1, 10_000), 1.0)
    add_estimate(ledger, window, Estimate("t", RESULT, "agent", "text", 500, "message-1"), 2.0)
    ledger.reset("agent", 3.0)
    assert consumed(ledger) == {}
    settle(ledger, window, measurement(2, 10_700, 0, "t"), 4.0)
    assert consumed(ledger) == {"agent": 200}


def test_a_reset_in_a_pool_never_counts_below_zero() -> None:
    """`"subagents": "shared"`: an agent's window, a reset, an unmeasured result, a compaction, the next message.

    The compaction takes from the agent's swarm only what it counts of the window, not what is estimated since.
    """
    ledger = Ledger(BudgetConfig(subagents="shared"))
    swarm = ledger.add(Swarm("agent", 50_000, 0.0))
    window = ledger.windows["a1"] = Window("a1", "agent")
    settle(ledger, window, measurement(1, 30_000), 1.0)
    ledger.reset("agent", 2.0)
    assert ledger.history[-1][2:] == ("reset", 30_000)
    add_estimate(ledger, window, Estimate("t", RESULT, "agent", "text", 6_000, "message-1"), 3.0)
    settle(ledger, window, measurement(2, 4_000, compaction=True), 4.0)
    assert 0 <= swarm.consumed <= 6_000
    settle(ledger, window, measurement(3, 4_900, 0, "t"), 5.0)
    assert (swarm.consumed, ledger.total_consumed) == (900, 900)


def test_a_reset_in_a_pool_counts_what_comes_later(ledger: Ledger) -> None:
    """What was only estimated before the reset counts for nobody when it is measured; what came after it counts."""
    ledger.swarms["agent"].isolated = False
    window = ledger.windows["a1"]
    settle(ledger, window, measurement(1, 30_000), 1.0)
    add_estimate(ledger, window, Estimate("t", RESULT, "agent", "text", 500, "message-1"), 2.0)
    ledger.reset("agent", 3.0)
    assert (consumed(ledger), window.tokens) == ({}, 30_500)
    settle(ledger, window, measurement(2, 30_700, 200, "t"), 4.0)
    assert consumed(ledger) == {"agent": 200}
    settle(ledger, window, measurement(3, 15_350), 5.0)
    assert consumed(ledger) == {"agent": 100}


def test_a_reset_tells_the_tokens_that_left(ledger: Ledger) -> None:
    """A shared swarm's tokens stay in the main window and an open-ended swarm keeps its own: nothing is freed."""
    window = ledger.windows[MAIN]
    settle(ledger, window, measurement(1, 10_000), 1.0)
    add_estimate(ledger, window, Estimate("t", RESULT, "backend", "text", 500, "message-1"), 2.0)
    settle(ledger, ledger.windows["a1"], measurement(1, 7_000), 2.0)
    for name in ("backend", MAIN, "agent"):
        ledger.reset(name, 3.0)
    assert [entry[1:] for entry in ledger.history[-3:]] == [
        ("backend", "reset", 0),
        (MAIN, "reset", 0),
        ("agent", "reset", 7_000),
    ]


def test_ids_of_a_transcript_are_cut(ledger: Ledger) -> None:
    """A transcript can make a ledger neither large nor slow with ids of any length."""
    window = ledger.windows[MAIN]
    measured = Measurement(9, 0, "m" * 10_000, 0, calls=["c" * 10_000], model="x" * 10_000)
    settle(ledger, window, measured, 1.0)
    await_results(ledger, window, measured, 5, 2.0)
    assert len(codec.encode(ledger)) < 2_000
    assert len(measured.model) == 128
    settle(ledger, window, measured, 3.0)
    assert window.tokens == 14


def test_reset_of_a_shared_swarm_gives_its_tokens_to_the_window(ledger: Ledger) -> None:
    """Its tokens are still in the window: the window's own swarm has them, and the sum is the same."""
    window = ledger.windows[MAIN]
    settle(ledger, window, measurement(1, 10_000), 1.0)
    add_estimate(ledger, window, Estimate("t", RESULT, "backend", "text", 500, "message-1"), 2.0)
    ledger.reset("backend", 3.0)
    assert consumed(ledger) == {MAIN: 10_500}
