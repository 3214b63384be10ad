"""A session whose events a test makes one by one: its transcripts are written, its hooks run in this process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from support.metering import ledger_of

from moai_flow.hook import payload
from moai_flow.hook.respond import respond

if TYPE_CHECKING:
    from pathlib import Path

    from moai_flow.core.ledger import SessionLedger

SESSION = "5be1c9a2-0f4e-4b1c-9c5d-2f1f6a0c7d11"


class Scene:
    """One session in a home of its own.

    Attributes:
        now: seconds since the epoch; each event comes a second after the one before.
        settings: the `token_budget` object of the user's file.
    """

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.state = root / "state"
        self.folder = root / "projects" / "p"
        self.folder.mkdir(parents=True)
        self.home.mkdir(exist_ok=True)
        self.session = SESSION
        self.now = 1_000_000.0
        self.environment = {"HOME": str(self.home), "TOKEN_BUDGET_STATE_DIR": str(self.state), "CLAUDE_PID": "77"}
        self.held = -1
        self._count = 0

    def configure(self, **settings: Any) -> None:
        """Write the user's settings."""
        path = self.home / ".config/token-budget/config.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"token_budget": settings}))

    def transcript(self, agent: str = "") -> Path:
        """Return the transcript of the main window or of an agent."""
        return self.folder / (f"{self.session}/subagents/agent-{agent}.jsonl" if agent else f"{self.session}.jsonl")

    def measured(self, tokens: int, agent: str = "", *, ended: bool = False) -> None:
        """Write a reply after which the window holds so many tokens."""
        self._count += 1
        path = self.transcript(agent)
        path.parent.mkdir(parents=True, exist_ok=True)
        message = {
            "id": f"msg_{self._count}",
            "model": "m",
            "stop_reason": "end_turn" if ended else "tool_use",
            "content": [],
            "usage": {"input_tokens": tokens - 50, "output_tokens": 50},
        }
        record = {"type": "assistant", "uuid": f"u{self._count}", "message": message}
        with path.open("a") as file:
            file.write(json.dumps(record) + "\n")

    def payload(self, name: str, **fields: Any) -> dict[str, Any]:
        """Return the payload of an event."""
        common = {"session_id": self.session, "transcript_path": str(self.transcript()), "cwd": str(self.folder)}
        return {"hook_event_name": name, **common, **fields}

    def event(self, name: str, **fields: Any) -> dict[str, Any]:
        """Run the hook on an event; return its reply, {} for none."""
        self.now += 1
        event = payload.parse(json.dumps(self.payload(name, **fields)).encode())
        assert event is not None
        text = respond(event, self.environment, "linux", self.now, wait_seconds=0.0)
        return dict(json.loads(text)) if text else {}

    def ask(self, call: str, asked: str = "backend", *, tool: str = "Agent", **fields: Any) -> dict[str, Any]:
        """Run PreToolUse of a call that asks for an agent; return what the reply says of it."""
        tool_input = {"subagent_type": asked, "prompt": "x"} if asked else {"prompt": "x"}
        reply = self.event("PreToolUse", tool_name=tool, tool_use_id=call, tool_input=tool_input, **fields)
        return dict(reply.get("hookSpecificOutput", {}))

    def start(self, agent: str, agent_type: str = "backend") -> dict[str, Any]:
        """Run SubagentStart."""
        return self.event("SubagentStart", agent_id=agent, agent_type=agent_type)

    def stop(self, agent: str, agent_type: str = "backend") -> dict[str, Any]:
        """Run SubagentStop."""
        return self.event("SubagentStop", agent_id=agent, agent_type=agent_type)

    def work(self, agent: str, tokens: int, agent_type: str = "backend") -> dict[str, Any]:
        """Let an agent's window hold so many tokens and run a tool in it."""
        self.measured(tokens, agent)
        return self.tool(agent, agent_type)

    def tool(self, agent: str, agent_type: str = "backend") -> dict[str, Any]:
        """Run PostToolUse of a tool in an agent whose result is empty."""
        self._count += 1
        call = {"tool_name": "Bash", "tool_use_id": f"toolu_{self._count}", "tool_input": {}, "tool_response": ""}
        return self.event("PostToolUse", agent_id=agent, agent_type=agent_type, **call)

    def launched(self, call: str, agent: str, agent_type: str = "backend") -> None:
        """Run PostToolUse of a call that started an agent in the background."""
        response = {"status": "async_launched", "agentId": agent}
        self.event(
            "PostToolUse",
            tool_name="Agent",
            tool_use_id=call,
            tool_input={"subagent_type": agent_type},
            tool_response=response,
        )

    def finished(self, agent: str, tokens: int, agent_type: str = "backend") -> None:
        """Let an agent start, use so many tokens and stop."""
        self.start(agent, agent_type)
        self.measured(tokens, agent, ended=True)
        self.stop(agent, agent_type)

    @property
    def ledger(self) -> SessionLedger:
        """The session's ledger as it is on disk."""
        return ledger_of(self.state, self.session)

    def reserved(self, swarm: str = "backend") -> int:
        """Return the tokens a swarm has reserved, which are what its reservations have left."""
        ledger = self.ledger
        reserved = ledger.swarms[swarm].reserved if swarm in ledger.swarms else 0
        assert reserved == sum(one.left for one in ledger.reservations.values() if one.swarm == swarm)
        return reserved
