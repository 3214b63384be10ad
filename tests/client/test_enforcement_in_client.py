"""Enforcement in the real client: agents asked for in parallel, against a budget for three."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from driver import hook_settings
from standin import StandIn, plan_prompt
from support.harness import read_ledger

if TYPE_CHECKING:
    from driver import Client

PLUGIN = Path(__file__).resolve().parents[2]
COMMAND = shlex.join([sys.executable, "-I", "-S", str(PLUGIN / "hooks" / "hook.py")])
SETTINGS = hook_settings(COMMAND, ["PreToolUse"])
"""What `token-budget install --enforce` adds beside the plugin."""


def configure(client: Client, **settings: Any) -> None:
    """Limit swarm `backend` to three agents of 10,000 tokens."""
    path = client.home / ".config" / "token-budget" / "config.json"
    path.parent.mkdir(parents=True)
    rules = {"backend": {"limit": 30_000, "reserve": 10_000}}
    path.write_text(json.dumps({"token_budget": {"swarms": rules, **settings}}))
    client.write_agent("backend")


def work(agents: int, *, behind: bool = False) -> str:
    """Return a prompt whose model asks for so many agents at once."""
    part = plan_prompt("part", [{"tool": "Bash", "input": {"command": "sleep 0.3"}, "ctx": 5_000}, {"text": "part"}])
    task = {"description": "b", "subagent_type": "backend", "run_in_background": behind, "prompt": part}
    wait = {"tool": "Bash", "input": {"command": "sleep 3"}, "ctx": 21_000}
    return plan_prompt("work", [{"tools": [["Agent", task]] * agents, "ctx": 20_000}, wait, {"text": "all done"}])


def agents_in(client: Client) -> int:
    """Return how many agents have a transcript."""
    return len(list(client.projects.glob("*/subagents/agent-*.jsonl")))


@pytest.mark.parametrize("behind", [pytest.param(False, id="waited-for"), pytest.param(True, id="in-the-background")])
def test_of_eight_agents_at_once_three_start(client: Client, standin: StandIn, tmp_path: Path, *, behind: bool) -> None:
    """Three start, five are refused with a reason for the model, and nothing is reserved when all have stopped."""
    configure(client, enforce="deny")
    result = client.run(work(8, behind=behind), plugin=PLUGIN, settings=SETTINGS)
    assert result.final == "all done"
    assert agents_in(client) == 3
    assert standin.turns[-1].text.count("This agent is not started") == 5
    ledger = read_ledger(tmp_path / "state", result.session_id)
    assert ledger.swarms["backend"].reserved == 0
    assert len(ledger.windows) == 4


def test_with_enforcement_off_all_agents_start(client: Client, standin: StandIn) -> None:
    """The hook may be registered: without `enforce` in the settings it stops nothing."""
    configure(client)
    client.run(work(5), plugin=PLUGIN, settings=SETTINGS)
    assert agents_in(client) == 5
    assert "Token budget:" not in standin.turns[-1].text


def test_an_agent_of_a_spent_swarm_still_answers(client: Client, standin: StandIn) -> None:
    """Once a measurement has shown the limit passed, its tools are refused; what it says then reaches the others."""
    configure(client, enforce="deny")
    bash = {"tool": "Bash", "input": {"command": "sleep 0.3"}}
    used = [{**bash, "ctx": tokens} for tokens in (9_000, 31_000, 32_000, 33_000)]
    part = plan_prompt("part", [*used, {"text": "as far as I came"}])
    task = {"description": "b", "subagent_type": "backend", "run_in_background": False, "prompt": part}
    steps = [{"tool": "Agent", "input": task, "ctx": 20_000}, {"text": "all done", "ctx": 21_000}]
    client.run(plan_prompt("work", steps), plugin=PLUGIN, settings=SETTINGS)
    agent = [turn for turn in standin.turns if "You work on backend" in json.dumps(turn.body)][-1]
    assert "This tool call is not made" in agent.text
    assert "as far as I came" in standin.turns[-1].text
