"""A stock client with nothing configured, as a new user has it: no message that a person would call wrong."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from driver import client_version
from standin import StandIn, plan_prompt

from moai_flow.hook.respond import WELCOME

if TYPE_CHECKING:
    from driver import Client, Result

PLUGIN = Path(__file__).resolve().parents[2]


def bash(ctx: int) -> dict[str, Any]:
    return {"tool": "Bash", "input": {"command": "sleep 0.2; echo ok"}, "ctx": ctx}


LARGE = [bash(120_000), bash(189_000), bash(240_000), {"text": "done", "ctx": 260_000}]


def needs_large_window(client: Client) -> None:
    """Skip the test with a client whose usual model is of a time when windows held 200,000 tokens."""
    if client_version(client.binary) < "2.1.300":
        pytest.skip("the usual model of this client has no window of 1,000,000 tokens")


def explore(ctx: int, *, agents: int = 1) -> list[dict[str, Any]]:
    """Return the steps of a turn that lets so many Explore agents work, each up to `ctx` tokens, one after another."""
    steps: list[dict[str, Any]] = []
    for number in range(agents):
        plan = plan_prompt(f"look {number}", [bash(ctx // 2), bash(ctx - 1_000), {"text": "found", "ctx": ctx}])
        task = {"description": "look", "subagent_type": "Explore", "run_in_background": False, "prompt": plan}
        steps.append({"tool": "Agent", "input": task, "ctx": 20_000 + number * 1_000})
    return [*steps, {"text": "all done", "ctx": 30_000}]


def heard(result: Result, standin: StandIn) -> list[str]:
    """Return everything of this package that the person or a model was given, but the one line of welcome."""
    assert result.code == 0, result.errors
    to_models = [
        found
        for turn in standin.turns
        for found in re.findall(r"(?:WARNING|CRITICAL): (?:Swarm|Global)[^\"]*|Token budget:[^\"]*", turn.text)
    ]
    to_person = [one for one in result.messages_for_person if "oken" in one or "WARNING" in one]
    return [one for one in to_person if WELCOME not in one] + [one for one in to_models if one not in WELCOME]


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(explore(60_000), id="an Explore agent of 60K"),
        pytest.param(explore(48_000, agents=3), id="three agents"),
        pytest.param([*LARGE[:2], {"text": "done", "ctx": 190000}], id="a 1M window at 190K"),
        pytest.param(LARGE, id="a 1M window at 260K"),
    ],
)
def test_an_ordinary_session_is_silent(client: Client, standin: StandIn, steps: list[dict[str, Any]]) -> None:
    """Nothing is said to the person or to any model, and status shows what was counted."""
    if steps[:2] == LARGE[:2]:
        needs_large_window(client)
    result = client.run(plan_prompt("work", steps), plugin=PLUGIN)
    assert heard(result, standin) == []


def test_another_command_of_the_client_makes_no_session(client: Client, standin: StandIn, tmp_path: Path) -> None:
    """`claude mcp list` between two prompts leaves no ledger, and the session goes on in silence."""
    first = client.run(plan_prompt("work", [bash(60_000), {"text": "ok", "ctx": 61_000}]), plugin=PLUGIN)
    command = client.command("mcp", "list", plugin=PLUGIN)
    subprocess.run(command, cwd=client.project, env=client.environment(), capture_output=True, timeout=60, check=False)
    second = client.run(
        plan_prompt("more", [{"text": "ok", "ctx": 70_000}]), "--resume", first.session_id, plugin=PLUGIN
    )
    assert heard(second, standin) == []
    assert [path.stem for path in (tmp_path / "state" / "sessions").glob("*.json")] == [first.session_id]


def test_clear_says_what_it_freed(client: Client) -> None:
    """The one message of a session far from every threshold: what /clear freed, once."""
    with client.terminal(plugin=PLUGIN) as terminal:
        terminal.wait_ready()
        terminal.type(plan_prompt("work", [bash(180_000), {"text": "first done", "ctx": 190_000}]))
        terminal.wait_for("● first done")
        terminal.pause(1.0)
        before = terminal.screen(history=True)
        terminal.type("/clear")
        after = terminal.wait_for(r"190,050 tokens\s+freed")
    for sentence in ("WARNING", "CRITICAL", "Execute /clear"):
        assert sentence not in before + after


def test_a_large_window_is_warned_of_at_its_own_thresholds(client: Client, standin: StandIn) -> None:
    """75% and 90% of 1,000,000 tokens."""
    needs_large_window(client)
    steps = [bash(760_000), {"text": "done", "ctx": 910_000}]
    said = heard(client.run(plan_prompt("work", steps), plugin=PLUGIN), standin)
    text = json.dumps(said)
    assert "Global token usage at 760," in text
    assert "CRITICAL: Global token usage at 910,050/1,000,000 (91.0%) - Execute /clear recommended" in text


def test_the_status_costs_no_turn(client: Client, standin: StandIn) -> None:
    """Typed in the terminal, the command shows the table, and no request goes to the model."""
    with client.terminal(plugin=PLUGIN) as terminal:
        terminal.wait_ready()
        terminal.type(plan_prompt("work", [bash(60_000), {"text": "first done", "ctx": 61_000}]))
        terminal.wait_for("● first done")
        terminal.pause(1.0)
        requests = len(standin.turns)
        terminal.type("/token-budget:status")
        screen = terminal.wait_for(r"61,050")
        terminal.pause(1.0)
    assert "main" in screen
    assert len(standin.turns) == requests
