import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from time import time
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.commands import Hook, Run
from support.harness import Session

from moai_flow.cli.program import program


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home, the project and the state folder are those of the test's sessions."""
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
def sessions(tmp_path: Path) -> Callable[[str], Session]:
    """Return the session of an id: its hooks run in this process, in the environment of the test, at this time."""
    known: dict[str, Session] = {}

    def find(identity: str) -> Session:
        one = known.setdefault(identity, Session(tmp_path, identity))
        one.env, one.now = dict(os.environ), time()
        return one

    return find


@pytest.fixture
def transcript(sessions: Callable[[str], Session]) -> Callable[..., Path]:
    """Append a metered reply to a session's transcript, where the client would have it; return the main one."""

    def append(session: str, occupancy: int, agent: str = "") -> Path:
        one = sessions(session)
        one.reply(occupancy, agent, model="claude-sonnet-4-5")
        return one.transcript

    return append


@pytest.fixture
def hook(sessions: Callable[[str], Session]) -> Hook:
    """Run the hook on an event; return what it prints."""

    def fire(session: str, event: str, **fields: Any) -> str:
        reply = sessions(session).event(event, **{"transcript_path": None, **fields})
        return json.dumps(reply) if reply else ""

    return fire


@pytest.fixture
def begun(hook: Hook, transcript: Callable[..., Path]) -> Path:
    """A session `one` of this project at 40,000 tokens, with an agent of type backend at 41,000."""
    path = transcript("one", 40_000)
    transcript("one", 41_000, agent="a1")
    hook("one", "Stop", transcript_path=str(path), last_assistant_message="done")
    hook("one", "SubagentStop", transcript_path=str(path), agent_id="a1", agent_type="backend")
    return path
