"""What events do to a session's ledger as a whole: when one is made, and what it remembers of its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.harness import Session


def test_the_end_of_a_session_that_never_was_makes_no_ledger(session: Session) -> None:
    """`claude mcp list` runs SessionEnd alone."""
    session.event("SessionEnd", reason="other")
    assert not session.ledger_file.exists()


def test_a_ledger_remembers_its_last_event(session: Session) -> None:
    """Which session is a project's last one is told by this, not by the file's date."""
    session.event("SessionStart", source="startup")
    session.event("Stop")
    assert session.ledger.session.last_event == session.now


@pytest.mark.parametrize(
    ("event", "has_worked"),
    [
        ("SessionStart", False),
        ("UserPromptSubmit", True),
        ("PostToolUse", True),
        ("PostToolUseFailure", True),
        ("SubagentStart", True),
        ("SubagentStop", True),
        ("Stop", True),
    ],
)
def test_a_session_in_which_nothing_was_asked_for_is_told_apart(session: Session, event: str, has_worked: bool) -> None:
    """A client that was only opened has a ledger, and is no session to show."""
    session.respond(session.example(event))
    assert session.ledger.session.has_worked is has_worked
