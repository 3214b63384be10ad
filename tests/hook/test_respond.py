"""What events do to a session's ledger as a whole: when one is made, and what it remembers of its events."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from moai_flow.hook.respond import WELCOME
from moai_flow.hook.state import files, paths

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


def test_the_status_is_shown_without_a_turn_of_the_model(session: Session) -> None:
    """The prompt is blocked with the table as the reason; it is not charged, and no file changes."""
    session.event("UserPromptSubmit", prompt="x", prompt_id="p")
    session.measured(60_000, ended=True)
    session.event("Stop")
    before = session.ledger_file.read_bytes()
    reply = session.event("UserPromptSubmit", prompt="/token-budget:status", prompt_id="q")
    assert reply["decision"] == "block"
    assert "60,000" in reply["reason"]
    assert session.ledger_file.read_bytes() == before


def test_the_status_of_a_session_without_a_ledger_makes_none(session: Session) -> None:
    """It may be the first thing that is typed."""
    assert session.event("UserPromptSubmit", prompt="/token-budget:status", prompt_id="q")["decision"] == "block"
    assert not session.ledger_file.exists()


@pytest.mark.parametrize("prompt", ["/token-budget:status --all", "/token-budget:statusx", "tell /token-budget:status"])
def test_other_prompts_are_not_blocked(session: Session, prompt: str) -> None:
    """With anything behind it the command itself runs."""
    assert session.event("UserPromptSubmit", prompt=prompt, prompt_id="q") == {}


def test_the_plugin_says_once_how_to_add_the_status_line(session: Session) -> None:
    """To each user, not in each session; and not where the hooks were installed by the package."""
    assert session.event("SessionStart", source="startup").to_person == ""
    session.env["CLAUDE_PLUGIN_ROOT"] = "/plugin"
    assert session.beside("two").event("SessionStart", source="startup").to_person == WELCOME
    assert session.beside("three").event("SessionStart", source="startup").to_person == ""


def test_a_hook_waits_while_other_sessions_move_the_queue_of_its_lock(session: Session) -> None:
    """Sessions share locks: while others' ledgers are written, a hook only stands further back and does not give up."""
    session.event("UserPromptSubmit", prompt="x", prompt_id="p")
    lock = files.try_lock(paths.lock_file(str(session.state), session.session))
    other = f"{paths.sessions(str(session.state))}/other.json"

    def others() -> None:
        for _ in range(12):
            time.sleep(0.05)
            files.replace(other, b"{}")
        files.close(lock)

    thread = threading.Thread(target=others)
    thread.start()
    assert session.process("Stop") == {}
    thread.join()
    assert session.ledger.session.last_event > session.now + 1_000, "the hook gave up"
