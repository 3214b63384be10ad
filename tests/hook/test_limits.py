"""Notices about a swarm need a limit that somebody set: one without is counted and shown, and raises no alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from moai_flow.core import notices

if TYPE_CHECKING:
    from support.harness import Session


def said(session: Session, tokens: int) -> tuple[str, str]:
    """Let an agent of type Explore use so many tokens; return what the person and the agent's model are given."""
    session.begin_agent("a1", "Explore")
    call = {"tool_name": "Bash", "tool_use_id": "toolu_1", "tool_input": {}, "tool_response": ""}
    session.event("PostToolUse", agent_id="a1", agent_type="Explore", **call)
    session.measured(tokens, "a1", ended=True)
    reply = session.event("PostToolUse", agent_id="a1", agent_type="Explore", **call)
    inside = reply.get("hookSpecificOutput", {}).get("additionalContext", "")
    session.stop_agent("a1", "Explore")
    outside = session.event("UserPromptSubmit", prompt="x", prompt_id="p").get("systemMessage", "")
    return outside, inside


def test_an_ordinary_agent_on_a_default_installation_raises_no_alarm(session: Session) -> None:
    """48,000 tokens of an Explore agent are counted; neither the person nor the agent is notified."""
    assert said(session, 48_000) == ("", "")
    swarm = session.ledger.swarms["Explore"]
    assert 48_000 <= swarm.consumed < 48_100
    assert notices.swarm_level(swarm) == notices.NORMAL
    assert said(session, 480_000) == ("", "")


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"swarms": {"Explore": {"limit": 50_000}}}, id="the swarm's own limit"),
        pytest.param({"default_swarm_limit": 50_000}, id="a default limit that somebody set"),
    ],
)
def test_a_limit_of_the_settings_raises_one(session: Session, settings: dict[str, Any]) -> None:
    """With figures and a next step for the person, and with figures alone for the agent's model."""
    session.configure(**settings)
    outside, inside = said(session, 62_050)
    figures = f"{session.ledger.swarms['Explore'].consumed:,} of 50,000 tokens"
    sentence = "CRITICAL: Swarm Explore at 124.2% token usage"
    assert outside.split("\n") == [sentence, f"{figures}; token-budget allocate Explore 120K raises it"]
    assert inside.split("\n") == [sentence, figures]


def test_a_limit_that_is_taken_away_ends_the_alarms(session: Session) -> None:
    """What follows from the settings follows them at the next event."""
    session.configure(default_swarm_limit=50_000)
    session.begin_agent("a1", "Explore")
    session.configure()
    assert said(session, 62_050) == ("", "")


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [(40, "1K"), (4_800, "10K"), (62_050, "120K"), (151_000, "300K"), (1_526_000, "3100K")],
)
def test_the_limit_that_a_notice_names(tokens: int, expected: str) -> None:
    """About twice what was used, in two digits."""
    assert notices.raised_limit(tokens) == expected
