"""The forecast: turns left, the second line of a notice, and the client's own compaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moai_flow.core import forecast, window_size
from moai_flow.core.session import Session as SessionState

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.harness import Session

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


def ahead(turns: int | None, least: int | None, most: int | None) -> forecast.Forecast:
    return forecast.Forecast(180_000, turns, least, most, is_compaction=False)


@pytest.mark.parametrize(
    ("turns", "least", "most", "expected"),
    [
        pytest.param(0, 0, 0, "less than one turn", id="none"),
        pytest.param(1, 1, 1, "about 1 turn", id="one"),
        pytest.param(6, 6, 6, "about 6 turns", id="turns alike"),
        pytest.param(5, 4, 7, "4-7 turns", id="short and long turns"),
        pytest.param(1, 0, 1, "at most 1 turn", id="one or none"),
        pytest.param(2, 0, 3, "at most 3 turns", id="a few or none"),
        pytest.param(9, 5, 31, "5 turns or more", id="the short ones reach too far"),
        pytest.param(9, 5, None, "5 turns or more", id="the short ones add nothing"),
        pytest.param(9, 1, None, "", id="anything from one on"),
        pytest.param(31, 20, 60, "", id="too far ahead"),
        pytest.param(40, 31, 60, "", id="all too far ahead"),
        pytest.param(None, None, None, "", id="no pace known"),
    ],
)
def test_turns_in_words(turns: int | None, least: int | None, most: int | None, expected: str) -> None:
    """A range where turns differ, and nothing where the figure would mean nothing."""
    assert forecast.turns_text(ahead(turns, least, most)) == expected


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        pytest.param([10], (0, 0), id="one turn"),
        pytest.param([10, 30], (20, 20), id="one step"),
        pytest.param([10, 30, 70], (20, 40), id="two steps"),
        pytest.param([0, 10, 30, 60], (15, 25), id="three steps: the middle one counts for both"),
        pytest.param([50, 20, 60], (-30, 40), id="a window that shrank in between"),
    ],
)
def test_the_range_of_the_pace(turns: list[int], expected: tuple[int, int]) -> None:
    """Means of the shorter and of the longer half of the last steps."""
    session_state = SessionState("s")
    session_state.turns = turns
    assert session_state.pace_range() == expected


@pytest.mark.parametrize(
    ("occupancies", "expected"),
    [
        pytest.param(
            [140_000, 150_000],
            [
                "WARNING: Global token usage at 150,000/200,000 (75.0%) - Monitor closely",
                f"About 3 turns left at this pace (to 180,000 tokens). {CHOICE}",
            ],
            id="warning: to the critical threshold",
        ),
        pytest.param(
            [172_000, 182_000],
            [
                "CRITICAL: Global token usage at 182,000/200,000 (91.0%) - Execute /clear recommended",
                f"About 1 turn left at this pace (to 200,000 tokens). {CHOICE}",
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
        session.event("UserPromptSubmit", prompt="go on", prompt_id=f"p{occupancy}")
        said = session.turn(occupancy)
    assert said.split("\n") == expected


def test_the_model_reads_the_same_facts(session: Session) -> None:
    """At the first event that reaches it: the sentence and the forecast, no order."""
    session.turn(140_000)
    session.turn(150_000)
    reply = session.event("UserPromptSubmit", prompt="x", prompt_id="p")
    context = reply["hookSpecificOutput"]["additionalContext"]
    assert context.split("\n")[1] == f"About 2 turns left at this pace (to 180,000 tokens). {CHOICE}"


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


@pytest.mark.parametrize(
    "learned",
    [
        pytest.param(lambda session: session.status_line(size=1_000_000), id="status line"),
        pytest.param(
            lambda session: session.event("SessionStart", source="startup", model="claude-opus-5-5"), id="model"
        ),
        pytest.param(
            lambda session: session.event("SessionStart", source="startup", model="claude-x[1m]"),
            id="the client's mark",
        ),
    ],
)
def test_a_budget_that_nobody_set_follows_the_window(session: Session, learned: Callable[[Session], object]) -> None:
    """In a window of 1,000,000 tokens, 186,000 are no reason to say anything; 750,000 and 900,000 are."""
    session.event("SessionStart", source="startup")
    learned(session)
    assert session.turn(186_000, model="claude-x") == ""
    assert session.turn(749_999, model="claude-x") == ""
    assert session.turn(760_000, model="claude-x").startswith(
        "WARNING: Global token usage at 760,000/1,000,000 (76.0%) - Monitor closely"
    )
    assert session.turn(910_000, model="claude-x").startswith(
        "CRITICAL: Global token usage at 910,000/1,000,000 (91.0%) - Execute /clear recommended"
    )


def test_more_than_a_usual_window_holds_is_no_alarm(session: Session) -> None:
    """A window of unknown size that is seen with 210,000 tokens is a large one, at that very event."""
    assert session.turn(140_000) == ""
    assert session.turn(210_000) == ""


def test_a_budget_that_was_set_stays_and_the_window_is_named(session: Session) -> None:
    """Who wants 200,000 tokens on a large window gets the guide's sentence, and reads what the window holds."""
    session.configure(total_budget=200_000)
    session.event("SessionStart", source="startup")
    session.status_line(size=1_000_000)
    said = session.turn(186_000).split("\n")
    assert said[0] == "CRITICAL: Global token usage at 186,000/200,000 (93.0%) - Execute /clear recommended"
    assert said[1].endswith("(window 1,000,000: 19%)")


def test_an_auto_budget_follows_the_window(session: Session) -> None:
    """From the next event on, with its thresholds, and without a word."""
    session.configure(total_budget="auto")
    session.event("SessionStart", source="startup")
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
