"""Sessions to measure hooks in: a home, a project, transcripts in the client's format, and the ledger hooks left.

The ledger is not made up: each session is played through the package's own code, call by call, while its
transcripts grow. What is then measured is the event that comes next.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from moai_flow.hook.payload import Event
from moai_flow.hook.respond import respond

ROOT = Path(__file__).resolve().parents[1]

CALLS = 60
"""Tool calls that a session has behind it: enough for every list in a ledger to be full."""

AGENT_CALLS = 20
"""Tool calls of each subagent."""

_FILLER = 30_000
"""Bytes of a record that is no message (a snapshot of a prompt): most of a real transcript is such."""

_PRINTED = "".join([f"line {line:04d} of what the tool printed\n" for line in range(111)])


class Session:
    """A session after `CALLS` tool calls, just before the next event.

    Args:
        root: an empty folder.
        size: bytes that the main transcript has before the session's last calls.
        agents: subagents that have come and gone.
        agent_types: how many types they have: that many swarms.
        tokens: the main window's occupancy at the end.
    """

    def __init__(
        self,
        root: Path,
        *,
        size: int = 3_500_000,
        agents: int = 0,
        agent_types: int = 1,
        tokens: int = 60_000,
    ) -> None:
        self.id = "6fdfdff9-d30d-499f-a4db-5ec09696b2df"
        self.home = root / "home"
        self.project = root / "project"
        self.projects = self.home / ".claude/projects/-project"
        for folder in (self.project, self.projects):
            folder.mkdir(parents=True)
        self.transcript = self.projects / f"{self.id}.jsonl"
        self.tokens = tokens
        self._number = 0
        # A result is written after the hooks have run: for them it stands there with the next message.
        self._due: dict[str, list[dict[str, Any]]] = {}
        self._at = 1_790_000_000.0
        self._fill(size)
        self.play({"hook_event_name": "SessionStart", "source": "startup"})
        self.play({"hook_event_name": "UserPromptSubmit", "prompt": "do it", "prompt_id": "p-1"})
        for number in range(agents):
            self._agent(f"a{number:016x}", f"type-{number % agent_types}")
        for _ in range(CALLS):
            self.play(self.call())

    @property
    def environment(self) -> dict[str, str]:
        """The environment that the client gives its hooks, as far as they look at it."""
        return {
            "HOME": str(self.home),
            # What is measured near a threshold is measured near the guide's, whatever the window holds.
            "TOKEN_BUDGET_TOTAL_BUDGET": "200000",
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "SHELL": "/bin/bash",
            "CLAUDE_PID": "4242",
            "CLAUDE_PROJECT_DIR": str(self.project),
        }

    @property
    def folder(self) -> Path:
        """Where the ledgers are."""
        return self.home / ".local/state/token-budget/sessions"

    @property
    def ledger(self) -> Path:
        """The session's ledger."""
        return self.folder / f"{self.id}.json"

    def payload(self, **fields: Any) -> dict[str, Any]:
        """Return an event's payload, with the fields that every payload has."""
        return {
            "session_id": self.id,
            "transcript_path": str(self.transcript),
            "cwd": str(self.project),
            "permission_mode": "default",
            **fields,
        }

    def play(self, fields: dict[str, Any]) -> str:
        """Let the package answer an event, in this process."""
        self._at += 1.0
        event = Event(self.payload(**fields))
        return respond(event, self.environment, sys.platform, self._at, wait_seconds=0.0)

    def call(self, agent: str = "", agent_type: str = "") -> dict[str, Any]:
        """Write the message that calls a tool to the transcript; return the PostToolUse that follows."""
        return self.calls(1, agent, agent_type)[0]

    def calls(self, count: int, agent: str = "", agent_type: str = "") -> list[dict[str, Any]]:
        """Write a message that calls `count` tools in parallel; return the PostToolUse of each."""
        blocks, payloads = [], []
        who = {"agent_id": agent, "agent_type": agent_type} if agent else {}
        for _ in range(count):
            self._number += 1
            call = f"toolu_{self._number:024d}"
            command = {"command": f"sed -n 1,80p notes{self._number}.txt", "description": "Show some lines"}
            blocks.append({"type": "tool_use", "id": call, "name": "Bash", "input": command})
            fields = {
                "hook_event_name": "PostToolUse",
                "tool_name": "Bash",
                "tool_input": command,
                "tool_response": {"stdout": _PRINTED, "stderr": "", "interrupted": False, "isImage": False},
                "tool_use_id": call,
                "duration_ms": 12,
                **who,
            }
            payloads.append(fields)
        self._message(blocks, "tool_use", agent)
        self._due[agent] = payloads
        return payloads

    def end(self, agent: str = "", agent_type: str = "") -> dict[str, Any]:
        """Write the reply that ends a turn to the transcript; return the Stop or SubagentStop that follows."""
        text = "All of it is done, and the tests pass. " * 20
        self._message([{"type": "text", "text": text}], "end_turn", agent)
        if not agent:
            return {"hook_event_name": "Stop", "last_assistant_message": text, "stop_hook_active": False}
        return {
            "hook_event_name": "SubagentStop",
            "last_assistant_message": text,
            "agent_id": agent,
            "agent_type": agent_type,
            "agent_transcript_path": str(self._file(agent)),
        }

    def _agent(self, agent: str, agent_type: str) -> None:
        self.play({"hook_event_name": "SubagentStart", "agent_id": agent, "agent_type": agent_type})
        for _ in range(AGENT_CALLS):
            self.play(self.call(agent, agent_type))
        self.play(self.end(agent, agent_type))

    def _file(self, agent: str) -> Path:
        if not agent:
            return self.transcript
        return self.projects / self.id / "subagents" / f"agent-{agent}.jsonl"

    def _fill(self, size: int) -> None:
        line = self._record({"type": "attachment", "attachment": {"text": "x" * _FILLER}}, "")
        with self.transcript.open("wb") as file:
            for _ in range(size // len(line)):
                file.write(line)

    def _record(self, record: dict[str, Any], agent: str) -> bytes:
        common = {
            "uuid": f"421e3162-ca1d-4014-b74f-{self._number:012d}",
            "timestamp": "2026-11-22T15:01:08.949Z",
            "isSidechain": bool(agent),
            "userType": "external",
            "cwd": str(self.project),
            "sessionId": self.id,
            "version": "2.1.330",
            "gitBranch": "main",
        }
        return json.dumps({**record, **common}, separators=(",", ":")).encode() + b"\n"

    def _append(self, record: dict[str, Any], agent: str) -> None:
        path = self._file(agent)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(self._record(record, agent))

    def _message(self, content: list[dict[str, Any]], stop: str, agent: str) -> None:
        self._number += 1
        for payload in self._due.pop(agent, []):
            self._result(payload, agent)
        tokens = 20_000 if agent else self.tokens
        usage = {
            "input_tokens": 10,
            "cache_creation_input_tokens": 1_200,
            "cache_read_input_tokens": tokens + self._number,
            "output_tokens": 180,
            "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
            "service_tier": "standard",
            "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 1_200},
        }
        self._append({"type": "api-request", "params": {"system": "x" * 900}}, agent)
        identity = f"msg_{self._number:024d}"
        # One line a content block, each repeating the message's id and usage.
        for block in content:
            message = {
                "id": identity,
                "type": "message",
                "role": "assistant",
                "model": "claude-opus-5-5",
                "content": [block],
                "stop_reason": stop,
                "stop_sequence": None,
                "usage": usage,
            }
            self._append({"type": "assistant", "message": message}, agent)

    def _result(self, payload: dict[str, Any], agent: str) -> None:
        block = {"tool_use_id": payload["tool_use_id"], "type": "tool_result", "content": _PRINTED}
        record = {"message": {"role": "user", "content": [block]}, "toolUseResult": payload["tool_response"]}
        self._append({"type": "user", **record}, agent)
