"""The lines of a session's transcripts, main and subagents' together, in the order in which they were written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moai_flow.core.errors import TokenBudgetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moai_flow.replay.recorded import Recorded

Record = dict[str, Any]

MAX_BYTES = 1 << 30
"""Bytes of one transcript that is read: a window's whole history is a hundredth of that."""


class Line:
    """One line of a transcript.

    Attributes:
        agent: the subagent's id, "" for the main transcript.
        path: the transcript.
        end: bytes of the file up to the line's end, its newline included.
        record: what it says, {} for a line that is no record.
        written: its timestamp, or that of the line before it.
    """

    __slots__ = ("agent", "end", "path", "record", "written")

    def __init__(self, agent: str, path: str, end: int, record: Record, written: str) -> None:
        self.agent = agent
        self.path = path
        self.end = end
        self.record = record
        self.written = written


def read_session(session: Recorded) -> list[Line]:
    """Return all lines of a session's transcripts, oldest first.

    Raises:
        TokenBudgetError: a file cannot be read or is too large, or nothing in it is a record of the client's.
    """
    lines: list[Line] = []
    for transcript in session.files:
        if transcript.size > MAX_BYTES:
            raise TokenBudgetError(f"{transcript.path}: {transcript.size:,} bytes are too many for one window")
        lines += _lines(transcript.agent, transcript.path)
    if not any(line.record for line in lines):
        raise TokenBudgetError(
            f"{session.main.path}: no record of Claude Code in it; it keeps them in ~/.claude/projects"
        )
    # Stable: lines of one file stay in their order where the clock was set back between them.
    return sorted(lines, key=lambda line: line.written)


def _lines(agent: str, path: str) -> list[Line]:
    found = []
    latest = ""
    for end, raw in _raw_lines(path):
        record = _record(raw)
        written = record.get("timestamp")
        latest = max(latest, written) if isinstance(written, str) else latest
        found.append(Line(agent, path, end, record, latest))
    # Lines without a time of their own at the beginning come with the first that has one.
    first = next((line.written for line in found if line.written), "")
    for line in found:
        line.written = line.written or first
    return found


def _raw_lines(path: str) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file, each with the bytes up to its end."""
    end = 0
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - thousands of files
            for raw in file:
                end += len(raw)
                yield end, raw
    except OSError as error:
        raise TokenBudgetError(f"{path}: cannot be read ({error.strerror})") from error


def _record(raw: bytes) -> Record:
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}
