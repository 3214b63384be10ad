"""What the client says it was billed in all, against the messages it wrote. Pure.

Clients from 2.1.300 or so write `cost-state` records: the tokens of all requests since a start, by model. They count
requests of which no message is written: those that compact a window, titles, suggestions. A session that is resumed or
forked goes on counting from the same start, so sessions with a start in common are one sum.
"""

from __future__ import annotations

from moai_flow.usage.classes import Usage, usage_of
from moai_flow.usage.messages import lines_with, record_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from moai_flow.usage.tally import Entry

    Totals = dict[str, list[int]]
    """Tokens by class (`CLASSES`) of all requests since a start (milliseconds, as text)."""

_MARK = b'"cost-state"'
_MAX_STARTS = 1_000
_MAX_MODELS = 100
_NAMES = {
    "input_tokens": "inputTokens",
    "cache_creation_input_tokens": "cacheCreationInputTokens",
    "cache_read_input_tokens": "cacheReadInputTokens",
    "output_tokens": "outputTokens",
}
_LIFETIMES = {
    "ephemeral_5m_input_tokens": "cacheCreationEphemeral5mInputTokens",
    "ephemeral_1h_input_tokens": "cacheCreationEphemeral1hInputTokens",
}


def read_totals(data: bytes) -> Totals:
    """Return the client's own totals in some lines of a transcript."""
    found: Totals = {}
    for begin, end in lines_with(data, _MARK):
        record = record_of(data[begin:end])
        start, models = record.get("startTime"), record.get("modelUsage")
        if record.get("type") != "cost-state" or type(start) is not int or not isinstance(models, dict):
            continue
        total = Usage()
        for stated in list(models.values())[:_MAX_MODELS]:
            if isinstance(stated, dict):
                usage = {name: stated.get(theirs) for name, theirs in _NAMES.items()}
                lifetimes = {name: stated.get(theirs) for name, theirs in _LIFETIMES.items()}
                total.add(usage_of({**usage, "cache_creation": lifetimes}, requests=0))
        merge_totals(found, {str(start): list(total.as_tuple()[1:])})
    return found


def merge_totals(known: Totals, more: Totals) -> None:
    """Add later totals to known ones: of one start, the larger total is the later."""
    for start, tokens in more.items():
        if sum(tokens) >= sum(known.get(start, [])) and (start in known or len(known) < _MAX_STARTS):
            known[start] = tokens


def unrecorded(totals: Mapping[str, Totals], entries: Iterable[Entry]) -> Usage:
    """Return the tokens that clients were billed beyond the messages they wrote; the requests are not known.

    A session that has not ended yet, or was killed, told no total after its last messages: it adds nothing, or too
    little.

    Args:
        totals: the totals in each session's transcripts, by its id.
        entries: the messages of these sessions.
    """
    groups = _connected(totals)
    written: dict[int, Usage] = {}
    for entry in entries:
        if entry.session in groups:
            written.setdefault(groups[entry.session], Usage()).add(entry.usage)
    latest: dict[int, Totals] = {}
    for session, found in totals.items():
        merge_totals(latest.setdefault(groups[session], {}), found)
    beyond = Usage()
    for group, starts in latest.items():
        own = Usage()
        for tokens in starts.values():
            own.add(Usage(0, *tokens))
        messages = written.get(group, Usage())
        if own.total > messages.total:
            pairs = zip(own.as_tuple()[1:], messages.as_tuple()[1:], strict=True)
            beyond.add(Usage(0, *[max(0, ours - theirs) for ours, theirs in pairs]))
    return beyond


def _connected(totals: Mapping[str, Totals]) -> dict[str, int]:
    """Return a number for each session, the same for those that have a start in common."""
    numbers: dict[str, int] = {}
    of_start: dict[str, int] = {}
    for session, found in totals.items():
        touched = {of_start[start] for start in found if start in of_start}
        number = min(touched, default=len(numbers))
        for other in touched - {number}:
            for known in (numbers, of_start):
                known.update({name: number for name, old in known.items() if old == other})
        numbers[session] = number
        of_start.update(dict.fromkeys(found, number))
    return numbers
