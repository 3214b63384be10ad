"""The records of a transcript: which lines count, and what they say of the API's messages. Pure.

The client appends one JSON record a line. The record that counts is a metered one: `type` "assistant", with
`message.usage`, not synthetic. One API message is several lines, one a content block, each repeating its id and
usage; early ones may carry a partial figure, so the fullest line of a message wins. A compaction stands where a
message would, and so does whatever else empties a window (`breaks`).
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
_NO_WINDOW = ("advisor_message", "compaction")
_WINDOWS = ("message", "fallback_message")
"""Kinds of requests in `usage.iterations`: those that read something else than the window, and those that read it."""

PLACEHOLDER = 44
"""Output tokens up to which the figure of a message that never ended is none: the client wrote what the stream began
with. Of 8,000 such messages of clients 2.0.5 to 2.1.63, 2% and fewer were so short."""
_LIGHT_BYTES = 1 << 16
_MAX_MEMORY = 30_000_000
_USAGE, _ASSISTANT, _BOUNDARY = b'"usage"', b'"assistant"', b'"compact_boundary"'
# As the client spells what hangs on no record, and as other programs that write transcripts do.
_MARKS = (_USAGE, _BOUNDARY, b'"parentUuid":null', b'"parentUuid": null')


class Message:
    """One API message (or what emptied the window) as its lines say.

    `blocks` is the content of a message whose usage may never have been written, or that has thoughts. `before` are
    the tokens before a compaction, `is_rough` tells that the figure is partly an estimate.
    """

    __slots__ = ("before", "blocks", "calls", "client", "is_rough", "model", "occupancy", "offset", "output", "stop")

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.occupancy = 0
        self.output = 0
        self.calls: list[str] = []
        self.stop: str | None = None
        self.model = ""
        self.client = ""
        self.before = 0
        self.is_rough = False
        self.blocks: list[dict[str, Any]] = []

    @property
    def ended(self) -> bool:
        """Whether the turn ends with it. Older clients leave `stop_reason` empty: then it calls no tool."""
        if self.stop is None:
            return not self.calls
        return self.stop not in _OPEN_ENDED_STOPS

    @property
    def texts(self) -> list[str]:
        """What it says, without calls and thoughts."""
        return [text for block in self.blocks if (text := text_of(block, "text"))]

    @property
    def is_placeholder(self) -> bool:
        """Whether the output is not a figure: the usage is that of the stream's beginning."""
        return self.stop is None and self.output <= PLACEHOLDER


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
            continue
        # Imported here: most of what is read holds no such line.
        from moai_flow.hook import breaks

        record = record_of(line)
        if breaks.is_compaction(record):
            _put(messages, record, breaks.compaction(record, position, data[end:]))
            preserved = text_of(record, "timestamp"), breaks.preserved(record)
        elif messages and breaks.is_emptied(record, is_agent=is_agent) and not _is_replayed(record, preserved):
            _put(messages, record, breaks.emptied(record, position))
    return messages


def _put(messages: dict[str, Message], record: dict[str, Any], message: Message) -> None:
    identity = COMPACTION + (text_of(record, "uuid") or str(message.offset))
    messages.pop(identity, None)
    messages[identity] = message


def marked_lines(data: bytes) -> Iterator[tuple[int, int]]:
    """Return where the lines that may count begin and end, the marked ones alone.

    Most of a transcript is something else, and millions of empty lines must not become millions of objects.
    """
    found = [data.find(mark) for mark in _MARKS]
    while max(found) >= 0:
        hit = min([at for at in found if at >= 0])
        begin = data.rfind(b"\n", 0, hit) + 1
        end = data.find(b"\n", hit)
        if end < 0:
            end = len(data)
        if end - begin <= LONGEST_RECORD:
            yield begin, end
        for index, at in enumerate(found):
            if 0 <= at < end:
                found[index] = data.find(_MARKS[index], end)


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


def window_usage(usage: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a usage that tells the window: that of the last of several requests.

    A server's tool lets the API ask several times for one message, and the usage sums them (the rule is the client's).
    """
    requests = usage.get("iterations")
    for request in reversed(requests) if isinstance(requests, list) else ():
        if isinstance(request, dict) and request.get("type") not in _NO_WINDOW:
            reads = occupancy_of(request) - tokens_of(request.get("output_tokens"))
            return request if request.get("type") in _WINDOWS and reads > 0 else usage
    return usage


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
    usage = window_usage(content["usage"])
    occupancy = occupancy_of(usage)
    if occupancy == 0:
        return
    uuid = text_of(record, "uuid")
    identity = text_of(content, "id")
    # Clients around 2.1.45 gave each line of a message an id of its own.
    if not identity or identity == uuid:
        identity = text_of(record, "requestId") or uuid
    message = messages.get(identity)
    if message is None:
        message = messages[identity] = Message(position)
    if occupancy >= message.occupancy:
        message.occupancy = occupancy
        message.output = tokens_of(usage.get("output_tokens"))
    message.model = text_of(content, "model") or message.model
    message.client = text_of(record, "version") or message.client
    stop = content.get("stop_reason")
    if isinstance(stop, str):
        message.stop = stop
    blocks = content.get("content")
    for block in blocks if isinstance(blocks, list) else ():
        if not isinstance(block, dict):
            continue
        message.blocks.append(block)
        if block.get("type") == "tool_use":
            call = text_of(block, "id")
            if call and call not in message.calls:
                message.calls.append(call)
