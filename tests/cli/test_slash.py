"""The slash commands' program, started as a skill starts it: by the launcher, from the plugin's folder."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from support.harness import LAUNCHER, SESSION, Session

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def slash(session: Session, tmp_path: Path) -> Session:
    """A session of 40,000 tokens, and a `python3` without any package."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(os.path.realpath(sys.executable))
    session.env["PATH"] = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    session.turn(40_000)
    return session


def start(session: Session, *arguments: str, **env: str) -> str:
    return session.start([LAUNCHER, "command", *arguments], **env)


def test_status_shows_the_session_it_is_asked_in(slash: Session) -> None:
    """Named by the skill, since several sessions may run in one project."""
    slash.beside("another").turn(70_000)
    assert "40,000 / 200,000" in start(slash, "--", "status", SESSION, "")
    assert "70,000 / 200,000" in start(slash, "--", "status", "another", "")


def test_allocate_changes_the_session(slash: Session) -> None:
    """In the ledger that the hooks read, so that the next event sees it."""
    assert start(slash, "--", "allocate", SESSION, "backend 60K") == (
        "backend: 60,000 tokens in windows of its own, 60,000 left\n"
    )
    assert slash.ledger.swarms["backend"].guaranteed == 60_000


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(["status", SESSION, "--some"], "unrecognized arguments: --some", id="unknown option"),
        pytest.param(["allocate", SESSION, ""], "the following arguments are required: swarm, tokens", id="no words"),
        pytest.param(["allocate", SESSION, "a 0"], "must be at least 1 token", id="no tokens"),
        pytest.param(["allocate", SESSION, "main 5K"], "main: has no limit of its own", id="the main swarm"),
        pytest.param(["status", SESSION, "$(touch x); `touch x`"], "unrecognized arguments", id="a shell's words"),
        pytest.param(["nonsense", SESSION, ""], "KeyError", id="unknown command"),
    ],
)
def test_errors_are_answers(slash: Session, arguments: list[str], expected: str) -> None:
    """On standard output, exit code 0: the model reads what went wrong."""
    assert expected in start(slash, "--", *arguments)
    assert not (slash.project / "x").exists()


def test_without_any_session(slash: Session, tmp_path: Path) -> None:
    """It says when a session begins."""
    text = start(slash, "--", "status", "", "", TOKEN_BUDGET_STATE_DIR=str(tmp_path / "none"))
    assert text.startswith("no session yet in ")


def test_a_slash_command_remembers_no_interpreter(slash: Session, tmp_path: Path) -> None:
    """Only a hook does: a command's arguments are its own."""
    data = tmp_path / "data"
    text = start(slash, "--", "status", SESSION, "", CLAUDE_PLUGIN_DATA=str(data))
    assert "40,000 / 200,000" in text
    assert not (data / "interpreter").exists()


def test_the_interpreter_can_be_named_before_the_arguments(slash: Session) -> None:
    """As for a hook."""
    assert "40,000" in start(slash, sys.executable, "--", "status", SESSION, "", PATH="/nowhere")
