"""Which estimates a measurement covers, and what a window begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moai_flow.core import opening
from moai_flow.core.config import BudgetConfig
from moai_flow.core.settlement import add_estimate, settle
from moai_flow.core.swarm import MAIN, Swarm
from moai_flow.core.window import CALL, COMPACTION, PROMPT, REPLY, RESULT, Estimate, Measurement

if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger


@pytest.fixture
def ledger() -> SessionLedger:
    made = opening.begin("s", BudgetConfig(), 0.0)
    made.add(Swarm("docs", 50_000, 0.0))
    opening.main_window(made, 0.0)
    return made


@pytest.mark.parametrize(
    ("ended", "expected"), [pytest.param(False, 10_300, id="goes on"), pytest.param(True, 10_100, id="ends the turn")]
)
def test_a_pending_reply_waits_for_a_message_that_ends_the_turn(
    ledger: SessionLedger, ended: bool, expected: int
) -> None:
    """A message that calls a tool is not the reply: the reply's estimate stays until a message without a call."""
    window = ledger.windows[MAIN]
    settle(ledger, window, Measurement(10_000, 0, "m1", 0), 1.0)
    add_estimate(ledger, window, Estimate("r", REPLY, MAIN, "text", 200, "m1"), 2.0)
    settle(ledger, window, Measurement(10_100, 100, "m2", 1, ended=ended), 3.0)
    assert window.tokens == ledger.total_consumed == expected


@pytest.mark.parametrize("role", [RESULT, CALL])
@pytest.mark.parametrize(
    ("start", "is_covered"),
    [
        pytest.param(499, False, id="the end of what was there then is read"),
        pytest.param(500, False, id="all that came since is read"),
        pytest.param(501, True, id="not all that came since is read"),
    ],
)
def test_a_call_that_is_not_in_the_file_yet_stays_pending(role: str, start: int, is_covered: bool) -> None:
    """Where everything written since the estimate was read and does not show the call, it is still to come."""
    estimate = Estimate("toolu_1", role, MAIN, "text", 200, "", 500)
    assert estimate.covered_by(Measurement(10_000, 0, "m2", 700, start=start)) is is_covered


@pytest.mark.parametrize("before", ["nothing", "a compaction", "the compaction itself"])
def test_what_comes_with_the_systems_prompt_is_not_the_claimants(ledger: SessionLedger, before: str) -> None:
    """A first message, and the first after a compaction, carry the system's prompt: claims count as estimated."""
    window = ledger.windows[MAIN]
    compaction = f"{COMPACTION}1"
    held = 0
    if before != "nothing":
        settle(ledger, window, Measurement(40_000, 0, "m1", 0), 1.0)
        held = 40_000
    if before == "the compaction itself":
        settle(ledger, window, Measurement(5_000, 0, compaction, 1, compactions=[compaction], ended=True), 2.0)
    add_estimate(ledger, window, Estimate("p", PROMPT, "docs", "text", 100, window.message), 3.0)
    seen = [] if before == "nothing" else [compaction]
    settle(ledger, window, Measurement(held + 30_000, 0, "m2", 2, compactions=seen, ended=True), 4.0)
    assert ledger.swarms["docs"].consumed == 100
    add_estimate(ledger, window, Estimate("p2", PROMPT, "docs", "text", 100, "m2"), 5.0)
    settle(ledger, window, Measurement(held + 31_000, 0, "m3", 3, ended=True), 6.0)
    assert ledger.swarms["docs"].consumed == 100 + 200


def test_a_clear_frees_what_is_estimated_too(ledger: SessionLedger) -> None:
    """What was added since the last measurement leaves the window as well; the figure is marked as an estimate."""
    window = ledger.windows[MAIN]
    settle(ledger, window, Measurement(10_000, 0, "m1", 0, ended=True), 1.0)
    add_estimate(ledger, window, Estimate("p", PROMPT, MAIN, "text", 2_345, "m1"), 2.0)
    after = opening.begin_after(ledger, "next", ledger.config, 3.0)
    assert after.session.pending_notices == ["Token budget reset by /clear: ~12,345 tokens freed, limits kept"]


def test_a_session_that_is_cleared_in_place_has_started(ledger: SessionLedger) -> None:
    """The next SessionStart by `/clear` is a second one, which clears again; it is not the session's first."""
    first = opening.start_again(ledger, 700, 1.0)
    assert not first.session.first_time("start")
    assert first.session.history_offset == 700
