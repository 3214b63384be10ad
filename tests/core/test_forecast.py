"""The forecast: turns left, the second line of a notice, and the client's own compaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moai_flow.core import forecast, window_size
from moai_flow.core.config import BudgetConfig
from moai_flow.core.session import Session as SessionState

if TYPE_CHECKING:
    from support.session import Session

CHOICE = "/clear starts an empty window, /compact keeps a summary."


@pytest.mark.parametrize(
    ("tokens", "limit", "pace", "expected"),
    [
        pytest.param(100_000, 180_000, 12_000, 6, id="whole turns only"),
        pytest.param(100_000, 180_000, 80_000, 1, id="just one"),
        pytest.param(179_999, 180_000, 2, 0, id="not even one"),
        pytest.param(190_000, 180_000, 5_000, 0, id="past the limit"),
        pytest.param(100_000, 180_000, 0, None, id="no pace known"),
        pytest.param(100_000, 180_000, -5, None, id="a window that shrinks"),
    ],
)
def test_turns_left(tokens: int, limit: int, pace: int, expected: int | None) -> None:
    """Turns that fit whole before the limit; None where nobody can tell."""
    assert forecast.turns_left(tokens, limit, pace) == expected


@pytest.mark.parametrize(
    ("turns", "expected"),
    [(0, "less than one turn"), (1, "about 1 turn"), (6, "about 6 turns"), (1_234, "about 1,234 turns")],
)
def test_turns_in_words(turns: int, expected: str) -> None:
    """Nobody reads "0 turns" or "1 turns"."""
    assert forecast.turns_text(turns) == expected


@pytest.mark.parametrize(
    ("occupancies", "expected"),
    [
        pytest.param(
            [140_000, 150_000],
            [
                "WARNING: Global token usage at 150,000/200,000 (75.0%) - Monitor closely",
                f"About 3 turns are left at this pace (to 180,000 tokens). {CHOICE}",
            ],
            id="warning: to the critical threshold",
        ),
        pytest.param(
            [172_000, 182_000],
            [
                "CRITICAL: Global token usage at 182,000/200,000 (91.0%) - Execute /clear recommended",
                f"About 1 turn is left at this pace (to 200,000 tokens). {CHOICE}",
            ],
            id="critical: to the end of the budget",
        ),
        pytest.param(
            [160_000],
            ["WARNING: Global token usage at 160,000/200,000 (80.0%) - Monitor closely", CHOICE],
            id="no pace yet",
        ),
    ],
)
def test_the_second_line_of_a_notice(session: Session, occupancies: list[int], expected: list[str]) -> None:
    """The guide's sentence to the letter, then how long the window will do and what can be done."""
    said = ""
    for occupancy in occupancies:
        session.hook("UserPromptSubmit", prompt="go on", prompt_id=f"p{occupancy}")
        said = session.turn(occupancy)
    assert said.split("\n") == expected


def test_the_model_reads_the_same_facts(session: Session) -> None:
    """At the first event that reaches it: the sentence and the forecast, no order."""
    session.turn(140_000)
    session.turn(150_000)
    reply = session.hook("UserPromptSubmit", prompt="x", prompt_id="p")
    context = reply["hookSpecificOutput"]["additionalContext"]
    assert context.split("\n")[1] == f"About 2 turns are left at this pace (to 180,000 tokens). {CHOICE}"


COMPACTION = "the client compacts this window by itself at about 167,000 tokens"


def test_the_clients_own_compaction_is_announced_once(session: Session) -> None:
    """Before a 200,000 window is compacted at 167,000; again only after the window has shrunk."""
    session.configure(warning_threshold_1=170_000)
    session.turn(130_000, model="claude-haiku-4-5")
    assert COMPACTION not in session.turn(140_000)
    said = session.turn(152_000)
    assert f"{COMPACTION}, in about 1 turn at this pace; /clear or /compact now chooses" in said
    assert session.turn(155_000) == ""
    assert session.turn(160_000) == ""
    assert session.turn(60_000) == ""
    assert COMPACTION in session.turn(160_000)


def test_a_window_that_is_past_the_compaction_is_not_forecast(session: Session) -> None:
    """One reply can jump over it; the client compacts at the next prompt, so no turns are left to tell of."""
    session.turn(100_000, model="claude-haiku-4-5")
    said = session.turn(170_000)
    assert "the window is past 167,000 tokens, where the client compacts it by itself; /clear or /compact now" in said
    assert COMPACTION not in said


def test_a_warning_due_at_the_same_time_keeps_its_first_line(session: Session) -> None:
    """One sentence of the guide, and the compaction in place of the advice."""
    session.turn(148_000, model="claude-haiku-4-5")
    said = session.turn(150_500).split("\n")
    assert said[0] == "WARNING: Global token usage at 150,500/200,000 (75.2%) - Monitor closely"
    assert COMPACTION in said[1]
    assert len(said) == 2


@pytest.mark.parametrize(
    ("size", "env", "expected"),
    [
        pytest.param(200_000, {}, 167_000, id="usual window"),
        pytest.param(1_000_000, {}, 967_000, id="large window"),
        pytest.param(0, {}, 0, id="unknown"),
        pytest.param(200_000, {"DISABLE_AUTO_COMPACT": "1"}, 0, id="switched off"),
        pytest.param(200_000, {"DISABLE_COMPACT": "true"}, 0, id="compaction switched off altogether"),
        pytest.param(200_000, {"DISABLE_AUTO_COMPACT": "0"}, 167_000, id="not switched off"),
        pytest.param(1_000_000, {"CLAUDE_CODE_AUTO_COMPACT_WINDOW": "200000"}, 167_000, id="smaller window"),
        pytest.param(200_000, {"CLAUDE_CODE_AUTO_COMPACT_WINDOW": "900000"}, 167_000, id="no larger one"),
        pytest.param(200_000, {"CLAUDE_AUTOCOMPACT_PCT_OVERRIDE": "50"}, 90_000, id="earlier"),
        pytest.param(200_000, {"CLAUDE_AUTOCOMPACT_PCT_OVERRIDE": "99"}, 167_000, id="never later"),
        pytest.param(200_000, {"CLAUDE_AUTOCOMPACT_PCT_OVERRIDE": "x"}, 167_000, id="nonsense"),
    ],
)
def test_where_the_client_compacts(size: int, env: dict[str, str], expected: int) -> None:
    """The window less 33,000 tokens, as far as the client's own variables say nothing else."""
    assert window_size.compaction_point(size, env) == expected


def test_no_compaction_is_announced_where_the_critical_threshold_comes_first(session: Session) -> None:
    """On a window of a million tokens the budget speaks long before the client would compact."""
    session.turn(100_000, model="claude-x[1m]")
    assert "compacts" not in session.turn(170_000)


DIFFERS = (
    "Token budget: the budget is 200,000 tokens and the window holds 1,000,000; "
    '"total_budget": "auto" makes the budget follow the window'
)


def test_a_budget_that_is_not_the_windows_size_is_told_once(session: Session) -> None:
    """When more is used than a usual window holds, and never again; a model's name is no proof."""
    session.configure(warning_threshold_1=200_000, warning_threshold_2=200_000)
    assert session.hook("SessionStart", source="startup", model="claude-opus-5-5") == {}
    assert session.turn(20_000, model="claude-opus-5-5") == ""
    session.configure(warning_threshold_1=300_000, warning_threshold_2=300_000)
    assert session.turn(210_000) == DIFFERS
    assert session.turn(220_000) == ""


def test_the_clients_mark_for_a_large_window_is_told_at_the_start(session: Session) -> None:
    """The person chose that window, so it is known before anything is used; it is told once."""
    assert session.hook("SessionStart", source="startup", model="claude-sonnet-9[1m]") == {"systemMessage": DIFFERS}
    assert session.hook("SessionStart", source="resume", model="claude-sonnet-9[1m]") == {}
    assert session.turn(20_000, model="claude-sonnet-9") == ""


def test_the_size_learned_from_the_status_line_is_told_at_the_next_event(session: Session) -> None:
    """The status line itself cannot say it."""
    assert session.hook("SessionStart", source="startup") == {}
    session.status_line(size=1_000_000)
    assert session.hook("UserPromptSubmit", prompt="x", prompt_id="p") == {"systemMessage": DIFFERS}


def test_an_auto_budget_follows_the_window(session: Session) -> None:
    """From the next event on, with its thresholds, and without a word."""
    session.configure(total_budget="auto")
    session.hook("SessionStart", source="startup")
    assert session.status_line(size=1_000_000).startswith("main 0/1,000,000 0%")
    assert session.turn(300_000) == ""
    assert session.status_line(size=1_000_000).startswith("main 300,000/1,000,000 30%")


@pytest.mark.parametrize(
    ("models", "occupancy", "expected"),
    [
        pytest.param(["claude-x"], 1_000, 0, id="unknown"),
        pytest.param(["claude-x[1m]"], 1_000, 1_000_000, id="the client's mark"),
        pytest.param(["claude-opus-5-5"], 1_000, 1_000_000, id="a model that is always large"),
        pytest.param(["claude-haiku-4-5-20251001"], 1_000, 200_000, id="a model that never is"),
        pytest.param(["claude-x[1m]", "claude-x"], 1_000, 1_000_000, id="the API leaves the mark out"),
        pytest.param(["claude-opus-5-5", "claude-haiku-4-5"], 1_000, 200_000, id="another model"),
        pytest.param(["claude-x"], 200_001, 1_000_000, id="more than a usual window holds"),
        pytest.param(["claude-x"], 200_000, 0, id="exactly what it holds"),
    ],
)
def test_what_tells_the_windows_size(models: list[str], occupancy: int, expected: int) -> None:
    """The model's name, then the usage; else nobody knows."""
    session_state = SessionState("s")
    for model in models:
        window_size.take_model(session_state, model)
    window_size.take_usage(session_state, occupancy)
    assert session_state.window_size == expected


def test_the_size_of_the_budget_is_no_difference() -> None:
    """Nothing is said where budget and window agree, or nobody knows the window."""
    session_state = SessionState("s")
    assert window_size.difference(session_state, BudgetConfig()) == ""
    session_state.window_size, session_state.size_source = 200_000, window_size.STATUS_LINE
    assert window_size.difference(session_state, BudgetConfig()) == ""
