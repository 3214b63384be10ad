"""Events that come when the transcript is already ahead of them, or again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from moai_flow.core import opening
from moai_flow.core.config import BudgetConfig
from moai_flow.core.settlement import add_estimate, settle
from moai_flow.core.swarm import MAIN
from moai_flow.core.window import RESULT, Estimate, Measurement
from moai_flow.hook.attribution import agent_window
from moai_flow.hook.charge import charge_finished_agent, charge_tool
from moai_flow.hook.payload import Event
from moai_flow.hook.state import settings

if TYPE_CHECKING:
    from support.harness import Session


def event(name: str, **fields: Any) -> Event:
    return Event({"hook_event_name": name, "session_id": "s", **fields})


def test_a_late_result_that_is_measured_adds_nothing() -> None:
    """PostToolUse whose call an earlier message made: the measurement after it covers the result."""
    ledger = opening.begin("s", BudgetConfig(), 0.0)
    window = opening.main_window(ledger, 0.0)
    measured = Measurement(10_000, 0, "m2", 9, transcript_bytes=500, earlier=["toolu_1"], ended=True)
    settle(ledger, window, measured, 1.0)
    late = event(
        "PostToolUse", tool_name="Bash", tool_use_id="toolu_1", tool_input={"command": "x"}, tool_response="y" * 4_000
    )
    charge_tool(ledger, window, late, measured, "/p", 2.0)
    assert (window.tokens, ledger.total_consumed) == (10_000, 10_000)
    assert window.is_exact


@pytest.mark.parametrize(
    "total",
    [
        pytest.param(5_300, id="the estimate was right"),
        pytest.param(6_000, id="the estimate was too low"),
        pytest.param(5_000, id="the estimate was too high"),
    ],
)
def test_the_total_of_a_finished_agent_is_exact(total: int) -> None:
    """A figure that is right by chance is still an estimate, until the total settles it."""
    ledger = opening.begin("s", BudgetConfig(), 0.0)
    window = agent_window(ledger, "a1", "backend", 0.0)
    settle(ledger, window, Measurement(5_000, 0, "m1", 0), 1.0)
    add_estimate(ledger, window, Estimate("t", RESULT, window.swarm, "text", 300, "m1"), 2.0)
    done = {"agentId": "a1", "totalTokens": total}
    charge_finished_agent(
        ledger, event("PostToolUse", tool_use_id="t9", tool_input={"subagent_type": "backend"}, tool_response=done), 3.0
    )
    assert window.tokens == window.occupancy == total
    assert window.is_exact


@pytest.mark.parametrize("word", ["shared", "isolated"])
def test_a_reader_knows_how_subagents_are_counted(word: str) -> None:
    """A hook may have it from the plugin's options, which no reader sees: it is kept in the session."""
    ledger = opening.begin("s", BudgetConfig(subagents=word), 0.0)
    settings.keep(ledger.session, ledger.config)
    recalled = settings.recall(ledger.session)
    assert recalled is not None
    assert recalled.subagents == word


def test_a_session_is_cleared_in_place_again_and_again(session: Session) -> None:
    """A front end that keeps the session's id tells each `/clear` by a SessionStart; each empties the window."""
    session.event("SessionStart", source="startup")
    for _ in range(3):
        session.event("UserPromptSubmit", prompt="go on", prompt_id=f"p{session.now}")
        session.measured(40_000, ended=True)
        session.event("Stop")
        assert session.ledger.windows[MAIN].tokens == 40_000
        session.event("SessionStart", source="clear")
        window = session.ledger.windows.get(MAIN)
        assert window is None or window.tokens == 0


def test_the_model_is_notified_at_exactly_ninety_percent(session: Session) -> None:
    """Nine agents of 10,000 in 100,000: the ninth takes the swarm to 90.0%, the eighth to 80.0%."""
    rule = {"limit": 100_000, "agents": ["backend*"], "reserve": 10_000}
    session.configure(enforce="deny", swarms={"backend": rule})
    replies = [session.ask(f"toolu_{number}") for number in range(9)]
    assert replies[:8] == [{}] * 8
    assert "has 10,000 of 100,000 tokens left" in replies[8]["additionalContext"]
    assert "permissionDecision" not in replies[8]
