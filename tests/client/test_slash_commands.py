"""The plugin's slash commands in the real client: what they print stands in the request that the model gets."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from standin import StandIn, plan_prompt

if TYPE_CHECKING:
    from driver import Client

PLUGIN = Path(__file__).resolve().parents[2]


def ask(client: Client, standin: StandIn, command: str) -> str:
    """Have a session of 60,050 tokens, type a slash command into it, and return what the model read of it."""
    first = client.run(plan_prompt("work", [{"text": "all done", "ctx": 60_000}]), plugin=PLUGIN)
    result = client.run(command, "--resume", first.session_id, plugin=PLUGIN)
    assert result.code == 0, result.errors
    return standin.turns[-1].text


def test_the_status_of_all_sessions_reaches_the_model(client: Client, standin: StandIn) -> None:
    """With anything behind it the command itself runs, without anything installed."""
    assert re.search(r"60,0\d\d", ask(client, standin, "/token-budget:status --all"))


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        pytest.param("backend 60K", "backend: 60,000 tokens in windows of its own, 60,000 left", id="a limit"),
        pytest.param("backend", "the following arguments are required: tokens", id="too few words"),
        pytest.param("backend many", "'many' is not a number of tokens", id="no number"),
        pytest.param("back/end 60K", "a swarm's name is 1-64 characters", id="no name"),
    ],
)
def test_allocate_answers_in_the_prompt(client: Client, standin: StandIn, typed: str, answer: str) -> None:
    """What it did, or why it could not: an error is an answer too."""
    assert answer in ask(client, standin, f"/token-budget:allocate {typed}")


def test_report_reaches_the_model(client: Client, standin: StandIn) -> None:
    """Where the tokens went, and what could be done about it."""
    (client.project / "data.json").write_text("[1, 2, 3]\n" * 4_000)
    read = {"tool": "Read", "input": {"file_path": str(client.project / "data.json"), "limit": 1_500}}
    steps = [{**read, "ctx": 30_000}, {**read, "ctx": 45_000}, {"text": "all done", "ctx": 60_000}]
    first = client.run(plan_prompt("work", steps), plugin=PLUGIN)
    client.run("/token-budget:report", "--resume", first.session_id, plugin=PLUGIN)
    text = standin.turns[-1].text
    assert re.search(r"Read +\d+,\d{3} +2x", text)
    assert re.search(r"data\.json +\d+,\d{3} +2x", text)
    assert "What could be done" in text


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        pytest.param("/token-budget:status --all", r"60,0\d\d", id="status"),
        pytest.param("/token-budget:allocate backend 60K", "backend: 60,000 tokens", id="allocate"),
        pytest.param("/token-budget:report", "1 session, ", id="report"),
        pytest.param("/token-budget:setup", "The status line", id="setup"),
    ],
)
def test_the_commands_need_no_permission(client: Client, standin: StandIn, typed: str, answer: str) -> None:
    """With the client's usual permissions, nobody is asked: each command is the one that its skill allows."""
    first = client.run(plan_prompt("work", [{"text": "all done", "ctx": 60_000}]), plugin=PLUGIN)
    line = [client.binary, "--plugin-dir", str(PLUGIN), "--resume", first.session_id, "-p", typed]
    subprocess.run(line, cwd=client.project, env=client.environment(), stdin=subprocess.DEVNULL, check=True, timeout=60)
    assert re.search(answer, standin.turns[-1].text)


def test_setup_brings_the_status_line(client: Client, standin: StandIn) -> None:
    """Typed in one session, shown in the next."""
    ask(client, standin, "/token-budget:setup")
    settings = json.loads((client.home / ".claude" / "settings.json").read_text())
    with client.terminal(plugin=PLUGIN) as terminal:
        terminal.wait_ready()
        terminal.wait_for(r"main 0/1,000,000 0% \[-{8}\]")
        terminal.type(plan_prompt("work", [{"text": "first done", "ctx": 760_000}]))
        terminal.wait_for(r"main 760,050/1,000,000 76% WARNING \[#{6}--\]")
        terminal.type(plan_prompt("more", [{"text": "second done", "ctx": 810_000}]))
        terminal.wait_for("● second done")
        terminal.wait_for("clear in about [12] turn")
    assert settings["statusLine"]["type"] == "command"
