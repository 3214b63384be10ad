"""The wheel, installed alone, in the real client: its hooks are registered in settings, no source tree is near."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from standin import plan_prompt

if TYPE_CHECKING:
    from collections.abc import Callable

    from driver import Client
    from standin import StandIn

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
# The client writes what it knows into the transcript a tenth of a second late: a tool that takes longer than that.
LOOK = {"tool": "Bash", "input": {"command": "sleep 0.4"}}
# The last figures are an estimate of what the tool and the prompt added since.
WARNING = "WARNING: Global token usage at 152,0"
CRITICAL = "CRITICAL: Global token usage at 186,0"


@pytest.fixture
def client(make_client: Callable[..., Client], standin: StandIn) -> Client:
    """A client whose budget and swarms have the guide's limits, whatever its window holds."""
    limits = {"TOKEN_BUDGET_TOTAL_BUDGET": "200000", "TOKEN_BUDGET_DEFAULT_SWARM_LIMIT": "50000"}
    return make_client(standin, env=limits)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a fresh environment that holds the wheel."""
    dist = tmp_path_factory.mktemp("dist")
    folder = tmp_path_factory.mktemp("environment")
    python = folder / "bin" / "python"
    at_home = {**os.environ, "HOME": str(folder)}
    for command in (
        [sys.executable, "-m", "build", "--wheel", "-o", str(dist), str(ROOT)],
        [sys.executable, "-m", "venv", str(folder)],
    ):
        subprocess.run(command, check=True, capture_output=True, env=at_home)
    (wheel,) = dist.glob("*.whl")
    subprocess.run(
        [str(python), "-m", "pip", "install", "-q", str(wheel)], check=True, capture_output=True, env=at_home
    )
    return folder / "bin"


@pytest.fixture
def settings(environment: Path) -> dict[str, Any]:
    """The example settings, with the installed package's folder of entry points in them."""
    (entry,) = environment.parent.glob("lib/python3.*/site-packages/moai_flow/entry")
    example = (ROOT / "settings.example.json").read_text()
    example = example.replace("/ABSOLUTE/PATH/TO/CLONE/hooks", str(entry))
    value = json.loads(example.replace("/usr/bin/python3", str(environment / "python")))
    assert str(ROOT) not in json.dumps(value)
    assert isinstance(value, dict)
    return value


def status(environment: Path, client: Client, session: str) -> dict[str, Any]:
    """Return what the installed command says about a session."""
    command = [str(environment / "token-budget"), "status", "--json", "--session", session]
    done = subprocess.run(
        command, env=client.environment(), cwd=client.project, capture_output=True, text=True, timeout=60, check=True
    )
    value = json.loads(done.stdout)
    assert isinstance(value, dict)
    return value


def test_each_threshold_is_announced_once(client: Client, standin: StandIn, settings: dict[str, Any]) -> None:
    """Usage goes 60K, 152K, 186K: one WARNING and one CRITICAL, for the person and for the model."""
    steps = [{**LOOK, "ctx": 60_000}, {**LOOK, "ctx": 152_000}, {"text": "done", "ctx": 186_000}]
    first = client.run(plan_prompt("work", steps), settings=settings)
    second = client.run(
        plan_prompt("more", [{"text": "done", "ctx": 186_100}]), "--resume", first.session_id, settings=settings
    )
    said = [*first.messages_for_person, *second.messages_for_person]
    assert [WARNING in one for one in said] == [True, False]
    assert [CRITICAL in one for one in said] == [False, True]
    assert said[1].startswith(f"Stop says: {CRITICAL}50/200,000 (93.0%) - Execute /clear recommended")
    for sentence in (WARNING, CRITICAL):
        assert standin.turns[-1].text.count(sentence) == 1


def test_a_subagent_hears_about_its_own_swarm(client: Client, standin: StandIn, settings: dict[str, Any]) -> None:
    """It passes 37,500 and 45,000 tokens and is told of both; the person hears of the higher one."""
    client.write_agent("backend")
    own = [{**LOOK, "ctx": 39_000}, {**LOOK, "ctx": 46_000}, {"text": "back", "ctx": 46_100}]
    task = {"description": "look", "subagent_type": "backend", "run_in_background": False}
    call = {"tool": "Agent", "input": {**task, "prompt": plan_prompt("look", own)}, "ctx": 9_000}
    result = client.run(plan_prompt("work", [call, {"text": "done", "ctx": 9_500}]), settings=settings)
    (said,) = result.messages_for_person
    assert "CRITICAL: Swarm backend at 92." in said
    assert "/clear" not in said
    agent = next(turn.text for turn in standin.turns if "CRITICAL: Swarm backend at 92." in turn.text)
    assert agent.count("WARNING: Swarm backend at 78.") == 1


def test_clear_starts_again(client: Client, environment: Path, settings: dict[str, Any]) -> None:
    """After /clear, typed in a terminal, the person is told what was freed and the count is near zero."""
    with client.terminal(settings=settings) as terminal:
        terminal.wait_ready()
        terminal.type(plan_prompt("work", [{"text": "that was all", "ctx": 152_000}]))
        terminal.wait_for("WARNING: Global token usage")
        terminal.type("/clear")
        terminal.wait_for("152,050 tokens freed")
        terminal.type(plan_prompt("again", [{"text": "a small answer", "ctx": 9_000}]))
        terminal.wait_for("● a small answer")
        transcripts = sorted(client.projects.glob("*.jsonl"), key=lambda one: one.stat().st_mtime)
        terminal.wait_until(lambda: status(environment, client, transcripts[-1].stem)["total_consumed"] == 9_050)
