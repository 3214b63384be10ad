"""The records of a transcript: which lines count, and what they say of the API's messages. Pure.

The client appends one JSON record a line. The record that counts is a metered one: `type` "assistant", with
`message.usage`, not synthetic. One API message is several lines, one a content block, each repeating its id and
usage; early ones may carry a partial figure, so the fullest line of a message wins. A compaction stands where a
message would: the window holds the boundary's `postTokens` until the next message.
"""

from __future__ import annotations

from moai_flow.core import compact_json
from moai_flow.core.setting_checks import MAX_TOKENS
from moai_flow.core.window import COMPACTION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

LONGEST_RECORD = 1 << 22
"""Bytes of a record that is decoded: several times a model's longest message."""

_USAGE_FIELDS = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
)
_OPEN_ENDED_STOPS = (None, "tool_use", "pause_turn")
_LIGHT_BYTES = 1 << 16
_MAX_MEMORY = 30_000_000
_USAGE, _ASSISTANT, _BOUNDARY = b'"usage"', b'"assistant"', b'"compact_boundary"'


class Message:
    """One API message (or a compaction) as its lines say."""

    __slots__ = ("calls", "model", "occupancy", "offset", "output", "stop")

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.occupancy = 0
        self.output = 0
        self.calls: list[str] = []
        self.stop: str | None = None
        self.model = ""

    @property
    def ended(self) -> bool:
        """Whether the turn ends with it. Older clients leave `stop_reason` empty: then it calls no tool."""
        if self.stop is None:
            return not self.calls
        return self.stop not in _OPEN_ENDED_STOPS


def scan(data: bytes, start: int, *, is_agent: bool) -> dict[str, Message]:
    """Return the metered messages of some records, oldest first, by their id.

    Args:
        data: whole lines, but for the last, which may be half written.
        start: bytes before `data` in the file.
        is_agent: whether records of a side chain count.
    """
    messages: dict[str, Message] = {}
    preserved: tuple[str, frozenset[str]] = ("", frozenset())
    for begin, end in marked_lines(data):
        line, position = data[begin:end], start + begin
        if _USAGE in line and _ASSISTANT in line:
            record = record_of(line)
            if _counts(record, is_agent=is_agent) and not _is_replayed(record, preserved):
                _add(messages, record, position)
        elif _BOUNDARY in line:
            record = record_of(line)
            metadata = record.get("compactMetadata")
            if record.get("subtype") == "compact_boundary" and isinstance(metadata, dict):
                boundary = Message(position)
                boundary.occupancy = tokens_of(metadata.get("postTokens"))
                boundary.stop = "compaction"
                identity = COMPACTION + (text_of(record, "uuid") or str(position))
                messages.pop(identity, None)
                messages[identity] = boundary
                kept = metadata.get("preservedMessages")
                uuids = kept.get("uuids") if isinstance(kept, dict) else None
                known = frozenset([u for u in uuids if isinstance(u, str)]) if isinstance(uuids, list) else frozenset()
                preserved = (text_of(record, "timestamp"), known)
    return messages


def marked_lines(data: bytes) -> Iterator[tuple[int, int]]:
    """Return where the lines that may count begin and end, the marked ones alone.

    Most of a transcript is something else, and millions of empty lines must not become millions of objects.
    """
    usage, boundary = data.find(_USAGE), data.find(_BOUNDARY)
    while usage >= 0 or boundary >= 0:
        hit = usage if boundary < 0 or 0 <= usage < boundary else boundary
        begin = data.rfind(b"\n", 0, hit) + 1
        end = data.find(b"\n", hit)
        if end < 0:
            end = len(data)
        if end - begin <= LONGEST_RECORD:
            yield begin, end
        if 0 <= usage < end:
            usage = data.find(_USAGE, end)
        if 0 <= boundary < end:
            boundary = data.find(_BOUNDARY, end)


def record_of(line: bytes) -> dict[str, Any]:
    """Return the record of a line, {} for one that is half written, of no use or none."""
    if len(line) > _LIGHT_BYTES and compact_json.weight(line) > _MAX_MEMORY:
        return {}
    try:
        record = compact_json.decode(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def project_in(head: bytes) -> str:
    """Return the project's folder that the first records of a transcript name, "" if none does."""
    for line in head.split(b"\n"):
        folder = text_of(record_of(line), "cwd") if b'"cwd"' in line else ""
        if folder:
            return folder
    return ""


def text_of(record: dict[str, Any], field: str) -> str:
    """Return a field's text, "" if it holds none."""
    value = record.get(field)
    return value if isinstance(value, str) else ""


def tokens_of(value: Any) -> int:
    """Return a number of tokens that somebody tells, 0 for anything that is none."""
    return value if type(value) is int and 0 <= value <= MAX_TOKENS else 0


def occupancy_of(usage: dict[str, Any]) -> int:
    """Return the tokens that a window holds after a message with this usage: all it read, and the reply."""
    return sum([tokens_of(usage.get(field)) for field in _USAGE_FIELDS])


def _counts(record: dict[str, Any], *, is_agent: bool) -> bool:
    """Return whether a record is a metered message of this window."""
    message = record.get("message")
    return (
        record.get("type") == "assistant"
        and isinstance(message, dict)
        and isinstance(message.get("usage"), dict)
        and message.get("model") != "<synthetic>"
        and not record.get("isApiErrorMessage")
        and (is_agent or not record.get("isSidechain"))
    )


def _is_replayed(record: dict[str, Any], preserved: tuple[str, frozenset[str]]) -> bool:
    """Return whether a record only repeats a message from before the last compaction, with its old usage."""
    since, known = preserved
    if not since and not known:
        return False
    written = text_of(record, "timestamp")
    return text_of(record, "uuid") in known or (bool(written) and written < since)


def _add(messages: dict[str, Message], record: dict[str, Any], position: int) -> None:
    content = record["message"]
    usage = content["usage"]
    occupancy = occupancy_of(usage)
    if occupancy == 0:
        return
    identity = text_of(content, "id") or text_of(record, "requestId") or text_of(record, "uuid")
    message = messages.get(identity)
    if message is None:
        message = messages[identity] = Message(position)
    if occupancy >= message.occupancy:
        message.occupancy = occupancy
        message.output = tokens_of(usage.get("output_tokens"))
    message.model = text_of(content, "model") or message.model
    stop = content.get("stop_reason")
    if isinstance(stop, str):
        message.stop = stop
    blocks = content.get("content")
    for block in blocks if isinstance(blocks, list) else ():
        if isinstance(block, dict) and block.get("type") == "tool_use":
            call = text_of(block, "id")
            if call and call not in message.calls:
                message.calls.append(call)
