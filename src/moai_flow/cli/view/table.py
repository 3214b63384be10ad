"""A session's budget as lines of text: bars, levels, agents under their swarms. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moai_flow.core.forecast import forecast, turns_text
from moai_flow.core.notices import CRITICAL, LEVEL_NAMES, NORMAL, global_level, global_mark, swarm_level, swarm_mark
from moai_flow.core.phases import phase_status
from moai_flow.core.spend.notices import figures_text, percent
from moai_flow.core.spend.notices import level as spend_level
from moai_flow.core.swarm import MAIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from moai_flow.core.ledger import SessionLedger
    from moai_flow.core.swarm import Swarm

    Style = Callable[[str, int], str]

BAR_CELLS = 20
_NAME_WIDTH = 28
ALL = "all swarms"
_EIGHTHS = " ▏▎▍▌▋▊▉"


def bar(percent: float, *, ascii_only: bool) -> str:
    """Return a bar of 20 cells for 0-100 percent; what is above fills it."""
    share = min(max(percent, 0.0), 100.0) / 100.0
    if ascii_only:
        full = round(share * BAR_CELLS)
        return "#" * full + "." * (BAR_CELLS - full)
    eighths = round(share * BAR_CELLS * 8)
    text = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
    return text.ljust(BAR_CELLS, "░")


def lines(ledger: SessionLedger, *, style: Style, ascii_only: bool) -> list[str]:
    """Return the table.

    Args:
        ledger: a session's ledger.
        style: how a text of a level (0-2) is coloured.
        ascii_only: whether bars are made of `#` and `.`.
    """
    config = ledger.config
    rows = [
        _row(
            "main window",
            ledger.total_consumed,
            config.total_budget,
            global_level(ledger),
            mark=global_mark(ledger),
            note=_window_note(ledger),
            style=style,
            ascii_only=ascii_only,
        )
    ]
    phase = phase_status(ledger)
    if phase is not None:
        level = NORMAL if phase["consumed"] <= phase["budget"] else CRITICAL
        rows.append(
            _row(
                f"phase {phase['name']}",
                phase["consumed"],
                phase["budget"],
                level,
                mark=global_mark(ledger),
                note="",
                style=style,
                ascii_only=ascii_only,
            )
        )
    swarms = [swarm for swarm in ledger.swarms.values() if not swarm.open_ended or len(ledger.swarms) > 1]
    for shared in (True, False):
        chosen = [swarm for swarm in swarms if swarm.isolated is not shared]
        if chosen:
            rows += ["", "in the main window" if shared else "in windows of their own"]
        for swarm in chosen:
            rows.append(_swarm_row(ledger, swarm, style, ascii_only=ascii_only))
            rows += _agent_rows(ledger, swarm)
    rows += _spend_rows(ledger, style)
    ahead = outlook(ledger)
    return [*rows, "", ahead] if ahead else rows


def _spend_rows(ledger: SessionLedger, style: Style) -> list[str]:
    """Return a line for each limit of spend."""
    spend = ledger.spend
    rows = ["", "spend"] if spend is not None and spend.limits else []
    for name in sorted(spend.limits) if spend is not None else ():
        its_level = spend_level(spend, name)
        word = style(LEVEL_NAMES[its_level].upper(), its_level) if its_level else ""
        figures = f"{figures_text(spend, name)} ({percent(spend, name):.1f}%)"
        rows.append(f"{_cut(f'  {name or ALL}'):<{_NAME_WIDTH}}{figures}  {word}".rstrip())
    return rows


def outlook(ledger: SessionLedger) -> str:
    """Return how long the main window will do, "" while the pace is unknown."""
    ahead = forecast(ledger)
    text = turns_text(ahead)
    if not text:
        return ""
    until = " where the client compacts by itself" if ahead.is_compaction else ""
    return f"{text} left at this pace, to {ahead.limit:,} tokens{until}"


def _window_note(ledger: SessionLedger) -> str:
    window = ledger.windows.get(MAIN)
    return "measured" if window is not None and window.is_exact else "estimated (~)" if global_mark(ledger) else ""


def _swarm_row(ledger: SessionLedger, swarm: Swarm, style: Style, *, ascii_only: bool) -> str:
    reserved = f"{swarm.reserved:,} reserved" if swarm.reserved else ""
    if not (swarm.has_limit or swarm.open_ended):
        mark = swarm_mark(ledger, swarm) if swarm.consumed else ""
        notes = "  ".join([text for text in ("no limit", reserved) if text])
        return f"{_cut(f'  {swarm.swarm_id}'):<{_NAME_WIDTH}}{mark + format(swarm.consumed, ','):>10}   {notes}"
    return _row(
        f"  {swarm.swarm_id}",
        swarm.consumed,
        ledger.unallocated if swarm.open_ended else swarm.allocated,
        swarm_level(swarm),
        mark=swarm_mark(ledger, swarm),
        note=reserved,
        style=style,
        ascii_only=ascii_only,
    )


def _agent_rows(ledger: SessionLedger, swarm: Swarm) -> list[str]:
    """Return a line for every subagent of a swarm: what its window holds."""
    rows = []
    for key, window in ledger.windows.items():
        if key != MAIN and window.swarm == swarm.swarm_id:
            mark = "" if window.is_exact else "~"
            rows.append(f"{_cut(f'    agent {key}'):<{_NAME_WIDTH}}{mark + format(window.tokens, ','):>10}")
    return rows


def _row(name: str, used: int, limit: int, level: int, *, mark: str, note: str, style: Style, ascii_only: bool) -> str:
    percent = used * 100.0 / limit if limit else 0.0
    mark = mark if used else ""
    word = LEVEL_NAMES[level].upper() if level > NORMAL else ""
    figures = f"{mark + format(used, ','):>10} / {limit:<11,}{mark + format(percent, '.1f') + '%':>8}"
    shown = f"{_cut(name):<{_NAME_WIDTH}}{figures}  {style(bar(percent, ascii_only=ascii_only), level)}"
    notes = "  ".join([text for text in (style(word, level) if word else "", note) if text])
    return f"{shown}  {notes}" if notes else shown


def _cut(name: str) -> str:
    return name if len(name) < _NAME_WIDTH else name[: _NAME_WIDTH - 4] + "..."
