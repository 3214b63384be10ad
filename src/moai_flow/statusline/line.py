"""The status line's text: budget, swarms, forecast, as far as the terminal's width allows.

Pure. `main 76,200/200,000 38% [###-----] | backend 41K/50K WARNING | clear in about 6 turns`
"""

from __future__ import annotations

from moai_flow.core import notices
from moai_flow.core.forecast import forecast, turns_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger
    from moai_flow.core.swarm import Swarm

BAR_CELLS = 8
MAX_SWARMS = 4
SEPARATOR = " | "

_THOUSAND = 1_000

_WORDS = ("", " WARNING", " CRITICAL")
_COLOURS = ("\x1b[32m", "\x1b[33m", "\x1b[31m")
_FAINT, _PLAIN = "\x1b[2m", "\x1b[0m"


def bar(percent: float, cells: int = BAR_CELLS) -> str:
    """Return a bar of `cells` characters for a percentage (0-100; more is a full bar)."""
    filled = min(cells, max(0, int(percent * cells / 100 + 0.5)))
    return "[" + "#" * filled + "-" * (cells - filled) + "]"


def short(tokens: int) -> str:
    """Return tokens in a few characters: 850, 41K, 1.2M."""
    thousands = (tokens + 500) // _THOUSAND
    if tokens < _THOUSAND:
        return str(tokens)
    if thousands < _THOUSAND:
        return f"{thousands}K"
    return f"{thousands / _THOUSAND:.1f}".removesuffix(".0") + "M"


def render(ledger: SessionLedger, *, width: int = 0, is_coloured: bool = False) -> str:
    """Return the status line.

    Args:
        ledger: the session's ledger, measured anew.
        width: columns it may take; 0 for any number. What matters least is left out first, and never half shown.
        is_coloured: whether to add escape sequences, which take no columns.
    """
    level = notices.global_level(ledger)
    percent = ledger.total_consumed * 100.0 / ledger.config.total_budget
    label = "main" if ledger.config.subagents == "isolated" else "all"
    figures = (
        f"{label} {notices.global_mark(ledger)}{ledger.total_consumed:,}/{ledger.config.total_budget:,} {percent:.0f}%"
    )
    # (text, level), the first always shown, the others as they fit in this order.
    wanted = [(_ahead(ledger, level), level)]
    swarms = [swarm for swarm in ledger.swarms.values() if not swarm.open_ended and swarm.consumed]
    swarms.sort(key=_urgency, reverse=True)
    wanted += [(_swarm_text(ledger, swarm), notices.swarm_level(swarm)) for swarm in swarms[:MAX_SWARMS]]
    head, drawn = figures + _WORDS[level], f"{figures}{_WORDS[level]} {bar(percent)}"
    room = (width or 1 << 16) - len(head)
    shown = []
    for text, its_level in wanted:
        if text and len(text) + len(SEPARATOR) <= room:
            room -= len(text) + len(SEPARATOR)
            shown.append((text, its_level))
    if len(drawn) - len(head) <= room:
        head = drawn
    if shown and shown[0][0] == wanted[0][0]:
        shown.append(shown.pop(0))
    parts = [(head, level), *shown]
    if width and len(head) > width:
        parts = [(f"{percent:.0f}%"[:width], level)]
    if not is_coloured:
        return SEPARATOR.join([text for text, _ in parts])
    between = f"{_FAINT}{SEPARATOR}{_PLAIN}"
    return between.join([f"{_COLOURS[its_level]}{text}{_PLAIN}" for text, its_level in parts])


def _urgency(swarm: Swarm) -> tuple[int, float]:
    return notices.swarm_level(swarm), swarm.usage_percent if swarm.has_limit else 0.0


def _swarm_text(ledger: SessionLedger, swarm: Swarm) -> str:
    word = _WORDS[notices.swarm_level(swarm)]
    mark = notices.swarm_mark(ledger, swarm)
    limit = f"/{short(swarm.allocated)}" if swarm.has_limit else ""
    return f"{swarm.swarm_id} {mark}{short(swarm.consumed)}{limit}{word}"


def _ahead(ledger: SessionLedger, level: int) -> str:
    if level == notices.CRITICAL:
        return "/clear recommended"
    ahead = forecast(ledger)
    text = turns_text(ahead)
    return f"{'compacts' if ahead.is_compaction else 'clear'} in {text}" if text else ""
