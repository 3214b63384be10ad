"""Transcripts of made-up sessions: what was read and run, and what the windows held after it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

CHARACTERS_PER_TOKEN = 4

CLEAR = "<command-name>/clear</command-name>\n<command-message>clear</command-message>"


class Story:
    """The transcript of one window, written record by record.

    Args:
        path: the file.
        began: the first record's time.
        cwd: the project's folder.
        agent_type: for a subagent's transcript, its type.
    """

    def __init__(self, path: Path, began: datetime, cwd: str, *, agent_type: str = "", model: str = "claude-x") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.now = began
        self.cwd = cwd
        self.agent_type = agent_type
        self.model = model
        self.occupancy = 0
        self._count = 0

    def prompt(self, text: str) -> None:
        """Let the person submit a prompt."""
        self._write({"type": "user", "message": {"role": "user", "content": text}})
        self.occupancy += len(text) // CHARACTERS_PER_TOKEN

    def call(self, tool: str, tool_input: dict[str, Any], tokens: int, structured: Any = None) -> None:
        """Let the model call a tool whose result brings about so many tokens.

        The next reply measures them.
        """
        identity = self._reply([{"type": "tool_use", "id": f"toolu_{self._next()}", "name": tool, "input": tool_input}])
        text = "ab " * (tokens * CHARACTERS_PER_TOKEN // 3)
        block = {"type": "tool_result", "tool_use_id": identity, "content": text}
        record: dict[str, Any] = {"type": "user", "message": {"role": "user", "content": [block]}}
        if structured is not None:
            record["toolUseResult"] = structured
        elif tool == "Read":
            content = {"filePath": tool_input.get("file_path"), "content": text, "startLine": 1}
            record["toolUseResult"] = {"type": "text", "file": content}
        elif tool == "Bash":
            record["toolUseResult"] = {"stdout": text[:30_000], "stderr": ""}
        self._write(record)
        self.occupancy += tokens

    def end_turn(self, tokens: int = 200) -> None:
        """Let the model end the turn with a reply of so many tokens."""
        self.occupancy += tokens
        self._reply([{"type": "text", "text": "done"}], stop="end_turn")

    def compact(self, after: int, *, automatic: bool) -> None:
        """Write what a compaction leaves."""
        metadata = {"trigger": "auto" if automatic else "manual", "preTokens": self.occupancy, "postTokens": after}
        self._write({"type": "system", "subtype": "compact_boundary", "compactMetadata": metadata})
        self.occupancy = after

    def _reply(self, content: list[dict[str, Any]], stop: str = "tool_use") -> str:
        self.occupancy = max(self.occupancy, 20_000) + 60
        usage = {"input_tokens": 10, "cache_read_input_tokens": self.occupancy - 60, "output_tokens": 50}
        message = {"id": f"msg_{self._next()}", "model": self.model, "stop_reason": stop, "usage": usage}
        self._write({"type": "assistant", "message": {**message, "role": "assistant", "content": content}})
        return str(content[0].get("id", ""))

    def _next(self) -> str:
        self._count += 1
        return f"{self.path.stem}_{self._count}"

    def _write(self, record: dict[str, Any]) -> None:
        self.now += timedelta(seconds=20)
        written = self.now.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
        whole = {**record, "uuid": self._next(), "timestamp": written, "cwd": self.cwd}
        if self.agent_type:
            whole |= {"isSidechain": True, "attributionAgent": self.agent_type}
        with self.path.open("a") as file:
            file.write(json.dumps(whole) + "\n")


def workday(folder: Path, project: str) -> list[Path]:
    """Write two sessions of one afternoon, the second after a /clear, with agents; return their transcripts."""
    began = datetime(2026, 11, 20, 14, 2, tzinfo=timezone.utc)
    first = Story(folder / "0f3c7a52-first.jsonl", began, project)
    first.prompt("Look at the export and find out why the totals differ.")
    for _ in range(3):
        first.call("Read", {"file_path": f"{project}/data.json"}, 24_000)
        first.call("Bash", {"command": "pytest -q tests/test_totals.py"}, 9_400)
        first.call("Grep", {"pattern": "def total", "path": f"{project}/services"}, 900)
        first.call("Read", {"file_path": f"{project}/services/api/totals.py"}, 14_000)
        first.end_turn(700)
        first.prompt("Go on.")
    first.compact(9_000, automatic=True)
    for part in range(6):
        first.call("Read", {"file_path": f"{project}/services/api/part{part}.py"}, 6_500)
        first.call("Edit", {"file_path": f"{project}/services/api/part{part}.py"}, 300, {"filePath": "x"})
        first.call("Bash", {"command": "pytest -q"}, 4_100)
        first.end_turn(900)
    first.call("WebFetch", {"url": "https://example.org/<b>manual</b>"}, 11_500)
    first.end_turn(1_500)
    for number, (kind, size) in enumerate([("backend", 21_000), ("backend", 24_500), ("research", 38_000)]):
        place = first.path.with_suffix("") / "subagents" / f"agent-a{number}b7c2.jsonl"
        agent = Story(place, first.now - timedelta(minutes=5), project, agent_type=kind)
        agent.prompt("Look into it.")
        agent.call("Read", {"file_path": f"{project}/services/api/totals.py"}, size - 20_000)
        agent.end_turn()
    second = Story(folder / "51d20e9b-second.jsonl", first.now + timedelta(minutes=3), project)
    second.prompt(CLEAR)
    second.prompt("Write the release notes.")
    for part in range(7):
        second.call("Bash", {"command": f"git log --stat -n {part + 3}"}, 3_000)
        second.call("Read", {"file_path": f"{project}/docs/page{part}.md"}, 7_000)
        second.end_turn(2_000)
    return [first.path, second.path]
