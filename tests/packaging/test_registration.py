"""hooks/hooks.json, settings.example.json and the manifests: what they register works as registered."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import sys
from typing import TYPE_CHECKING, Any

import pytest
from clone import ROOT, run

import moai_flow
from moai_flow.core.setting_checks import CHECKS

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = {
    "SessionStart",
    "UserPromptSubmit",
    "PostToolUse",
    "PostToolUseFailure",
    "SubagentStart",
    "SubagentStop",
    "Stop",
    "SessionEnd",
}
PLACEHOLDER = "/ABSOLUTE/PATH/TO/CLONE"
SYSTEM_PYTHON = "/usr/bin/python3"


def read(name: str) -> dict[str, Any]:
    value = json.loads((ROOT / name).read_text())
    assert isinstance(value, dict)
    return value


def registered(name: str) -> list[Any]:
    """Return (event, handler) for each handler in a file, as parameters."""
    return [
        pytest.param(event, handler, id=f"{name}-{event}")
        for event, groups in read(name)["hooks"].items()
        for group in groups
        for handler in group["hooks"]
    ]


HANDLERS = [*registered("hooks/hooks.json"), *registered("settings.example.json")]


def command_line(handler: dict[str, Any], root: Path) -> list[str]:
    """Return what the client would start: no shell, placeholders replaced as plain strings."""
    words = [handler["command"], *handler["args"]]
    return [word.replace("${CLAUDE_PLUGIN_ROOT}", str(root)).replace(PLACEHOLDER, str(root)) for word in words]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a plugin's folder holds, in a folder whose name needs quoting in a shell."""
    root = tmp_path_factory.mktemp("plugin's folder") / "a b"
    for name in ("hooks", "src"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    return root


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Return an environment that touches nobody's home, and has this Python as its `python3`."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    return {
        "HOME": str(tmp_path / "home"),
        "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
        "CLAUDE_PLUGIN_DATA": str(tmp_path / "data"),
        "TOKEN_BUDGET_STATE_DIR": str(tmp_path / "state"),
    }


def payload(event: str, **more: Any) -> str:
    """Return a payload of a session that has no transcript."""
    base = {"session_id": "5e55-10n", "transcript_path": "/nowhere/5e55-10n.jsonl", "cwd": "/nowhere"}
    return json.dumps({**base, "hook_event_name": event, **more})


@pytest.mark.parametrize("name", ["hooks/hooks.json", "settings.example.json"])
def test_the_events_are_the_ones_every_client_knows(name: str) -> None:
    """One name that an older client does not know would make it drop the whole file."""
    hooks = read(name)["hooks"]
    assert set(hooks) == EVENTS
    assert all(len(groups) == 1 and set(groups[0]) == {"hooks"} for groups in hooks.values())


@pytest.mark.parametrize(("event", "handler"), HANDLERS)
def test_a_handler_is_a_program_with_arguments(event: str, handler: dict[str, Any]) -> None:
    """No shell reads paths, and a client that does not know `args` starts one that does nothing."""
    assert event in EVENTS
    assert set(handler) == {"type", "command", "args", "timeout"}
    assert handler["type"] == "command"
    assert handler["command"].endswith("/hooks/run")
    assert handler["args"][0] == "hook"
    assert 1 <= handler["timeout"] <= 10


@pytest.mark.parametrize(("event", "handler"), HANDLERS)
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("garbage", id="no JSON"),
        pytest.param("", id="nothing"),
        pytest.param("[]", id="no object"),
        pytest.param("{}", id="empty object"),
        pytest.param('{"session_id": 1, "hook_event_name": []}', id="wrong types"),
        pytest.param('{"hook_event_name": "Unheard", "session_id": "a"}', id="unknown event"),
        pytest.param('{"hook_event_name": "Stop", "session_id": "../../a"}', id="hostile session id"),
        pytest.param("[" * 100_000, id="deep"),
    ],
)
def test_garbage_is_met_with_silence(
    clone: Path, env: dict[str, str], event: str, handler: dict[str, Any], text: str
) -> None:
    """Nothing is printed, the exit code is 0, and the next real payload is answered as ever."""
    done = run(command_line(handler, clone), text.replace("Stop", event), env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("event", "handler"), HANDLERS)
def test_a_payload_is_answered(clone: Path, env: dict[str, str], event: str, handler: dict[str, Any]) -> None:
    """Piped by hand, a prompt of 180,000 tokens and more is warned about at the next event that may speak."""
    command = command_line(handler, clone)
    submitted = payload("UserPromptSubmit", prompt="word " * 200_000, prompt_id="p1")
    if event in {"UserPromptSubmit", "PostToolUse", "PostToolUseFailure", "Stop"}:
        more = {"tool_name": "Read", "tool_input": {}, "tool_use_id": "t1", "last_assistant_message": ""}
        if event == "UserPromptSubmit":
            done = run(command, submitted, env)
        else:
            more["tool_response"] = more["error"] = "word " * 200_000
            more["last_assistant_message"] = "word " * 200_000
            done = run(command, payload(event, **more), env)
        reply = json.loads(done.stdout)
        assert "CRITICAL" in reply["systemMessage"]
        assert ("hookSpecificOutput" in reply) == (event != "Stop")
    else:
        more = {"source": "startup", "reason": "other", "agent_id": "a1", "agent_type": "backend"}
        done = run(command, payload(event, **more), env)
        assert done.stdout == ""
    assert (done.returncode, done.stderr) == (0, "")


def test_the_status_line_of_the_example_runs(clone: Path, env: dict[str, str]) -> None:
    """The client gives it to a shell, so its path is one word there."""
    line = read("settings.example.json")["statusLine"]
    assert set(line) == {"type", "command"}
    path, name, python = re.fullmatch(r"(\S+) (\S+) (\S+)", line["command"]).groups()  # type: ignore[union-attr]
    assert (path, name, python) == (f"{PLACEHOLDER}/hooks/run", "statusline", SYSTEM_PYTHON)
    assert run([str(clone / "hooks/run"), name, sys.executable], "garbage", env).returncode == 0


def test_the_launcher_can_be_started() -> None:
    """It is the hooks' command itself, so it has to be executable in every clone."""
    assert os.access(ROOT / "hooks/run", os.X_OK)
    if (ROOT / ".git").exists():
        listed = run(["git", "-C", str(ROOT), "ls-files", "--stage", "hooks/run"])
        assert listed.stdout.startswith("100755 ")


def test_the_versions_agree() -> None:
    """Plugin and package are one thing under one version."""
    assert read(".claude-plugin/plugin.json")["version"] == moai_flow.__version__
    assert "version" not in read(".claude-plugin/marketplace.json")["plugins"][0]


def test_the_names_agree() -> None:
    """The marketplace offers the plugin by the name it has."""
    names = [one["name"] for one in read(".claude-plugin/marketplace.json")["plugins"]]
    assert names == [read(".claude-plugin/plugin.json")["name"]] == ["token-budget"]


@pytest.mark.parametrize("name", sorted(read(".claude-plugin/plugin.json")["userConfig"]))
def test_an_option_has_no_default_of_its_own(name: str) -> None:
    """The dialog would save it as if the person had chosen it, over what the project's file says.

    Nor does it list its values: clients before 2.1.200 refuse a manifest that does.
    """
    assert name in CHECKS
    option = read(".claude-plugin/plugin.json")["userConfig"][name]
    assert {"type", "title", "description"} <= set(option) <= {"type", "title", "description", "min", "max"}


def test_the_icon_is_a_square_the_directory_takes() -> None:
    """A PNG of 512 to 2,048 pixels on each side, below 2 MB."""
    data = (ROOT / ".claude-plugin/icon.png").read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert 512 <= width == height <= 2048
    assert len(data) < 2_000_000
