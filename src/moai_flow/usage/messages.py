"""The billed messages of a transcript's lines. Pure.

One API message is several lines, one a content block, each repeating its ids and its usage; early ones may carry a
placeholder for the output. So a message is known by its id and its request's id, and its fullest line is what was
billed. The client's own errors (model `<synthetic>`) were never billed.

The API's top level leaves two kinds of `iterations` out that it bills all the same: an advisor's (with a model of its
own) and a compaction's inside the request. They are added; the other kinds are parts of the top level.
"""

from __future__ import annotations

from moai_flow.core import compact_json
from moai_flow.usage.classes import usage_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from moai_flow.usage.classes import Usage
    from moai_flow.usage.progress import Progress

MAX_RECORD_BYTES = 1 << 22
"""Bytes of a record that is decoded: several times a model's longest message."""

SIDECHAIN = "sidechain"
"""The agent of a side chain in a main transcript (clients 1.0), which names none."""

_LIGHT_BYTES = 1 << 16
_MAX_MEMORY = 30_000_000
_MAX_ID = 128
_MAX_CALLS = 1_000
_USAGE, _PROMPT, _AGENT = b'"usage"', b'"promptId"', b'"agentId"'
_ASSISTANT, _RESULT = b'"assistant"', b'"toolUseResult"'
_ADDED_ITERATIONS = ("advisor_message", "compaction")


class Message:
    """One billed API message, or the part of it that another model was billed for.

    Attributes:
        key: what it is known by in every file: the message's id and its request's.
        at: seconds since the epoch at which its fullest line was written, 0 where no record tells.
        agent: the agent the record names; "" for the file's own window.
        agent_type: the agent's type as the record names it, "" where it does not.
        model: the model that was billed.
        prompt: the id of the person's prompt it belongs to, "" where the client wrote none.
        origin: the session that made the request, where the record is a copy and says so; else "".
        is_mirror: whether it stands in a report of an agent's progress: the agent's own file has it too.
        usage: what was billed.
    """

    __slots__ = ("agent", "agent_type", "at", "is_mirror", "key", "model", "origin", "prompt", "usage")

    def __init__(self, key: str, at: int, usage: Usage, model: str) -> None:
        self.key = key
        self.at = at
        self.usage = usage
        self.model = model
        self.agent = ""
        self.agent_type = ""
        self.prompt = ""
        self.origin = ""
        self.is_mirror = False


class Batch:
    """What some lines of a transcript say.

    Attributes:
        messages: the billed messages by their keys, oldest first.
        agent_types: types of agents by their ids, as the results of the Agent tool tell.
    """

    __slots__ = ("agent_types", "messages")

    def __init__(self) -> None:
        self.messages: dict[str, Message] = {}
        self.agent_types: dict[str, str] = {}


def read_lines(data: bytes, progress: Progress, *, is_agent: bool = False) -> Batch:
    """Return the billed messages of some lines.

    Args:
        data: whole lines; the last may lack its newline.
        progress: what earlier lines of the file said (the prompt, open calls of agents); brought up to date.
        is_agent: whether the file is a subagent's.
    """
    batch = Batch()
    read_until = 0
    for begin, end in lines_with(data, _USAGE):
        prompt = data.rfind(_PROMPT, read_until, begin)
        if prompt >= 0:
            progress.prompt = _quoted(data, prompt + len(_PROMPT)) or progress.prompt
        read_until = begin
        line = data[begin:end]
        if _ASSISTANT in line:
            _read_record(record_of(line), batch, progress, is_agent=is_agent)
    prompt = data.rfind(_PROMPT, read_until)
    if prompt >= 0:
        progress.prompt = _quoted(data, prompt + len(_PROMPT)) or progress.prompt
    if not is_agent:
        for begin, end in lines_with(data, _AGENT):
            line = data[begin:end]
            if _RESULT in line:
                _read_result(record_of(line), batch, progress)
    return batch


def record_of(line: bytes) -> dict[str, Any]:
    """Return the record of a line, {} for one that is half written, too costly to decode, or none."""
    if len(line) > _LIGHT_BYTES and compact_json.weight(line) > _MAX_MEMORY:
        return {}
    try:
        record = compact_json.decode(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def seconds_of(written: object) -> int:
    """Return the seconds since the epoch of a record's time (`2026-11-22T15:01:08.949Z`), 0 for anything else."""
    if not isinstance(written, str) or len(written) < 19 or not written.isascii():  # noqa: PLR2004 - to the second
        return 0
    try:
        year, month, day = int(written[:4]), int(written[5:7]), int(written[8:10])
        clock = int(written[11:13]) * 3600 + int(written[14:16]) * 60 + int(written[17:19])
    except ValueError:
        return 0
    # Days of the civil calendar, by Howard Hinnant's algorithm: the year begins in March.
    year -= month <= 2  # noqa: PLR2004 - January and February
    era, of_era = divmod(year, 400)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days = era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
    return max(0, days * 86400 + clock - _zone_seconds(written))


def _zone_seconds(written: str) -> int:
    """Return the seconds by which a time's zone is ahead of UTC, 0 for `Z`, as the client writes it."""
    zone = written[-6:]
    if zone[0] not in "+-" or zone[3] != ":" or not (zone[1:3] + zone[4:]).isdigit():
        return 0
    seconds = int(zone[1:3]) * 3600 + int(zone[4:]) * 60
    return -seconds if zone[0] == "-" else seconds


def lines_with(data: bytes, mark: bytes) -> Iterator[tuple[int, int]]:
    """Return where the lines that hold a mark begin and end: most of a transcript is something else.

    In a JSON text the quotes of a string's content are escaped, so a quoted mark is a name, or a whole string.
    """
    hit = data.find(mark)
    while hit >= 0:
        begin = data.rfind(b"\n", 0, hit) + 1
        end = data.find(b"\n", hit)
        if end < 0:
            end = len(data)
        if end - begin <= MAX_RECORD_BYTES:
            yield begin, end
        hit = data.find(mark, end)


def _quoted(data: bytes, position: int) -> str:
    """Return the id in quotes that follows the name before `position`, "" for anything else."""
    before, _, value = data[position : position + _MAX_ID + 8].partition(b'"')
    identity, quote, _ = value.partition(b'"')
    if not quote or before.strip() != b":" or b"\\" in identity:
        return ""
    return identity.decode("ascii", "replace")


def _read_record(record: dict[str, Any], batch: Batch, progress: Progress, *, is_agent: bool) -> None:
    """Take the message of one line in, where it is a billed one."""
    kind = record.get("type")
    at = seconds_of(record.get("timestamp"))
    progress.at = at or progress.at
    if kind == "progress":
        report = record.get("data")
        inner = report.get("message") if isinstance(report, dict) else None
        if isinstance(inner, dict) and isinstance(report, dict) and inner.get("type") == "assistant":
            agent = _text(report, "agentId") or SIDECHAIN
            _add_message({"timestamp": record.get("timestamp"), **inner}, batch, progress, agent=agent, is_mirror=True)
    elif kind == "assistant":
        sidechain = "" if is_agent or not record.get("isSidechain") else _text(record, "agentId") or SIDECHAIN
        _add_message(record, batch, progress, agent=sidechain)


def _add_message(
    record: dict[str, Any], batch: Batch, progress: Progress, *, agent: str, is_mirror: bool = False
) -> None:
    message = record.get("message")
    stated = message.get("usage") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(stated, dict):
        return
    model = _text(message, "model")
    if model == "<synthetic>":
        return
    _note_calls(message.get("content"), progress)
    key = _key(message, record)
    at = seconds_of(record.get("timestamp")) or progress.at
    parts = [(key, model, usage_of(stated))]
    iterations = stated.get("iterations")
    for iteration in iterations if isinstance(iterations, list) else ():
        if isinstance(iteration, dict) and iteration.get("type") in _ADDED_ITERATIONS:
            other = _text(iteration, "model") or model
            parts.append((f"{key}+{len(parts)}", other, usage_of(iteration, requests=0)))
    for part_key, part_model, usage in parts:
        known = batch.messages.get(part_key)
        if usage.total == 0 or (known is not None and usage.total <= known.usage.total):
            continue
        found = Message(part_key, at, usage, part_model)
        found.agent, found.is_mirror = agent, is_mirror
        found.agent_type = _text(record, "attributionAgent")
        found.prompt = known.prompt if known is not None else progress.prompt
        found.origin = _origin(record)
        batch.messages[part_key] = found


def _key(message: dict[str, Any], record: dict[str, Any]) -> str:
    """Return what a message is known by.

    Client 2.1.45 gave each line an id of its own, the record's: there the request's id stands for the message's.
    """
    identity, request = _text(message, "id"), _text(record, "requestId")
    uuid = _text(record, "uuid")
    if identity and not (identity == uuid and request):
        return f"{identity}|{request}"
    return f"|{request}" if request else f"||{uuid}"


def _origin(record: dict[str, Any]) -> str:
    """Return the session that a copied record's request was made in: a fork's records name it."""
    origin = _text(record, "requestSessionId")
    if not origin:
        forked = record.get("forkedFrom")
        origin = _text(forked, "sessionId") if isinstance(forked, dict) else ""
    return "" if origin == record.get("sessionId") else origin


def _note_calls(content: object, progress: Progress) -> None:
    """Keep which type of agent each call of the Agent tool asked for, until its result names the agent."""
    for block in content if isinstance(content, list) else ():
        if isinstance(block, dict) and block.get("type") == "tool_use":
            given = block.get("input")
            kind = _text(given, "subagent_type") if isinstance(given, dict) else ""
            if kind and len(progress.calls) < _MAX_CALLS:
                progress.calls[_text(block, "id")] = kind


def _read_result(record: dict[str, Any], batch: Batch, progress: Progress) -> None:
    """Take an agent's type from the result of the Agent tool."""
    answer, message = record.get("toolUseResult"), record.get("message")
    if not isinstance(answer, dict) or not isinstance(message, dict):
        return
    agent = _text(answer, "agentId")
    content = message.get("content")
    asked = ""
    for block in content if isinstance(content, list) else ():
        if isinstance(block, dict) and block.get("type") == "tool_result":
            asked = progress.calls.pop(_text(block, "tool_use_id"), "") or asked
    kind = _text(answer, "agentType") or asked
    if agent and kind:
        batch.agent_types.setdefault(agent, kind)


def _text(record: dict[str, Any], field: str) -> str:
    """Return a short text, "" for anything else: ids and names are all that is kept."""
    value = record.get(field)
    if not isinstance(value, str) or len(value) > _MAX_ID:
        return ""
    # JSON can tell half a character, which no file and no terminal takes.
    return value if value.isascii() else value.encode("utf-8", "replace").decode()
