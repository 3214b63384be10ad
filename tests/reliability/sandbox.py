"""A home, a project, a transcript and a state folder of the test's own, and the hook started in them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moai_flow.core import codec
from moai_flow.core.config import BudgetConfig
from moai_flow.hook.state.paths import ledger_file

if TYPE_CHECKING:
    from moai_flow.core.ledger import Ledger

ROOT = Path(__file__).resolve().parents[2]
HOOK = [sys.executable, "-I", "-S", str(ROOT / "hooks" / "hook.py")]
SESSION = "5e551017-0000-4000-8000-000000000001"
AGENT = "a0123456789abcdef"
CALL = "toolu_1"

EVENTS: dict[str, dict[str, Any]] = {
    "SessionStart": {"source": "startup"},
    "UserPromptSubmit": {"prompt": "please count " * 40, "prompt_id": "p1"},
    "PreToolUse": {"tool_name": "Bash", "tool_input": {"command": "ls"}, "tool_use_id": CALL},
    "PostToolUse": {
        "tool_name": "Bash",
        "tool_input": {"command": "ls"},
        "tool_use_id": CALL,
        "tool_response": {"stdout": "file\n" * 400, "stderr": ""},
    },
    "PostToolUseFailure": {
        "tool_name": "Bash",
        "tool_input": {"command": "ls"},
        "tool_use_id": CALL,
        "error": "it failed " * 50,
    },
    "SubagentStart": {"agent_id": AGENT, "agent_type": "backend"},
    "SubagentStop": {"agent_id": AGENT, "agent_type": "backend", "last_assistant_message": "done " * 50},
    "Stop": {"last_assistant_message": "all done " * 60, "stop_hook_active": False},
    "SessionEnd": {"reason": "other"},
}
"""What each event carries beside the fields that all have."""


class Outcome:
    """What a hook process did: its exit code, what it printed, and what that took.

    `seconds` is how long it took, `busy` how long of that it had a processor, `peak` the most memory it had, in
    bytes; 0 where that was not measured.
    """

    def __init__(
        self, code: int, out: bytes, err: bytes, seconds: float = 0.0, busy: float = 0.0, peak: int = 0
    ) -> None:
        self.code = code
        self.out = out
        self.err = err
        self.seconds = seconds
        self.busy = busy
        self.peak = peak

    @property
    def reply(self) -> dict[str, Any]:
        """The reply, {} if it is silent; raises unless it is one ASCII JSON object of at most 10,000 characters."""
        if not self.out:
            return {}
        assert len(self.out) <= 10_000
        reply = json.loads(self.out.decode("ascii"))
        assert isinstance(reply, dict)
        return reply

    def check(self) -> None:
        """Assert what is promised of every hook, whatever happens."""
        assert (self.code, self.err) == (0, b"")
        _ = self.reply


class Sandbox:
    """Everything a hook may touch, below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.state = root / "state"
        self.project = root / "project"
        self.projects = self.home / ".claude" / "projects" / "-project"
        for folder in (self.home, self.project, self.projects):
            folder.mkdir(parents=True)
        self.transcript = self.projects / f"{SESSION}.jsonl"
        self.agent_transcript = self.projects / SESSION / "subagents" / f"agent-{AGENT}.jsonl"

    @property
    def env(self) -> dict[str, str]:
        """The hook's environment."""
        return {
            "HOME": str(self.home),
            "TOKEN_BUDGET_STATE_DIR": str(self.state),
            "CLAUDE_PROJECT_DIR": str(self.project),
            "CLAUDE_PID": "4711",
            "PATH": os.environ.get("PATH", ""),
        }

    @property
    def ledger_path(self) -> Path:
        return Path(ledger_file(str(self.state), SESSION))

    def configure(self, **settings: Any) -> None:
        """Write the project's settings."""
        path = self.project / ".moai" / "config" / "config.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"token_budget": settings}))

    def payload(self, event: str, **more: Any) -> dict[str, Any]:
        """Return the payload of an event as the client sends it."""
        return {
            "session_id": SESSION,
            "transcript_path": str(self.transcript),
            "cwd": str(self.project),
            "hook_event_name": event,
            **EVENTS[event],
            **more,
        }

    def write_message(self, tokens: int, identity: str = "msg_1", *, calls: tuple[str, ...] = ()) -> None:
        """Append a metered message of the main window to its transcript."""
        _append(self.transcript, message(tokens, identity, calls=calls))

    def write_agent_message(self, tokens: int, identity: str = "msg_a1", agent: str = AGENT) -> None:
        """Append a metered message of a subagent to its transcript."""
        path = self.agent_transcript.with_name(f"agent-{agent}.jsonl")
        path.parent.mkdir(parents=True, exist_ok=True)
        _append(path, {**message(tokens, identity), "attributionAgent": "backend", "isSidechain": True})

    def run(
        self,
        payload: dict[str, Any] | bytes,
        *,
        env: dict[str, str] | None = None,
        command: list[str] | None = None,
    ) -> Outcome:
        """Start a hook with a payload and wait for its end."""
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        done = subprocess.run(
            command or HOOK,
            input=data,
            env=self.env if env is None else env,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def fire(self, event: str, **more: Any) -> Outcome:
        """Start a hook with an event, check it, and return what it did."""
        outcome = self.run(self.payload(event, **more))
        outcome.check()
        return outcome

    def ledger(self) -> Ledger:
        """Return the session's ledger; raises if it is missing or damaged."""
        return codec.decode(self.ledger_path.read_bytes(), BudgetConfig())

    def consumed(self) -> dict[str, int]:
        """Return the consumption of every swarm, in tokens."""
        return {name: swarm.consumed for name, swarm in self.ledger().swarms.items()}


def message(tokens: int, identity: str, *, calls: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the record of a metered message."""
    blocks = [{"type": "tool_use", "id": call, "name": "Bash", "input": {}} for call in calls]
    return {
        "type": "assistant",
        "uuid": f"uuid-{identity}",
        "message": {
            "id": identity,
            "model": "claude-opus-4-5",
            "content": blocks or [{"type": "text", "text": "said"}],
            "stop_reason": "tool_use" if calls else "end_turn",
            "usage": {"input_tokens": tokens - 100, "output_tokens": 100},
        },
    }


def _append(path: Path, record: dict[str, Any]) -> None:
    with path.open("a") as file:
        file.write(json.dumps(record) + "\n")
