"""What empties a window without a message: a compaction, a cleared context. Pure.

Each stands where a message would, with what is left as its occupancy; what every request carries comes on top, which
the window itself knows (`Window.taken`).
"""

from __future__ import annotations

from moai_flow.hook.estimate import rates
from moai_flow.hook.records import Message, record_of, text_of, tokens_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SUMMARY_CHARACTERS_PER_TOKEN = 3.6
USUAL_SUMMARY = 4_700
"""Tokens of a summary that is not written yet: half of 45 real ones were longer."""

_SUMMARY = b'"isCompactSummary"'
_STOP = "compaction"


def is_compaction(record: dict[str, Any]) -> bool:
    """Return whether a record is the boundary that a compaction leaves."""
    return record.get("subtype") == "compact_boundary" and isinstance(record.get("compactMetadata"), dict)


def is_emptied(record: dict[str, Any], *, is_agent: bool) -> bool:
    """Return whether a conversation begins anew with a record, in the middle of its file.

    A plan was accepted with a cleared context, the session was rewound to its beginning, or an old client compacted
    without a boundary.
    """
    return (
        record.get("type") == "user"
        and record.get("parentUuid") is None
        and not record.get("isMeta")
        and (is_agent or not record.get("isSidechain"))
    )


def compaction(record: dict[str, Any], position: int, following: bytes) -> Message:
    """Return what a compaction left.

    Args:
        record: its boundary. Older clients (2.1.104 at least) do not tell `postTokens`: the summary stands for it.
        position: bytes before it in the file.
        following: what follows it, as far as it was read.
    """
    metadata: dict[str, Any] = record["compactMetadata"]
    message = _message(record, position)
    message.before = tokens_of(metadata.get("preTokens"))
    message.occupancy = tokens_of(metadata.get("postTokens")) or _summary(following)
    return message


def emptied(record: dict[str, Any], position: int) -> Message:
    """Return what is in a conversation that begins anew: the prompt, or an old client's summary."""
    message = _message(record, position)
    content = _content(record)
    if record.get("isCompactSummary"):
        message.occupancy = _summary_tokens(content)
    else:
        message.occupancy = rates.prompt(content, {})[1]
    return message


def preserved(record: dict[str, Any]) -> frozenset[str]:
    """Return the ids of the records that a compaction keeps, and that are written again after it."""
    kept = record["compactMetadata"].get("preservedMessages")
    uuids = kept.get("uuids") if isinstance(kept, dict) else None
    return frozenset([uuid for uuid in uuids if isinstance(uuid, str)]) if isinstance(uuids, list) else frozenset()


def _message(record: dict[str, Any], position: int) -> Message:
    message = Message(position)
    message.stop, message.is_rough = _STOP, True
    message.client = text_of(record, "version")
    return message


def _summary(following: bytes) -> int:
    at = following.find(_SUMMARY)
    if at < 0:
        return USUAL_SUMMARY
    begin, end = following.rfind(b"\n", 0, at) + 1, following.find(b"\n", at)
    content = _content(record_of(following[begin : end if end >= 0 else len(following)]))
    return _summary_tokens(content) if content else USUAL_SUMMARY


def _summary_tokens(content: Any) -> int:
    length = len(content) if isinstance(content, str) else len(str(content))
    return int(length / SUMMARY_CHARACTERS_PER_TOKEN)


def _content(record: dict[str, Any]) -> Any:
    message = record.get("message")
    return message.get("content") if isinstance(message, dict) else None
