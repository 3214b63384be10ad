import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.commands import Hook, Run

from moai_flow.cli.client import entry_points
from moai_flow.cli.program import program


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home, a project and a state folder of the test's own; nothing of the caller's environment."""
    for name in list(os.environ):
        if name.startswith(("CLAUDE", "TOKEN_BUDGET", "XDG")) or name == "NO_COLOR":
            monkeypatch.delenv(name)
    for name in ("home", "project"):
        (tmp_path / name).mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TOKEN_BUDGET_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "home"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tmp_path / "project"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def run() -> Run:
    """Run the command line in this process."""

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(program, [str(argument) for argument in arguments], prog_name="token-budget")

    return call


@pytest.fixture
def transcript(home: Path, project: Path) -> Callable[..., Path]:
    """Append a metered reply to a session's transcript, where the client would have it."""
    folder = home / ".claude" / "projects" / "".join(c if c.isalnum() else "-" for c in str(project))
    count = iter(range(1000))

    def append(session: str, occupancy: int, agent: str = "") -> Path:
        path = folder / (f"{session}/subagents/agent-{agent}.jsonl" if agent else f"{session}.jsonl")
        path.parent.mkdir(parents=True, exist_ok=True)
        message = {
            "id": f"msg_{next(count)}",
            "model": "claude-sonnet-4-5",
            "stop_reason": "end_turn",
            "content": [{"type": "text", "text": "done"}],
            "usage": {"input_tokens": 10, "cache_read_input_tokens": occupancy - 60, "output_tokens": 50},
        }
        record = {"type": "assistant", "cwd": str(project), "uuid": message["id"], "message": message}
        with path.open("a") as file:
            file.write(json.dumps(record) + "\n")
        return folder / f"{session}.jsonl"

    return append


@pytest.fixture
def hook(project: Path) -> Hook:
    """Run the real hook on an event; return what it prints."""

    def fire(session: str, event: str, **fields: Any) -> str:
        fields.setdefault("cwd", str(project))
        payload = {"session_id": session, "hook_event_name": event, **fields}
        done = subprocess.run(
            entry_points.command(), input=json.dumps(payload), capture_output=True, text=True, check=True, timeout=30
        )
        assert done.stderr == ""
        return done.stdout

    return fire


@pytest.fixture
def begun(hook: Hook, transcript: Callable[..., Path]) -> Path:
    """A session `one` of this project at 40,000 tokens, with an agent of type backend at 41,000."""
    path = transcript("one", 40_000)
    transcript("one", 41_000, agent="a1")
    hook("one", "Stop", transcript_path=str(path), last_assistant_message="done")
    hook("one", "SubagentStop", transcript_path=str(path), agent_id="a1", agent_type="backend")
    return path
