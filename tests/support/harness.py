"""A session of a client that is not there: the only harness for hooks in the tests.

It has a home, a state folder and a project of its own. Its hooks run in this process, with a clock that the test
moves, or as the client starts them: a process of `hooks/hook.py`, of the launcher `hooks/run`, or of any command.
Every reply is held to what the client accepts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.transcript import Transcripts

from moai_flow.core import codec
from moai_flow.core.config import BudgetConfig
from moai_flow.core.swarm import MAIN
from moai_flow.hook import payload
from moai_flow.hook.respond import respond
from moai_flow.hook.state import paths
from moai_flow.statusline import show

if TYPE_CHECKING:
    from support.transcript import Transcript

    from moai_flow.core.ledger import SessionLedger

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = str(ROOT / "hooks" / "run")
HOOK = [sys.executable, "-I", "-S", str(ROOT / "hooks" / "hook.py")]
STATUS_LINE = [sys.executable, "-I", "-S", str(ROOT / "hooks" / "statusline.py")]
SESSION = "5be1c9a2-0f4e-4b1c-9c5d-2f1f6a0c7d11"
AGENT = "a0123456789abcdef"
CALL = "toolu_1"

EXAMPLES: dict[str, dict[str, Any]] = {
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
    "SubagentStop": {"agent_id": AGENT, "agent_type": "backend", "last_assistant_message": "done"},
    "Stop": {"last_assistant_message": "done", "stop_hook_active": False},
    "SessionEnd": {"reason": "other"},
}
"""Each event with the fields that it carries beside those that all have."""

MAX_REPLY = 10_000
"""Characters that the client takes of a reply."""

HEARD_BY_PERSON = {"SessionStart", "UserPromptSubmit", "PostToolUse", "PostToolUseFailure", "Stop"}
HEARD_BY_MODEL = {
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PostToolUse",
    "PostToolUseFailure",
    "SubagentStart",
}
"""Events whose reply reaches its reader. At Stop and SubagentStop `additionalContext` starts the turn again."""

DECISION = {"permissionDecision", "permissionDecisionReason"}


class Reply(dict[str, Any]):
    """What a hook replied, {} for nothing."""

    @property
    def output(self) -> dict[str, Any]:
        """The part that belongs to the event."""
        return dict(self.get("hookSpecificOutput", {}))

    @property
    def to_person(self) -> str:
        return str(self.get("systemMessage", ""))

    @property
    def to_model(self) -> str:
        return str(self.output.get("additionalContext", ""))

    @property
    def decision(self) -> str:
        """What is decided of a tool call: ask or deny; "" for nothing."""
        return str(self.output.get("permissionDecision", ""))


def check(event: str, text: str | bytes, *, in_agent: bool = False) -> Reply:
    """Return a hook's output as a reply.

    Raises:
        AssertionError: the client would not take it, or would do what nobody asked for.
    """
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if not data:
        return Reply()
    assert len(data) <= MAX_REPLY
    assert data.isascii()
    reply = Reply(json.loads(data))
    assert reply, "a hook that has nothing to say is silent"
    if "decision" in reply:
        assert event == "UserPromptSubmit"
        assert set(reply) == {"decision", "reason"}
        assert reply["decision"] == "block"
        return reply
    assert reply.keys() <= {"systemMessage", "hookSpecificOutput"}
    if "systemMessage" in reply:
        assert event in HEARD_BY_PERSON, "nobody would see this"
        assert not in_agent, "the client shows nothing that a hook inside a subagent says"
        assert isinstance(reply["systemMessage"], str)
        assert reply["systemMessage"]
    if "hookSpecificOutput" in reply:
        output = reply["hookSpecificOutput"]
        assert output.get("hookEventName") == event
        if event == "PreToolUse":
            assert output.keys() <= {"hookEventName", "additionalContext", *DECISION}
            assert output.keys() >= DECISION or not DECISION & output.keys()
            assert output.get("permissionDecision", "ask") in {"ask", "deny"}
            assert output.get("permissionDecisionReason", "because")
        else:
            assert output.keys() == {"hookEventName", "additionalContext"}
        if "additionalContext" in output:
            assert event in HEARD_BY_MODEL
            assert isinstance(output["additionalContext"], str)
            assert output["additionalContext"]
    return reply


class Outcome:
    """What a process did: its exit code, what it printed, and what that took.

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
    def reply(self) -> Reply:
        """The reply, {} for none; whatever the event was, it is one ASCII JSON object of at most 10,000 characters."""
        if not self.out:
            return Reply()
        assert len(self.out) <= MAX_REPLY
        return Reply(json.loads(self.out.decode("ascii")))

    def check(self) -> None:
        """Assert what is promised of every hook, whatever happens."""
        assert (self.code, self.err) == (0, b"")
        _ = self.reply


class Session:
    """One session, below a folder of the test's own.

    Args:
        root: the folder.
        session: the session's id.
        now: seconds since the epoch when it begins, for hooks in this process.

    Attributes:
        now: seconds since the epoch; each event comes a second after the one before.
        env: the environment of hooks and programs, and nothing beside it.
        command: how `process` starts a hook.
    """

    def __init__(self, root: Path, session: str = SESSION, *, now: float = 1_000_000.0) -> None:
        self.root = root
        self.home = root / "home"
        self.state = root / "state"
        self.project = root / "project"
        for folder in (self.home, self.project):
            folder.mkdir(parents=True, exist_ok=True)
        self.session = session
        self.now = now
        self.env = {
            "HOME": str(self.home),
            "TOKEN_BUDGET_STATE_DIR": str(self.state),
            "CLAUDE_PROJECT_DIR": str(self.project),
            "CLAUDE_PID": "4711",
            "NO_COLOR": "1",
            "PATH": os.environ.get("PATH", ""),
        }
        self.command = HOOK
        # As the client names the folder of a project's transcripts.
        self.projects = self.home / ".claude/projects" / "".join(c if c.isalnum() else "-" for c in str(self.project))
        self.transcripts = Transcripts(self.projects, session, str(self.project))
        self._tools = 0

    def beside(self, session: str) -> Session:
        """Return another session of the same person in the same project, in the same environment."""
        other = Session(self.root, session, now=self.now)
        other.env, other.command = self.env, self.command
        return other

    # Settings.

    def configure(self, **settings: Any) -> Path:
        """Write the user's settings and return the file."""
        return _write_settings(Path(paths.config_file(self.env, sys.platform)), settings)

    def configure_project(self, **settings: Any) -> Path:
        """Write the project's settings and return the file."""
        return _write_settings(self.project / ".moai/config/config.json", settings)

    # Transcripts.

    @property
    def transcript(self) -> Path:
        """The main window's transcript."""
        return self.transcripts.path()

    def window(self, agent: str = "", agent_type: str = "backend") -> Transcript:
        """Return what writes the transcript of the main window or of a subagent."""
        return self.transcripts.window(agent, agent_type)

    def reply(self, occupancy: int, agent: str = "", **fields: Any) -> None:
        """Write a message that ends its turn, after which its window holds so many tokens."""
        self.window(agent).reply(occupancy, **fields)

    def measured(self, tokens: int, agent: str = "", *, ended: bool = False, **fields: Any) -> None:
        """Write a message after which its window holds so many tokens; unless it has `ended`, a tool comes next."""
        self.window(agent).reply(tokens, ended=ended, **fields)

    # Hooks.

    def payload(self, name: str, **fields: Any) -> dict[str, Any]:
        """Return the payload of an event with these fields and those that all have; None leaves one out."""
        common = {
            "session_id": self.session,
            "transcript_path": str(self.transcript),
            "cwd": str(self.project),
            "hook_event_name": name,
        }
        return {key: value for key, value in {**common, **fields}.items() if value is not None}

    def example(self, name: str, **fields: Any) -> dict[str, Any]:
        """Return the payload of an event with everything it carries; `fields` take the place of the example's."""
        return self.payload(name, **{**EXAMPLES[name], **fields})

    def event(self, name: str, **fields: Any) -> Reply:
        """Run the hook on an event in this process, a second after the one before; return its reply."""
        self.now += 1
        return self.respond(self.payload(name, **fields))

    def respond(
        self,
        given: dict[str, Any],
        *,
        env: dict[str, str] | None = None,
        now: float | None = None,
        wait_seconds: float = 0.0,
    ) -> Reply:
        """Run the hook on a payload in this process; return its reply.

        Args:
            given: the payload.
            env: more of the environment.
            now: seconds since the epoch; the session's `now` if it is missing.
            wait_seconds: how long it waits for a turn's last reply; what a test writes is there before.
        """
        event = payload.parse(json.dumps(given).encode())
        if event is None:
            return Reply()
        environ = {**self.env, **(env or {})}
        text = respond(event, environ, sys.platform, self.now if now is None else now, wait_seconds=wait_seconds)
        return check(event.name, text, in_agent=bool(event.agent))

    def process(self, name: str, **fields: Any) -> Reply:
        """Run the hook on an event as the client does, and return its reply."""
        outcome = self.run(self.payload(name, **fields))
        assert (outcome.code, outcome.err) == (0, b"")
        return check(name, outcome.out, in_agent="agent_id" in fields)

    def fire(self, name: str, **fields: Any) -> Reply:
        """Run the hook on an example of an event as the client does, and return its reply."""
        return self.process(name, **{**EXAMPLES[name], **fields})

    def run(
        self,
        given: dict[str, Any] | bytes,
        *,
        env: dict[str, str] | None = None,
        command: list[str] | None = None,
    ) -> Outcome:
        """Start a hook with a payload, wait for its end, and return what it did, unchecked.

        Args:
            given: the payload, or bytes as they are.
            env: the environment, in place of the session's.
            command: what to start, in place of the session's `command`.
        """
        done = subprocess.run(
            command or self.command,
            input=given if isinstance(given, bytes) else json.dumps(given).encode(),
            cwd=self.project,
            env=self.env if env is None else env,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def at_once(self, payloads: list[dict[str, Any]]) -> list[Reply]:
        """Start a hook for each payload, then give all of them theirs; return the replies."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started = [subprocess.Popen(self.command, cwd=self.project, env=self.env, **pipes) for _ in payloads]
        for process, given in zip(started, payloads, strict=True):
            assert process.stdin is not None
            process.stdin.write(json.dumps(given).encode())
        for process in started:
            assert process.stdin is not None
            process.stdin.close()
            process.stdin = None
        replies = []
        for process, given in zip(started, payloads, strict=True):
            out, err = process.communicate(timeout=60)
            assert (process.returncode, err) == (0, b"")
            replies.append(check(given["hook_event_name"], out, in_agent="agent_id" in given))
        return replies

    def start(self, command: list[str], text: str = "", **env: str) -> str:
        """Run a program in the project and return what it prints; it must neither fail nor complain."""
        outcome = self.run(text.encode(), env={**self.env, **env}, command=command)
        assert (outcome.code, outcome.err) == (0, b"")
        return outcome.out.decode()

    # What hooks often are about.

    def turn(self, occupancy: int, **fields: Any) -> str:
        """Let a reply end a turn; return what the person is told."""
        self.reply(occupancy, **fields)
        return self.event("Stop").to_person

    def tool(self, agent: str = "", agent_type: str = "backend", **fields: Any) -> Reply:
        """Run PostToolUse of a tool whose result is empty."""
        self._tools += 1
        call = {"tool_name": "Bash", "tool_use_id": f"toolu_{self._tools}", "tool_input": {}, "tool_response": ""}
        where = {"agent_id": agent, "agent_type": agent_type} if agent else {}
        return self.event("PostToolUse", **{**where, **call, **fields})

    def work(self, agent: str, tokens: int, agent_type: str = "backend") -> Reply:
        """Let an agent's window hold so many tokens and run a tool in it."""
        self.window(agent, agent_type).reply(tokens, ended=False)
        return self.tool(agent, agent_type)

    def ask(self, call: str, asked: str = "backend", *, tool: str = "Agent", **fields: Any) -> dict[str, Any]:
        """Run PreToolUse of a call that asks for an agent; return what the reply says of it."""
        tool_input = {"subagent_type": asked, "prompt": "x"} if asked else {"prompt": "x"}
        return self.event("PreToolUse", tool_name=tool, tool_use_id=call, tool_input=tool_input, **fields).output

    def begin_agent(self, agent: str, agent_type: str = "backend") -> Reply:
        """Run SubagentStart."""
        return self.event("SubagentStart", agent_id=agent, agent_type=agent_type)

    def stop_agent(self, agent: str, agent_type: str = "backend") -> Reply:
        """Run SubagentStop."""
        return self.event("SubagentStop", agent_id=agent, agent_type=agent_type)

    def launch(self, call: str, agent: str, agent_type: str = "backend") -> Reply:
        """Run PostToolUse of a call that started an agent in the background."""
        response = {"status": "async_launched", "agentId": agent}
        asked = {"tool_name": "Agent", "tool_use_id": call, "tool_input": {"subagent_type": agent_type}}
        return self.event("PostToolUse", **asked, tool_response=response)

    def finish(self, agent: str, tokens: int, agent_type: str = "backend") -> None:
        """Let an agent start, use so many tokens and stop."""
        self.begin_agent(agent, agent_type)
        self.window(agent, agent_type).reply(tokens)
        self.stop_agent(agent, agent_type)

    # The status line.

    def status_payload(self, *, size: int | None = 200_000, **fields: Any) -> dict[str, Any]:
        """Return what the client hands to a status line."""
        return {
            "session_id": self.session,
            "transcript_path": str(self.transcript),
            "workspace": {"project_dir": str(self.project)},
            "context_window": {"context_window_size": size, "current_usage": None},
            **fields,
        }

    def status_line(self, *, size: int | None = 200_000, **fields: Any) -> str:
        """Return the status line, made in this process."""
        data = json.dumps(self.status_payload(size=size, **fields)).encode()
        return show.status_line(data, self.env, sys.platform, self.now)

    def status_line_process(self, *arguments: str, size: int | None = 200_000, **fields: Any) -> str:
        """Run the status line as the client does and return what it prints."""
        text = json.dumps(self.status_payload(size=size, **fields))
        return self.start([*STATUS_LINE, *arguments], text)

    # The ledger.

    @property
    def ledger_file(self) -> Path:
        return Path(paths.ledger_file(str(self.state), self.session))

    @property
    def ledger(self) -> SessionLedger:
        """The session's ledger as it is on disk; raises if it is missing or damaged."""
        return read_ledger(self.state, self.session)

    @property
    def occupancy(self) -> int:
        """Tokens of the main window, measured and estimated; 0 before it has any."""
        window = self.ledger.windows.get(MAIN)
        return window.tokens if window is not None else 0

    def consumed(self) -> dict[str, int]:
        """Return the consumption of every swarm, in tokens."""
        return {name: swarm.consumed for name, swarm in self.ledger.swarms.items()}

    def reserved(self, swarm: str = "backend") -> int:
        """Return the tokens a swarm has reserved, which are what its reservations have left."""
        ledger = self.ledger
        reserved = ledger.swarms[swarm].reserved if swarm in ledger.swarms else 0
        assert reserved == sum(one.left for one in ledger.reservations.values() if one.swarm == swarm)
        return reserved


def read_ledger(state: Path, session: str) -> SessionLedger:
    """Return a session's ledger as it is on disk; raises if it is missing or damaged."""
    return codec.decode_session(Path(paths.ledger_file(str(state), session)).read_bytes(), BudgetConfig())


def _write_settings(path: Path, settings: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"token_budget": settings}))
    return path
