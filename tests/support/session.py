"""One session of a client that is not there: its transcript grows, its hooks and its status line run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moai_flow.core import codec
from moai_flow.core.config import BudgetConfig
from moai_flow.hook.state import paths

if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = str(ROOT / "hooks" / "run")
SESSION = "11111111-2222-3333-4444-555555555555"


class Session:
    """One session of a client that is not there: its transcript, its hooks, its status line.

    Args:
        root: a folder of the test's own.
    """

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.state = root / "state"
        self.project = root / "project"
        self.session = SESSION
        self.transcript = root / "projects" / f"{SESSION}.jsonl"
        self.transcript.parent.mkdir()
        self.project.mkdir(exist_ok=True)
        self.env = {
            "HOME": str(self.home),
            "TOKEN_BUDGET_STATE_DIR": str(self.state),
            "CLAUDE_PROJECT_DIR": str(self.project),
            "NO_COLOR": "1",
        }
        self._messages = 0

    def configure(self, **settings: Any) -> None:
        """Write the project's settings."""
        file = self.project / ".moai" / "config" / "config.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"token_budget": settings}))

    def say(self, occupancy: int, *, model: str = "claude-made-up", stop: str = "end_turn") -> None:
        """Append a reply after which the main window holds `occupancy` tokens."""
        self._messages += 1
        record = {
            "type": "assistant",
            "uuid": f"u{self._messages}",
            "message": {
                "id": f"msg_{self._messages}",
                "model": model,
                "stop_reason": stop,
                "usage": {"input_tokens": 10, "cache_read_input_tokens": occupancy - 60, "output_tokens": 50},
                "content": [{"type": "text", "text": "x"}],
            },
        }
        with self.transcript.open("a") as file:
            file.write(json.dumps(record) + "\n")

    def hook(self, name: str, **fields: Any) -> dict[str, Any]:
        """Run a hook as the client does and return its reply, {} for none."""
        payload = {
            "session_id": self.session,
            "transcript_path": str(self.transcript),
            "cwd": str(self.project),
            "hook_event_name": name,
            **fields,
        }
        text = self._run("hook", json.dumps(payload))
        reply = json.loads(text) if text else {}
        assert isinstance(reply, dict)
        return reply

    def turn(self, occupancy: int, **fields: Any) -> str:
        """Let a reply end a turn; return what the person is told."""
        self.say(occupancy, **fields)
        return str(self.hook("Stop").get("systemMessage", ""))

    def status_line(self, *arguments: str, size: int | None = 200_000, **fields: Any) -> str:
        """Run the status line as the client does and return what it prints."""
        given = {
            "session_id": self.session,
            "transcript_path": str(self.transcript),
            "workspace": {"project_dir": str(self.project)},
            "context_window": {"context_window_size": size, "current_usage": None},
            **fields,
        }
        return self._run("statusline", json.dumps(given), *arguments)

    def _run(self, entry: str, text: str, *arguments: str) -> str:
        script = str(ROOT / "hooks" / f"{entry}.py")
        return self.start([sys.executable, "-I", "-S", script, *arguments], text)

    def start(self, command: list[str], text: str = "", **env: str) -> str:
        """Run a program in the project and return what it prints; it must neither fail nor complain."""
        done = subprocess.run(
            command,
            input=text,
            cwd=self.project,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    @property
    def ledger_file(self) -> Path:
        return Path(paths.ledger_file(str(self.state), self.session))

    @property
    def ledger(self) -> SessionLedger:
        return codec.decode_session(self.ledger_file.read_bytes(), BudgetConfig())
