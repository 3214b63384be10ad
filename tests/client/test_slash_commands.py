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

MAIN_WINDOW = r"main window +60,0\d\d / 200,000 +30\.0%"
PLUGIN = Path(__file__).resolve().parents[2]


def ask(client: Client, standin: StandIn, command: str) -> str:
    """Have a session of 60,050 tokens, type a slash command into it, and return what the model read of it."""
    first = client.run(plan_prompt("work", [{"text": "all done", "ctx": 60_000}]), plugin=PLUGIN)
    result = client.run(command, "--resume", first.session_id, plugin=PLUGIN)
    assert result.code == 0, result.errors
    return standin.turns[-1].text


def test_status_reaches_the_model(client: Client, standin: StandIn) -> None:
    """The table, measured in the running session, without anything installed."""
    # The prompt that the slash command itself is has been estimated on top.
    assert re.search(MAIN_WINDOW, ask(client, standin, "/token-budget:status"))


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
        pytest.param("/token-budget:status", MAIN_WINDOW, id="status"),
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
    """Typed in one session, shown in the next; the window's size is stored from it, and the person told once."""
    ask(client, standin, "/token-budget:setup")
    settings = json.loads((client.home / ".claude" / "settings.json").read_text())
    with client.terminal(plugin=PLUGIN) as terminal:
        terminal.wait_ready()
        terminal.wait_for(r"main 0/200,000 0% \[-{8}\]")
        terminal.type(plan_prompt("work", [{"text": "first done", "ctx": 152_000}]))
        terminal.wait_for(r"main 152,050/200,000 76% WARNING \[#{6}--\]")
        terminal.type(plan_prompt("more", [{"text": "second done", "ctx": 162_000}]))
        terminal.wait_for("● second done")
        terminal.type(plan_prompt("again", [{"text": "third done", "ctx": 165_000}]))
        # Some clients draw the line for the last time before the reply is in the transcript.
        terminal.wait_for("clear in about [12] turn")
        screen = terminal.wait_for("● third done")
    assert settings["statusLine"]["type"] == "command"
    flat = " ".join(screen.split())
    assert flat.count("the budget is 200,000 tokens and the window holds") == 1
