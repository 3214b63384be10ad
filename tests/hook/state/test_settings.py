"""Settings that cannot be used: each is named once, in a line of its own, and its default used."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from moai_flow.hook.reply import MAX_PROBLEMS

if TYPE_CHECKING:
    from support.harness import Session


def prompt(session: Session, settings: dict[str, Any]) -> str:
    """Submit a prompt in a project with the given settings; return what the person is told."""
    session.configure_project(**settings)
    return session.event("UserPromptSubmit", prompt="x").to_person


def test_each_bad_key_is_named_once(session: Session) -> None:
    """Three bad keys are three lines, the good one beside them counts, and nobody hears of them again."""
    settings = {"total_budget": -5, "notify": "x", "unheard_of": 1, "default_swarm_limit": 30_000}
    lines = prompt(session, settings).splitlines()
    assert len(lines) == 3
    for key in ("total_budget", "notify", "unheard_of"):
        (line,) = [line for line in lines if f"token_budget.{key}: " in line]
        assert re.match(r"Token budget: /.*/\.moai/config/config\.json:\d+: token_budget\.", line)
    config = session.ledger.config
    assert prompt(session, settings) == ""
    assert config.total_budget == 200_000


def test_very_many_bad_keys_are_counted(session: Session) -> None:
    """A file that is meant for something else does not fill the screen."""
    lines = prompt(session, {f"key{number}": 1 for number in range(MAX_PROBLEMS + 20)}).splitlines()
    assert len(lines) == MAX_PROBLEMS + 1
    assert "20 more" in lines[-1]
