"""Results that are still to come of calls made in parallel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.metering import play
from support.recordings import recordings

from moai_flow.core.config import BudgetConfig
from moai_flow.core.ledger import SessionLedger
from moai_flow.core.opening import main_swarm
from moai_flow.core.session import Session
from moai_flow.core.settlement import add_estimate, await_results, settle
from moai_flow.core.swarm import MAIN
from moai_flow.core.window import RESULT, Estimate, Measurement, Window
from moai_flow.hook.estimate import rates

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def ledger() -> SessionLedger:
    """A ledger whose main window was measured at 10,000 tokens, by a message that makes three calls."""
    ledger = SessionLedger(BudgetConfig(), Session("s"))
    main_swarm(ledger, 0)
    ledger.windows[MAIN] = Window(MAIN, MAIN)
    settle(ledger, ledger.windows[MAIN], CALLING, 0)
    return ledger


CALLING = Measurement(10_000, 50, "msg_1", 0, transcript_bytes=900, calls=["a", "b", "c"])


def answered(ledger: SessionLedger, call: str, tokens: int) -> None:
    """Let a call answer."""
    window = ledger.windows[MAIN]
    add_estimate(ledger, window, Estimate(call, RESULT, MAIN, "prose", tokens, "msg_1"), 0)
    await_results(ledger, window, CALLING, 100, 0)


def test_each_call_without_a_result_counts_a_little(ledger: SessionLedger) -> None:
    """Of three calls one has answered: its result, and the least for each of the others."""
    answered(ledger, "a", 700)
    assert ledger.windows[MAIN].tokens == 10_900
    assert ledger.total_consumed == 10_900


def test_a_result_takes_the_place_of_what_was_awaited(ledger: SessionLedger) -> None:
    """When all have answered, in whatever order and however often, nothing is awaited."""
    for call in ("b", "a", "a", "c", "b"):
        answered(ledger, call, 700)
    assert ledger.windows[MAIN].tokens == ledger.total_consumed == 12_100


def test_what_never_came_is_forgotten_and_teaches_nothing(ledger: SessionLedger) -> None:
    """A call that the client refused has no hook: the next message covers it, and nobody learns from it."""
    answered(ledger, "a", 700)
    answered(ledger, "b", 300)
    following = Measurement(11_200, 60, "msg_2", 900, transcript_bytes=1_800, earlier=["a", "b", "c"])
    settlement = settle(ledger, ledger.windows[MAIN], following, 0)
    assert sorted(settlement.claims) == [("prose", 300, 1.0), ("prose", 700, 1.0)]
    assert ledger.windows[MAIN].tokens == ledger.total_consumed == 11_200


def test_parallel_calls_are_nearer_to_the_next_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a long session with up to four calls at once, the mean error is lower than without."""

    def mean_error(name: str) -> float:
        recording = recordings("2.1.330/natural-long")[0]
        found = []
        for step in play(recording, tmp_path / name):
            request = recording.next_request(step.event)
            if step.event.name == "PostToolUse" and request is not None:
                found.append(abs(step.occupancy - request.read) / request.read)
        return sum(found) / len(found)

    awaiting = mean_error("awaiting")
    monkeypatch.setattr(rates, "AWAITED_TOKENS", 0)
    assert awaiting < 0.8 * mean_error("not")
