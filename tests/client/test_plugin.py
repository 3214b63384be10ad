"""The client takes what this project registers: the plugin's manifests, its hooks, the example settings."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from driver import client_version
from standin import plan_prompt

if TYPE_CHECKING:
    from collections.abc import Callable

    from driver import Client
    from standin import StandIn

ROOT = Path(__file__).resolve().parents[2]
PLACEHOLDER = "/ABSOLUTE/PATH/TO/CLONE"
DIRECTORY_CHECKS = (2, 1, 300)

# In place of the hook: one line a call, with the event and how it was started.
PROBE = """
import json, os, sys
def main():
    event = json.loads(os.read(0, 1_000_000))["hook_event_name"]
    options = {name: value for name, value in os.environ.items() if name.startswith("CLAUDE_PLUGIN_OPTION_")}
    line = json.dumps({"event": event, "first": len(sys.argv) > 1, "options": options}) + "\\n"
    log = os.open(os.environ["PROBE_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(log, line.encode())
"""

ALL_EVENTS = [
    "SessionStart",
    "UserPromptSubmit",
    "PostToolUse",
    "PostToolUseFailure",
    "SubagentStart",
    "SubagentStop",
    "PostToolUse",
    "Stop",
    "SessionEnd",
]


def turn_with_all_events() -> str:
    """Return a prompt whose turn has a tool that works, one that fails, and a subagent."""
    task = {"description": "look", "subagent_type": "Explore", "run_in_background": False}
    steps = [
        {"tool": "Bash", "input": {"command": "echo hello"}, "ctx": 5_000},
        {"tool": "Read", "input": {"file_path": "/nowhere"}, "ctx": 6_000},
        {"tool": "Agent", "input": {**task, "prompt": plan_prompt("look", [{"text": "seen"}])}, "ctx": 7_000},
        {"text": "done", "ctx": 9_000},
    ]
    return plan_prompt("work", steps)


@pytest.fixture
def probed(tmp_path: Path) -> Path:
    """Return a clone of the plugin, in a folder with a blank in its name, whose hooks only write themselves down."""
    root = tmp_path / "a plugin"
    for name in ("hooks", ".claude-plugin", "src"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "src/moai_flow/hook/run.py").write_text(PROBE)
    return root


@pytest.fixture
def probing_client(make_client: Callable[..., Client], standin: StandIn, tmp_path: Path) -> Client:
    return make_client(standin, env={"PROBE_LOG": str(tmp_path / "log")})


def probe_log(tmp_path: Path) -> list[dict[str, Any]]:
    """Return what the hooks wrote down, in the order of the events."""
    return [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]


def test_every_event_of_the_plugin_fires(probing_client: Client, probed: Path, tmp_path: Path) -> None:
    """The client knows every registered event, and starts a hook for each by the launcher."""
    result = probing_client.run(turn_with_all_events(), plugin=probed)
    assert result.final == "done"
    calls = probe_log(tmp_path)
    assert sorted(one["event"] for one in calls) == sorted(ALL_EVENTS)
    assert [one["first"] for one in calls] == [True] + [False] * (len(ALL_EVENTS) - 1)
    assert calls[0]["options"] == {}


def test_the_person_sets_the_plugins_options(probing_client: Client, probed: Path, tmp_path: Path) -> None:
    """Only what the person chose reaches the hook, so that the project's file can say the rest."""
    options = {"total_budget": "auto", "warning_threshold_1": 0.5, "tell_agents": True}
    settings = {"pluginConfigs": {"token-budget@inline": {"options": options}}}
    (probing_client.home / ".claude" / "settings.json").write_text(json.dumps(settings))
    probing_client.run(plan_prompt("work", [{"text": "done"}]), plugin=probed)
    assert probe_log(tmp_path)[0]["options"] == {
        "CLAUDE_PLUGIN_OPTION_TOTAL_BUDGET": "auto",
        "CLAUDE_PLUGIN_OPTION_WARNING_THRESHOLD_1": "0.5",
        "CLAUDE_PLUGIN_OPTION_TELL_AGENTS": "true",
    }


def test_every_event_of_the_example_settings_fires(probing_client: Client, probed: Path, tmp_path: Path) -> None:
    """With the placeholder replaced, settings.example.json is settings the client takes as they are."""
    text = (ROOT / "settings.example.json").read_text()
    settings = json.loads(text.replace(PLACEHOLDER, str(probed)).replace("/usr/bin/python3", sys.executable))
    result = probing_client.run(turn_with_all_events(), settings=settings)
    assert result.final == "done"
    assert sorted(one["event"] for one in probe_log(tmp_path)) == sorted(ALL_EVENTS)


def test_the_manifests_are_valid(client: Client, tmp_path: Path) -> None:
    """In a fresh clone nothing is missing and nothing unknown; newer clients also ask what their directory asks."""
    clone = tmp_path / "clone"
    if (ROOT / ".git").exists():
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    else:
        shutil.copytree(ROOT, clone)
    version = tuple(int(part) for part in client_version(client.binary).split("."))
    profile = ["--profile", "directory"] if version >= DIRECTORY_CHECKS else []
    done = subprocess.run(
        [client.binary, "plugin", "validate", str(clone), "--strict", *profile],
        env=client.environment(),
        cwd=client.project,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_plugin_installs_from_its_marketplace(client: Client, standin: StandIn, tmp_path: Path) -> None:
    """As people install it: the clone is a marketplace, the client copies the plugin and its hooks answer."""
    clone = tmp_path / "clone"
    left_out = shutil.ignore_patterns("__pycache__")
    for name in ("hooks", "skills", ".claude-plugin", "src"):
        shutil.copytree(ROOT / name, clone / name, ignore=left_out)
    for name in ("README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone / name)
    for arguments in (["marketplace", "add", str(clone)], ["install", "token-budget@token-budget"]):
        command = [client.binary, "plugin", *arguments]
        done = subprocess.run(
            command,
            env=client.environment(),
            cwd=client.project,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    steps = [{"tool": "Bash", "input": {"command": "sleep 0.4"}, "ctx": 760_000}, {"text": "done", "ctx": 761_000}]
    client.run(plan_prompt("work", steps))
    assert "WARNING: Global token usage at 760,0" in standin.turns[-1].text
