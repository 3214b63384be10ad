"""Transcripts as the client writes them: the only builder of them in the tests.

The functions return single records, for tests of what is read from a file of any shape. A `Transcript` is the file of
one window and grows record by record, each complete: chained by `parentUuid`, with a time, the session's id and the
client's version. Tokens are what the API counts; `occupancy` is what a window holds: input, both kinds of cache and
output of its last message.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Record = dict[str, Any]

VERSION = "2.1.330"
MODEL = "claude-made-up"
OUTPUT = 50
"""Tokens of a reply, unless a test says how many."""

BEGAN = datetime(2026, 11, 20, 14, 2, tzinfo=timezone.utc)
CHARACTERS_PER_TOKEN = 4
FIRST_READ = 20_000
"""Tokens that a session's first request reads at least, where the occupancy is left to the builder."""


def usage(occupancy: int, *, output: int = OUTPUT, created: int = 0, one_hour: int = 0, fresh: int = 10) -> Record:
    """Return the usage of a message after which its window holds `occupancy` tokens.

    Args:
        occupancy: the sum of the four figures; what the others leave was read from the cache.
        output: tokens of the reply.
        created: tokens written to the cache for five minutes.
        one_hour: tokens written to the cache for an hour.
        fresh: input that was neither read from the cache nor written to it.
    """
    fresh = min(fresh, max(0, occupancy - output))
    return {
        "input_tokens": fresh,
        "cache_creation_input_tokens": created + one_hour,
        "cache_read_input_tokens": occupancy - output - created - one_hour - fresh,
        "output_tokens": output,
        "cache_creation": {"ephemeral_5m_input_tokens": created, "ephemeral_1h_input_tokens": one_hour},
    }


def message(
    identity: str,
    occupancy: int = 0,
    *,
    calls: Sequence[str] = (),
    text: str = "done",
    content: list[Record] | None = None,
    stop: str | None = "",
    model: str = MODEL,
    counted: Record | None = None,
    output: int = OUTPUT,
    **fields: Any,
) -> Record:
    """Return the record of a model's message.

    Args:
        identity: the API's id of the message, which all its records share.
        occupancy: tokens that the window holds after it.
        calls: ids of the calls of Bash it makes.
        text: what it says if it makes none.
        content: its blocks, in place of `calls` and `text`.
        stop: why it stopped; "" for what follows from `calls`, None for nothing, as old clients have it.
        model: the model.
        counted: its usage, in place of one that follows from `occupancy`.
        output: tokens of the reply.
        fields: more of the record, such as `uuid`, `requestId`, `timestamp` or `isSidechain`.
    """
    if content is None:
        content = [tool_use(call) for call in calls] or [{"type": "text", "text": text}]
    if stop == "":
        stop = "tool_use" if any(block.get("type") == "tool_use" for block in content) else "end_turn"
    body = {
        "id": identity,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": stop,
        "usage": usage(occupancy, output=output) if counted is None else counted,
    }
    return {"type": "assistant", "uuid": f"u-{identity}", "message": body, **fields}


def tool_use(call: str, tool: str = "Bash", tool_input: Any = None) -> Record:
    """Return the block of a message that calls a tool."""
    return {"type": "tool_use", "id": call, "name": tool, "input": {} if tool_input is None else tool_input}


def prompt(text: str, **fields: Any) -> Record:
    """Return the record of a prompt."""
    return {"type": "user", "message": {"role": "user", "content": text}, **fields}


def result(call: str, content: Any = "", response: Any = None, *, is_error: bool = False, **fields: Any) -> Record:
    """Return the record of a tool's result.

    Args:
        call: the id of the call.
        content: what the model reads.
        response: what the hooks read as `tool_response`; None for nothing.
        is_error: whether the call failed.
        fields: more of the record.
    """
    block = {"type": "tool_result", "tool_use_id": call, "content": content, **({"is_error": True} if is_error else {})}
    record = {"type": "user", "message": {"role": "user", "content": [block]}, **fields}
    return record if response is None else {**record, "toolUseResult": response}


def boundary(
    after: object = None,
    *,
    before: int = 167_000,
    automatic: bool = True,
    uuid: str = "b1",
    kept: list[str] | None = None,
    **fields: Any,
) -> Record:
    """Return the record of a compaction.

    Args:
        after: `postTokens`; None as clients before 2.1.105 write it, without.
        before: `preTokens`.
        automatic: whether the client began it; else the person did.
        uuid: the record's.
        kept: the `uuid` of each record that is repeated after it.
        fields: more of the record.
    """
    metadata: Record = {"trigger": "auto" if automatic else "manual", "preTokens": before}
    if after is not None:
        metadata["postTokens"] = after
    if kept is not None:
        metadata["preservedMessages"] = {"uuids": kept}
    record = {"type": "system", "subtype": "compact_boundary", "uuid": uuid, "parentUuid": None}
    return {**record, "compactMetadata": metadata, **fields}


def write(path: Path, *records: Record | bytes) -> str:
    """Write a file of records, one a line, and bytes as they are; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for record in records:
            file.write(record if isinstance(record, bytes) else json.dumps(record).encode() + b"\n")
    return str(path)


class Transcript:
    """The file of one window.

    Args:
        path: the file; made with its first record.
        session: the session's id; the file's name if it is missing.
        cwd: the session's folder.
        agent: the subagent whose window it is, "" for the main window.
        agent_type: the subagent's type.
        began: when the first record is written; the others follow every `step`.
        model: the model of its messages, unless one names another.

    Attributes:
        occupancy: tokens the window holds.
        now: when the last record was written.
        records: how many there are.
    """

    def __init__(
        self,
        path: Path,
        *,
        session: str = "",
        cwd: str = "/project",
        agent: str = "",
        agent_type: str = "",
        began: datetime = BEGAN,
        step: float = 20.0,
        model: str = MODEL,
    ) -> None:
        self.path = path
        self.session = session or path.stem
        self.cwd = cwd
        self.agent = agent
        self.agent_type = agent_type
        self.model = model
        self.occupancy = 0
        self.now = began
        self.records = 0
        self._step = timedelta(seconds=step)
        self._parent: str | None = None
        self._messages = 0

    def append(self, record: Record) -> Record:
        """Complete a record, write it and return it."""
        self.now += self._step
        self.records += 1
        common: Record = {
            "parentUuid": self._parent,
            "isSidechain": bool(self.agent),
            "uuid": f"{self.path.stem}-{self.records}",
            "timestamp": self.now.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "cwd": self.cwd,
            "sessionId": self.session,
            "version": VERSION,
        }
        if self.agent:
            common["agentId"] = self.agent
            if self.agent_type and record["type"] == "assistant":
                common["attributionAgent"] = self.agent_type
        whole = {**common, **record}
        self.write(json.dumps(whole).encode() + b"\n")
        self._parent = whole["uuid"]
        return whole

    def write(self, data: bytes) -> None:
        """Append bytes as they are: half a record, noise."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(data)

    def prompt(self, text: str) -> Record:
        """Write what the person submits."""
        self.occupancy += len(text) // CHARACTERS_PER_TOKEN
        return self.append(prompt(text))

    def reply(self, occupancy: int | None = None, *, identity: str = "", ended: bool = True, **fields: Any) -> Record:
        """Write a message of the model.

        Args:
            occupancy: tokens the window holds after it; None for what it held and the reply.
            identity: the message's id.
            ended: whether it ends the turn; else it stops for a tool.
            fields: what `message` takes.
        """
        self._messages += 1
        if occupancy is None:
            occupancy = max(self.occupancy, FIRST_READ) + fields.get("output", OUTPUT) + 10
        self.occupancy = occupancy
        identity = identity or f"msg_{self.path.stem}_{self._messages}"
        given: Record = {"model": self.model, "requestId": f"req_{identity}", "uuid": f"u-{identity}", **fields}
        if not ended and not given.get("calls") and given.get("content") is None:
            given.update(content=[], stop="tool_use")
        return self.append(message(identity, occupancy, **given))

    def call(
        self,
        tool: str,
        tool_input: dict[str, Any],
        tokens: int,
        response: Any = None,
        *,
        call: str = "",
        occupancy: int | None = None,
    ) -> str:
        """Write a message that calls a tool, and a result of so many tokens, which the next message measures.

        `response` is what hooks read of it; None for what Read and Bash answer. Return the call's id.
        """
        call = call or f"toolu_{self.path.stem}_{self.records + 1}"
        self.reply(occupancy, content=[tool_use(call, tool, tool_input)])
        text = "ab " * (tokens * CHARACTERS_PER_TOKEN // 3)
        if response is None and tool == "Read":
            content = {"filePath": tool_input.get("file_path"), "content": text, "startLine": 1}
            response = {"type": "text", "file": content}
        elif response is None and tool == "Bash":
            response = {"stdout": text[:30_000], "stderr": ""}
        self.append(result(call, text, response))
        self.occupancy += tokens
        return call

    def end_turn(self, tokens: int = 200) -> Record:
        """Write a reply of so many tokens that ends the turn."""
        self.occupancy += tokens
        return self.reply(text="done")

    def compact(self, after: int | None, *, automatic: bool = True, **fields: Any) -> Record:
        """Write a compaction that leaves so many tokens; None as old clients do, which say nothing of it."""
        uuid = fields.pop("uuid", f"{self.path.stem}-compact-{self.records + 1}")
        record = self.append(boundary(after, before=self.occupancy, automatic=automatic, uuid=uuid, **fields))
        self.occupancy = after or 0
        return record


class Transcripts:
    """The transcripts of one session: its main window's and, in a folder beside that, its subagents'.

    Args:
        folder: where the main one is.
        session: the session's id.
        cwd: the session's folder.
        options: more that every `Transcript` takes.
    """

    def __init__(self, folder: Path, session: str, cwd: str = "/project", **options: Any) -> None:
        self.folder = folder
        self.session = session
        self.cwd = cwd
        self._options = options
        self._windows: dict[str, Transcript] = {}

    @property
    def main(self) -> Transcript:
        """The main window's."""
        return self.window()

    def path(self, agent: str = "", *, below: str = "subagents") -> Path:
        """Return the file of the main window or of a subagent; workflows' lie deeper."""
        if not agent:
            return self.folder / f"{self.session}.jsonl"
        return self.folder / self.session / below / f"agent-{agent}.jsonl"

    def window(self, agent: str = "", agent_type: str = "", *, below: str = "subagents", **options: Any) -> Transcript:
        """Return the transcript of the main window or of a subagent, the same at each call."""
        if agent not in self._windows:
            self._windows[agent] = Transcript(
                self.path(agent, below=below),
                session=self.session,
                cwd=self.cwd,
                agent=agent,
                agent_type=agent_type,
                **{**self._options, **options},
            )
        return self._windows[agent]

    def meta(self, agent: str, agent_type: str, *, below: str = "subagents", **fields: Any) -> Path:
        """Write the file in which the client keeps what it knows of a subagent, and return it."""
        path = self.path(agent, below=below).with_name(f"agent-{agent}.meta.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"agentType": agent_type, **fields}))
        return path
