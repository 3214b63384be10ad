"""Sessions made up at random: what their transcripts grow by and which hooks run, in the client's order."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS: dict[str, Any] = {
    "swarms": {
        "api": {"limit": 60_000, "paths": ["api/**"]},
        "backend": {"limit": 90_000, "agents": ["backend"]},
    }
}
"""Limits that some sessions reach, for the main window's tools and for agents."""

Move = tuple[str, dict[str, Any]]
"""("record", {agent, record}) or ("event", payload without the fields that every payload has)."""


class Generated:
    """One session.

    Args:
        seed: sessions of the same seed are the same.
        lags: whether some messages are written only after the hooks of their tools have run.
    """

    def __init__(self, seed: int, *, lags: bool = True) -> None:
        self._lags = lags
        self.chance = random.Random(seed)
        self.session = f"5e551017-0000-4000-8000-{seed:012d}"
        self._number = 0
        self._tokens = {"": self.chance.choice((8_000, 20_000, 60_000, 100_000))}
        # Some sessions go slowly, some bring whole files at every step.
        self._step = self.chance.choice((600, 2_000, 6_000, 20_000))

    def moves(self) -> Iterator[Move]:
        """Yield what happens, in order."""
        yield "event", {"hook_event_name": "SessionStart", "source": "startup"}
        for turn in range(self.chance.randint(2, 6)):
            prompt = {"prompt": "do it " * self.chance.randint(1, 300), "prompt_id": f"p{turn}"}
            yield "event", {"hook_event_name": "UserPromptSubmit", **prompt}
            yield from self._turn("")
            text = "All of it is done. " * self.chance.randint(1, 100)
            yield self._message("", [], "end_turn")
            yield "event", {"hook_event_name": "Stop", "last_assistant_message": text, "stop_hook_active": False}
            if self.chance.random() < 0.15:
                yield from self._compaction()
        yield "event", {"hook_event_name": "SessionEnd", "reason": "other"}

    def _turn(self, agent: str) -> Iterator[Move]:
        for _ in range(self.chance.randint(1, 6)):
            calls = [self._call() for _ in range(self.chance.choice((1, 1, 1, 1, 2, 3, 5)))]
            message = self._message(agent, calls, "tool_use")
            # The client writes a message up to 100 ms after its tools have run.
            lags = len(calls) == 1 and self.chance.random() < 0.2 and self._lags
            if not lags:
                yield message
            if not agent and len(calls) == 1 and self.chance.random() < 0.15:
                yield from self._agent(calls[0])
            else:
                self.chance.shuffle(calls)
                for call in calls:
                    yield self._result(call, agent)
            if lags:
                yield message

    def _agent(self, call: str) -> Iterator[Move]:
        self._number += 1
        agent, kind = f"a{self._number:016x}", self.chance.choice(("backend", "Explore"))
        who = {"agent_id": agent, "agent_type": kind}
        self._tokens[agent] = self.chance.randint(4_000, 15_000)
        yield "event", {"hook_event_name": "SubagentStart", **who}
        for name, move in self._turn(agent):
            yield name, move if name == "record" else {**move, **who}
        yield self._message(agent, [], "end_turn")
        yield "event", {"hook_event_name": "SubagentStop", "last_assistant_message": "It is done.", **who}
        response = {"agentId": agent, "totalTokens": self._tokens[agent], "agentType": kind, "status": "completed"}
        fields = {"tool_name": "Agent", "tool_input": {"subagent_type": kind, "prompt": "go"}, "tool_use_id": call}
        yield "event", {"hook_event_name": "PostToolUse", **fields, "tool_response": response}

    def _call(self) -> str:
        self._number += 1
        return f"toolu_{self._number:08d}"

    def _result(self, call: str, agent: str) -> Move:
        tokens = self.chance.randint(10, self._step)
        self._tokens[agent] += tokens
        text = "a word " * (tokens // 2)
        path = self.chance.choice(("api/one.py", "web/two.ts", "three.md"))
        if self.chance.random() < 0.1:
            fields = {"tool_name": "Bash", "tool_input": {"command": "make"}, "error": text[:9_000]}
            return "event", {"hook_event_name": "PostToolUseFailure", "tool_use_id": call, **fields}
        fields = {"tool_name": "Edit", "tool_input": {"file_path": f"PROJECT/{path}"}, "tool_response": text}
        return "event", {"hook_event_name": "PostToolUse", "tool_use_id": call, **fields}

    def _message(self, agent: str, calls: list[str], stop: str) -> Move:
        self._number += 1
        output = self.chance.randint(20, 900)
        read = self._tokens[agent]
        self._tokens[agent] += output
        content = [{"type": "tool_use", "id": call, "name": "Edit", "input": {}} for call in calls]
        message = {
            "id": f"msg_{self._number:08d}",
            "model": "claude-made-up",
            "stop_reason": stop,
            "content": content or [{"type": "text", "text": "x"}],
            "usage": {"input_tokens": 10, "cache_read_input_tokens": read - 10, "output_tokens": output},
        }
        record = {"type": "assistant", "uuid": f"u{self._number}", "isSidechain": bool(agent), "message": message}
        return "record", {"agent": agent, "record": record}

    def _compaction(self) -> Iterator[Move]:
        self._number += 1
        before, self._tokens[""] = self._tokens[""], self.chance.randint(2_000, 9_000)
        meta = {"trigger": "manual", "preTokens": before, "postTokens": self._tokens[""]}
        record = {"type": "system", "subtype": "compact_boundary", "uuid": f"u{self._number}", "compactMetadata": meta}
        yield "record", {"agent": "", "record": record}
        self._tokens[""] += 6_000


class Files:
    """The transcripts of a generated session in a folder, and the payloads of its events.

    Args:
        root: an empty folder.
        session: the session's id.
    """

    def __init__(self, root: Path, session: str) -> None:
        self.project = root / "project"
        self.transcript = root / "projects" / "p" / f"{session}.jsonl"
        self.transcript.parent.mkdir(parents=True)
        self._session = session

    def write(self, agent: str, record: dict[str, Any]) -> None:
        """Append a record to the transcript of the main window or of an agent."""
        path = self.transcript
        if agent:
            path = self.transcript.with_suffix("") / "subagents" / f"agent-{agent}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(json.dumps(record) + "\n")

    def payload(self, fields: dict[str, Any]) -> bytes:
        """Return the whole payload of an event."""
        base = {
            "session_id": self._session,
            "transcript_path": str(self.transcript),
            "cwd": str(self.project),
        }
        return json.dumps({**base, **fields}).replace("PROJECT", str(self.project)).encode()
