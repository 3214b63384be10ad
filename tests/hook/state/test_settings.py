"""Settings that cannot be used: each is named once, in a line of its own, and its default used."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.metering import ledger_of

from moai_flow.hook import payload
from moai_flow.hook.reply import MAX_PROBLEMS
from moai_flow.hook.respond import respond

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def prompt(tmp_path: Path) -> Callable[[dict[str, Any]], str]:
    """Submit a prompt in a project with the given settings; return what the person is told."""

    def run(settings: dict[str, Any]) -> str:
        folder = tmp_path / ".moai" / "config"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps({"token_budget": settings}))
        given = {"session_id": "s", "hook_event_name": "UserPromptSubmit", "prompt": "x", "cwd": str(tmp_path)}
        event = payload.parse(json.dumps(given).encode())
        assert event is not None
        environ = {"HOME": str(tmp_path), "TOKEN_BUDGET_STATE_DIR": str(tmp_path / "state")}
        text = respond(event, environ, "linux", 1_000.0, wait_seconds=0.0)
        return str(json.loads(text)["systemMessage"]) if text else ""

    return run


def test_each_bad_key_is_named_once(prompt: Callable[[dict[str, Any]], str], tmp_path: Path) -> None:
    """Three bad keys are three lines, the good one beside them counts, and nobody hears of them again."""
    settings = {"total_budget": -5, "notify": "x", "unheard_of": 1, "default_swarm_limit": 30_000}
    lines = prompt(settings).splitlines()
    assert len(lines) == 3
    for key in ("total_budget", "notify", "unheard_of"):
        (line,) = [line for line in lines if f": {key}: " in line]
        assert line.startswith("Token budget: .moai/config/config.json: ")
    config = ledger_of(tmp_path / "state", "s").config
    assert prompt(settings) == ""
    assert config.total_budget == 200_000


def test_very_many_bad_keys_are_counted(prompt: Callable[[dict[str, Any]], str]) -> None:
    """A file that is meant for something else does not fill the screen."""
    lines = prompt({f"key{number}": 1 for number in range(MAX_PROBLEMS + 20)}).splitlines()
    assert len(lines) == MAX_PROBLEMS + 1
    assert "20 more" in lines[-1]
