"""The plugin in the real client: what the person sees and what the model receives."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from driver import client_version
from standin import StandIn, plan_prompt

if TYPE_CHECKING:
    from collections.abc import Callable

    from driver import Client

PLUGIN = Path(__file__).resolve().parents[2]
WARNING = "WARNING: Global token usage at "
CRITICAL = "CRITICAL: Global token usage at "
RECOMMENDATION = "Execute /clear recommended"


def bash(ctx: int, command: str = "sleep 0.2; echo ok") -> dict[str, Any]:
    """Return a step that calls Bash with `ctx` tokens of input in the window.

    The tool takes longer than the client takes to write the message that called it to the transcript.
    """
    return {"tool": "Bash", "input": {"command": command}, "ctx": ctx}


def in_last_request(standin: StandIn, sentence: str) -> int:
    """Return how often a sentence stands in the main conversation as the model last received it."""
    return standin.turns[-1].text.count(sentence)


def shows_messages(client: Client) -> bool:
    """Return whether print mode passes a `systemMessage` on; old clients show it in a terminal only."""
    return client_version(client.binary) >= "2.1.300"


def status(client: Client, state: Path, *arguments: str) -> dict[str, Any]:
    """Return what `token-budget status --json` says."""
    command = [sys.executable, "-m", "moai_flow.cli", "status", "--json", "--state-dir", str(state), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=client.project)
    return dict(json.loads(done.stdout))


@pytest.fixture
def client(small_client: Client) -> Client:
    """The guide's thresholds are those of a window of 200,000 tokens."""
    return small_client


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state folder of the clients of a test."""
    return tmp_path / "state"


def test_each_threshold_is_said_once_to_the_person_and_once_to_the_model(
    make_client: Callable[..., Client], standin: StandIn
) -> None:
    """60K is silent, 152K warns, and 186K, which only the last reply reaches, recommends /clear at the turn's end.

    With the budget set on a large window: a full one of 200,000 tokens takes no further prompt.
    """
    client = make_client(standin, env={"TOKEN_BUDGET_TOTAL_BUDGET": "200000"})
    steps = [bash(60_000), bash(152_000), bash(155_000), {"text": "all done", "ctx": 186_000}]
    first = client.run(plan_prompt("work", steps), plugin=PLUGIN)
    if shows_messages(client):
        heard = first.messages_for_person
        (warning,) = [one for one in heard if WARNING in one]
        assert re.search(r"PostToolUse:Bash says: WARNING: Global token usage at 152,\d{3}/200,000 \(76", warning)
        (critical,) = [one for one in heard if CRITICAL in one]
        assert f"{CRITICAL}186,050/200,000 (93.0%) - {RECOMMENDATION}" in critical
        assert critical.startswith("Stop says: ")
    assert in_last_request(standin, WARNING) == 1
    assert in_last_request(standin, CRITICAL) == 0
    assert len(standin.turns) == len(steps), "the Stop hook started the turn again"
    again = client.run(
        plan_prompt("more", [{"text": "ok", "ctx": 187_000}]), "--resume", first.session_id, plugin=PLUGIN
    )
    assert [one for one in again.messages_for_person if "Global token usage" in one] == []
    assert in_last_request(standin, CRITICAL) == 1
    assert in_last_request(standin, WARNING) == 1


def test_below_the_thresholds_nobody_hears_anything(client: Client, standin: StandIn) -> None:
    """A session that stays below 150K gets no word, neither the person nor the model."""
    steps = [bash(60_000), bash(149_000), {"text": "all done", "ctx": 149_500}]
    result = client.run(plan_prompt("work", steps), plugin=PLUGIN)
    assert [one for one in result.messages_for_person if "oken" in one] == []
    assert in_last_request(standin, "Global token usage") == 0


def test_a_subagent_hears_of_its_own_swarm_and_the_person_once(client: Client, standin: StandIn) -> None:
    """A `backend` that passes 75% and 90% of 50,000 is told each; the person the higher; nobody hears of /clear."""
    client.write_agent("backend")
    client.extra["TOKEN_BUDGET_DEFAULT_SWARM_LIMIT"] = "50000"  # noqa: S105 - tokens of a budget
    plan = plan_prompt("backend work", [bash(38_000), bash(46_000), bash(47_000), {"text": "back", "ctx": 48_000}])
    task = {"description": "backend", "subagent_type": "backend", "run_in_background": False, "prompt": plan}
    steps = [{"tool": "Agent", "input": task, "ctx": 20_000}, bash(21_000), {"text": "all done", "ctx": 22_000}]
    result = client.run(plan_prompt("work", steps), plugin=PLUGIN)
    agent = [turn for turn in standin.turns if "You work on backend" in json.dumps(turn.body)][-1]
    assert len(re.findall(r"WARNING: Swarm backend at 76\.1% token usage", agent.text)) == 1
    assert len(re.findall(r"CRITICAL: Swarm backend at 92\.1% token usage", agent.text)) == 1
    if shows_messages(client):
        (heard,) = [one for one in result.messages_for_person if "Swarm backend" in one]
        assert "CRITICAL: Swarm backend at 96.1% token usage" in heard
    everything = "".join(result.messages_for_person) + "".join(turn.text for turn in standin.turns)
    assert RECOMMENDATION not in everything
    assert in_last_request(standin, "Swarm backend") == 0


def test_clear_typed_in_the_terminal_starts_again(client: Client, state: Path) -> None:
    """After /clear the person hears what was freed, status starts from the new window, thresholds are armed."""
    with client.terminal(plugin=PLUGIN) as terminal:
        terminal.wait_ready()
        terminal.type(plan_prompt("work", [bash(152_000), {"text": "first done", "ctx": 186_000}]))
        terminal.wait_for("● first done")
        terminal.wait_for(RECOMMENDATION)
        before = status(client, state)
        command = [sys.executable, "-m", "moai_flow.cli", "allocate", "docs", "30000", "--state-dir", str(state)]
        subprocess.run(command, check=True, cwd=client.project, capture_output=True)
        terminal.type("/clear")
        terminal.wait_for(r"186,050 tokens\s+freed")
        cleared = status(client, state)
        terminal.type(plan_prompt("work again", [bash(151_000), {"text": "second done", "ctx": 152_000}]))
        terminal.wait_for("● second done")
        screen = terminal.wait_for("WARNING: Global token usage at 151,0")
    assert (before["total_consumed"], before["warn_level"]) == (186_050, "critical")
    assert cleared["session_id"] != before["session_id"]
    assert (cleared["total_consumed"], cleared["warn_level"]) == (0, "normal")
    assert cleared["swarms"]["docs"]["allocated"] == 30_000
    assert screen.count("WARNING: Global token usage") == 1


def test_two_sessions_at_once_do_not_mix(make_client: Callable[..., Client], standin: StandIn, state: Path) -> None:
    """Each session has a ledger of its own in the one state folder."""
    one = make_client(standin, name="one").run(plan_prompt("a", [{"text": "a", "ctx": 30_000}]), plugin=PLUGIN)
    client = make_client(standin, name="two")
    two = client.run(plan_prompt("b", [{"text": "b", "ctx": 40_000}]), plugin=PLUGIN)
    assert status(client, state, "--session", one.session_id)["window"]["occupancy"] == 30_050
    assert status(client, state, "--session", two.session_id)["window"]["occupancy"] == 40_050
