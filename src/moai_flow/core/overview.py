"""A session's budget as rows: what a table of it shows, whatever draws the table. Pure."""

from __future__ import annotations

from moai_flow.core.forecast import forecast, turns_text
from moai_flow.core.notices import CRITICAL, LEVEL_NAMES, NORMAL, global_level, global_mark, swarm_level, swarm_mark
from moai_flow.core.phases import phase_status
from moai_flow.core.swarm import MAIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from moai_flow.core.ledger import SessionLedger
    from moai_flow.core.swarm import Swarm

MAX_AGENTS = 12
"""Agents of a swarm that have a row each, those with the fullest windows; the others share one."""

SWARM, AGENT = 1, 2

ESTIMATED = "~ estimated in part"


class Row:
    """One row.

    Args:
        name: what it is of; a heading has nothing else.
        used: tokens, None in a heading.
        limit: tokens that it may use, 0 where there is no limit.
        level: 0-2.
        mark: "~" before a figure that is estimated in part.
        depth: how far it is indented: 0 the main window and headings, `SWARM`, `AGENT`.
    """

    __slots__ = ("depth", "level", "limit", "mark", "name", "used")

    def __init__(
        self, name: str, used: int | None = None, limit: int = 0, level: int = NORMAL, mark: str = "", depth: int = 0
    ) -> None:
        self.name = name
        self.used = used
        self.limit = limit
        self.level = level
        self.mark = mark if used else ""
        self.depth = depth

    @property
    def percent(self) -> float:
        """What is used of the limit, 0-100 and more; 0 without a limit."""
        return (self.used or 0) * 100.0 / self.limit if self.limit else 0.0

    @property
    def figures(self) -> tuple[str, str, str]:
        """The tokens used, the limit and the percentage, as texts; "" where there is none."""
        if self.used is None:
            return "", "", ""
        used = f"{self.mark}{self.used:,}"
        if self.limit:
            return used, f"/ {self.limit:,}", f"{self.mark}{self.percent:.1f}%"
        return used, "no limit" if self.depth == SWARM else "", ""

    @property
    def word(self) -> str:
        """The level in capitals, "" where all is normal."""
        return LEVEL_NAMES[self.level].upper() if self.level > NORMAL else ""


def rows(ledger: SessionLedger, agents: Mapping[str, str]) -> list[Row]:
    """Return the table of a session, from the main window to the last agent.

    Args:
        ledger: the session's ledger.
        agents: the description of each agent by the key of its window, as far as it is known.
    """
    config = ledger.config
    table = [Row("main window", ledger.total_consumed, config.total_budget, global_level(ledger), global_mark(ledger))]
    phase = phase_status(ledger)
    if phase is not None:
        level = NORMAL if phase["consumed"] <= phase["budget"] else CRITICAL
        table.append(Row(f"phase {phase['name']}", phase["consumed"], phase["budget"], level, global_mark(ledger)))
    shared = [swarm for swarm in ledger.swarms.values() if not swarm.isolated]
    isolated = [swarm for swarm in ledger.swarms.values() if swarm.isolated]
    # The main window's own swarm alone would say what the first row says.
    for heading, chosen in (("in the main window", shared if len(shared) > 1 else []), ("in own windows", isolated)):
        if chosen:
            table.append(Row(heading))
        for swarm in chosen:
            table += _swarm_rows(ledger, swarm, agents)
    return table


def _swarm_rows(ledger: SessionLedger, swarm: Swarm, agents: Mapping[str, str]) -> list[Row]:
    limit = ledger.unallocated if swarm.open_ended else swarm.allocated if swarm.has_limit else 0
    mark = swarm_mark(ledger, swarm)
    table = [Row(swarm.swarm_id, swarm.consumed, limit, swarm_level(swarm), mark, SWARM)]
    if swarm.reserved:
        table.append(Row("reserved by running agents", swarm.reserved, depth=AGENT))
    windows = [window for key, window in ledger.windows.items() if key != MAIN and window.swarm == swarm.swarm_id]
    windows.sort(key=lambda window: window.tokens, reverse=True)
    names = [agents.get(window.key, "") for window in windows]
    for window, name in zip(windows[:MAX_AGENTS], names, strict=False):
        # Without a description, or where two have the same, the id tells them apart.
        text = name if name and names.count(name) == 1 else f"{name or 'agent'} {window.key[:8]}"
        table.append(Row(text, window.tokens, mark="" if window.is_exact else "~", depth=AGENT))
    rest = windows[MAX_AGENTS:]
    if rest:
        table.append(Row(f"{len(rest)} more agents", sum([window.tokens for window in rest]), depth=AGENT))
    return table


def outlook(ledger: SessionLedger) -> str:
    """Return how long the main window will do, "" while the pace is unknown."""
    ahead = forecast(ledger)
    text = turns_text(ahead)
    if not text:
        return ""
    until = " where the client compacts by itself" if ahead.is_compaction else ""
    return f"{text} left at this pace, to {ahead.limit:,} tokens{until}"


def window_text(ledger: SessionLedger) -> str:
    """Return the model and the real size of the main window, as far as they are known."""
    session = ledger.session
    size = f"window of {session.window_size:,} tokens" if session.window_size else ""
    return ", ".join([text for text in (session.model, size) if text])
