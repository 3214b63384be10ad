"""The lines of a session's transcripts, main and subagents' together, in the order in which they were written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moai_flow.core.errors import TokenBudgetError

if TYPE_CHECKING:
    from pathlib import Path

Record = dict[str, Any]

MAX_AGENTS = 10_000


class Line:
    """One line of a transcript.

    Attributes:
        agent: the subagent's id, "" for the main transcript.
        data: the line's bytes, its newline included.
        record: what it says, {} for a line that is no record.
        written: its timestamp, or that of the line before it.
    """

    __slots__ = ("agent", "data", "record", "written")

    def __init__(self, agent: str, data: bytes, record: Record, written: str) -> None:
        self.agent = agent
        self.data = data
        self.record = record
        self.written = written


def read_session(transcript: Path) -> list[Line]:
    """Return all lines of a main transcript and of its subagents', oldest first.

    Raises:
        TokenBudgetError: the file cannot be read, or nothing in it is a record of the client's.
    """
    agents = sorted(transcript.with_suffix("").glob("**/agent-*.jsonl"))[:MAX_AGENTS]
    files = [("", transcript), *((path.stem.removeprefix("agent-"), path) for path in agents)]
    lines: list[Line] = []
    for agent, path in files:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise TokenBudgetError(f"{path}: cannot be read ({error.strerror})") from error
        lines += _lines(agent, data)
    if not any(line.record for line in lines):
        raise TokenBudgetError(f"{transcript}: no record of Claude Code in it; it keeps them in ~/.claude/projects")
    # Stable: lines of one file stay in their order where the clock was set back between them.
    return sorted(lines, key=lambda line: line.written)


def _lines(agent: str, data: bytes) -> list[Line]:
    found = []
    latest = ""
    for raw in data.splitlines(keepends=True):
        record = _record(raw)
        written = record.get("timestamp")
        latest = max(latest, written) if isinstance(written, str) else latest
        found.append(Line(agent, raw, record, latest))
    # Lines without a time of their own at the beginning come with the first that has one.
    first = next((line.written for line in found if line.written), "")
    for line in found:
        line.written = line.written or first
    return found


def _record(raw: bytes) -> Record:
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}
