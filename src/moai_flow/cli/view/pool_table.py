"""A pool's figures as lines of text. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moai_flow.core.notices import LEVEL_NAMES, NORMAL
from moai_flow.pool.period import words
from moai_flow.pool.thresholds import level

if TYPE_CHECKING:
    from collections.abc import Callable

    Style = Callable[[str, int], str]
    Bar = Callable[[float, int], str]

AWAY_SECONDS = 600.0
"""Seconds without a publication after which a session is shown as away."""

_NAME_WIDTH = 28
_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
_LONG = 2


def lines(document: dict[str, Any], now: float, *, style: Style, bar: Bar) -> list[str]:
    """Return the table of a pool.

    Args:
        document: what `overview.of` returns.
        now: seconds since the epoch.
        style: how a text of a level (0-2) is coloured.
        bar: returns the bar of a percentage (0-100) in the colour of a level.
    """
    looks = (style, bar)
    rows = [f"pool {document['pool']}  {document['store']}", "", _row(f"all {words(document['per'])}", document, looks)]
    rows += [_row(f"  {swarm}", figures, looks) for swarm, figures in document["swarms"].items()]
    sessions = document["sessions"]
    machines = {session["machine"] for session in sessions}
    rows += ["", f"{_count(len(sessions), 'session')} on {_count(len(machines), 'machine')}"]
    for session in sessions:
        since = now - session["seen"]
        seen = f"away for {_time(since)}" if since > AWAY_SECONDS else f"{_time(since)} ago"
        name = _cut(f"  {session['session_id']}")
        rows.append(f"{name:<{_NAME_WIDTH}}{session['consumed']:>14,}  {session['machine']}  {seen}")
    return rows


def _row(name: str, figures: dict[str, Any], looks: tuple[Style, Bar]) -> str:
    used, limit = figures["consumed"], figures["limit"]
    leased = f"{figures['leased']:,} leased" if figures["leased"] else ""
    row = f"{_cut(name):<{_NAME_WIDTH}}{used:>14,}"
    if limit is None:
        return f"{row}  {leased}".rstrip()
    (style, bar), reached = looks, level(used, limit)
    percent = used * 100.0 / limit
    cells = bar(percent, reached)
    notes = [style(LEVEL_NAMES[reached].upper(), reached) if reached > NORMAL else "", leased]
    return "  ".join([f"{row} / {limit:<14,}{percent:>7.1f}%", cells, *[note for note in notes if note]])


def _cut(name: str) -> str:
    return name if len(name) < _NAME_WIDTH else name[: _NAME_WIDTH - 4] + "..."


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _time(seconds: float) -> str:
    for unit, name in ((_DAY, "days"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= _LONG * unit:
            return f"{int(seconds // unit)} {name}"
    return f"{max(0, int(seconds))} s"
