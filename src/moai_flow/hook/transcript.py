"""Measurement: what a transcript says its window holds.

The client appends one JSON record a line. The record that counts is the last metered one: `type` "assistant",
with `message.usage`, not synthetic. One API message is several lines, one a content block, each repeating its id
and usage; early ones may carry a partial figure, so the fullest line of a message wins. After a compaction the
window holds the boundary's `postTokens` until the next message.

Only the end of the file is read, from the last measured message on where that is known, so the cost does not
grow with the session; and the result is absolute, so reading twice, late or never changes nothing.
"""

from __future__ import annotations

import posix

from moai_flow.resource import wire
from moai_flow.resource.windows import COMPACTION, Measurement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

FIRST_TAIL = 1 << 16
"""Bytes of the file's end that are read at first: most measured messages stand there."""

LONGEST_TAIL = 1 << 23
"""Bytes of the file's end that are read at most; a record can be larger than a megabyte."""

LONGEST_RECORD = 1 << 20
"""Bytes of a record that is decoded: a model's longest message has half of it."""

_OPEN_FLAGS = posix.O_RDONLY | posix.O_NOFOLLOW | posix.O_NONBLOCK | posix.O_CLOEXEC
_FILE_TYPE, _REGULAR = 0o170000, 0o100000
_USAGE_FIELDS = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
)
_OPEN_ENDED_STOPS = (None, "tool_use", "pause_turn")
_LIGHT_BYTES = 1 << 16
_MOST_MEMORY = 30_000_000
_USAGE, _BOUNDARY = b'"usage"', b'"compact_boundary"'


class _Message:
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


def size_of(path: str) -> int:
    """Return the size of a file in bytes, -1 if there is none."""
    try:
        return posix.lstat(path).st_size
    except (OSError, ValueError):
        return -1


def measure(
    path: str, *, message: str = "", offset: int = 0, floor: int = 0, is_agent: bool = False
) -> Measurement | None:
    """Return what the transcript says its window holds, None if it says nothing.

    Args:
        path: the transcript; anything but a regular file is left alone, and so is a link.
        message: the id that was measured last, if any.
        offset: bytes before that message in the file.
        floor: bytes that are history since a reset.
        is_agent: whether it is a subagent's. Older clients wrote a subagent's records into the main file,
            marked as a side chain.
    """
    try:
        descriptor = posix.open(path, _OPEN_FLAGS)
    except (OSError, ValueError):
        return None
    try:
        status = posix.fstat(descriptor)
        if status.st_mode & _FILE_TYPE != _REGULAR:
            return None
        size = status.st_size
        if message and floor <= offset < size <= offset + LONGEST_TAIL:
            messages = _scan(_read(descriptor, offset, size), offset, is_agent=is_agent)
            # Where the file was replaced, something else stands there now.
            if message in messages and messages[message].offset == offset:
                return _newest(messages, offset, size)
        length = FIRST_TAIL
        while True:
            start = max(floor, size - length)
            data = _read(descriptor, start, size)
            if start > floor:
                cut = data.find(b"\n") + 1 or len(data)
                start, data = start + cut, data[cut:]
            messages = _scan(data, start, is_agent=is_agent)
            # One message alone could have begun before what was read.
            if len(messages) > 1 or start <= floor or length >= LONGEST_TAIL:
                return _newest(messages, start, size) if messages else None
            length = min(length * 8, LONGEST_TAIL)
    except OSError:
        return None
    finally:
        posix.close(descriptor)


def agent_type(path: str) -> str:
    """Return the type of the agent that a subagent's transcript says it is of, "" if it says nothing."""
    try:
        descriptor = posix.open(path, _OPEN_FLAGS)
    except (OSError, ValueError):
        return ""
    try:
        status = posix.fstat(descriptor)
        if status.st_mode & _FILE_TYPE != _REGULAR:
            return ""
        size = status.st_size
        data = _read(descriptor, max(0, size - FIRST_TAIL), size)
    except OSError:
        return ""
    finally:
        posix.close(descriptor)
    for begin, end in _marked_lines(data):
        name = _text(_record(data[begin:end]), "attributionAgent")
        if name:
            return name
    return ""


def _read(descriptor: int, start: int, end: int) -> bytes:
    data = posix.pread(descriptor, end - start, start)
    while len(data) < end - start:
        more = posix.pread(descriptor, end - start - len(data), start + len(data))
        if not more:
            break
        data += more
    return data


def _newest(messages: dict[str, _Message], start: int, size: int) -> Measurement:
    *before, newest_id = messages
    newest = messages[newest_id]
    earlier = [call for message in before for call in messages[message].calls]
    return Measurement(
        newest.occupancy,
        newest.output,
        newest_id,
        newest.offset,
        start=start,
        size=size,
        calls=newest.calls,
        earlier=earlier,
        compactions=[message for message in messages if message.startswith(COMPACTION)],
        ended=newest.ended,
        model=newest.model,
    )


def _scan(data: bytes, start: int, *, is_agent: bool) -> dict[str, _Message]:
    """Return the metered messages of some records, oldest first, by their id.

    Args:
        data: whole lines, but for the last, which may be half written.
        start: bytes before `data` in the file.
        is_agent: whether records of a side chain count.
    """
    messages: dict[str, _Message] = {}
    preserved: tuple[str, frozenset[str]] = ("", frozenset())
    for begin, end in _marked_lines(data):
        line, position = data[begin:end], start + begin
        if b'"usage"' in line and b'"assistant"' in line:
            record = _record(line)
            if _counts(record, is_agent=is_agent) and not _is_replayed(record, preserved):
                _add(messages, record, position)
        elif b'"compact_boundary"' in line:
            record = _record(line)
            metadata = record.get("compactMetadata")
            if record.get("subtype") == "compact_boundary" and isinstance(metadata, dict):
                boundary = _Message(position)
                boundary.occupancy = _tokens(metadata.get("postTokens"))
                boundary.stop = "compaction"
                identity = COMPACTION + (_text(record, "uuid") or str(position))
                messages.pop(identity, None)
                messages[identity] = boundary
                kept = metadata.get("preservedMessages")
                uuids = kept.get("uuids") if isinstance(kept, dict) else None
                known = frozenset([u for u in uuids if isinstance(u, str)]) if isinstance(uuids, list) else frozenset()
                preserved = (_text(record, "timestamp"), known)
    return messages


def _marked_lines(data: bytes) -> Iterator[tuple[int, int]]:
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


def _record(line: bytes) -> dict[str, Any]:
    """Return the record of a line, {} for one that is half written, of no use or none."""
    if len(line) > _LIGHT_BYTES and wire.weight(line) > _MOST_MEMORY:
        return {}
    try:
        record = wire.decode(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _text(record: dict[str, Any], field: str) -> str:
    value = record.get(field)
    return value if isinstance(value, str) else ""


def _tokens(value: Any) -> int:
    return value if isinstance(value, int) and 0 <= value < 1 << 40 else 0


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
    written = _text(record, "timestamp")
    return _text(record, "uuid") in known or (bool(written) and written < since)


def _add(messages: dict[str, _Message], record: dict[str, Any], position: int) -> None:
    content = record["message"]
    usage = content["usage"]
    occupancy = sum([_tokens(usage.get(field)) for field in _USAGE_FIELDS])
    if occupancy == 0:
        return
    identity = _text(content, "id") or _text(record, "requestId") or _text(record, "uuid")
    message = messages.get(identity)
    if message is None:
        message = messages[identity] = _Message(position)
    if occupancy >= message.occupancy:
        message.occupancy = occupancy
        message.output = _tokens(usage.get("output_tokens"))
    message.model = _text(content, "model") or message.model
    stop = content.get("stop_reason")
    if isinstance(stop, str):
        message.stop = stop
    blocks = content.get("content")
    for block in blocks if isinstance(blocks, list) else ():
        if isinstance(block, dict) and block.get("type") == "tool_use":
            call = _text(block, "id")
            if call and call not in message.calls:
                message.calls.append(call)
