"""One swarm's part of the budget. Pure."""

from __future__ import annotations

MAIN = "main"
"""The swarm of the main window, and the key of that window."""


class Swarm:
    """One swarm's part of the budget, in tokens.

    `promised` is the limit somebody asked for, which is never cut; 0 for a swarm that took the default.
    An `open_ended` swarm has no limit of its own: it may use what nobody else was promised.
    `borrowed` is how far auto-scaling has moved the limit: up from others, or, below 0, down to others.
    `told_person` and `told_model` are the levels (0-2) last said about it.
    """

    __slots__ = (
        "allocated",
        "borrowed",
        "consumed",
        "created_at",
        "isolated",
        "last_updated",
        "open_ended",
        "promised",
        "reserved",
        "swarm_id",
        "told_model",
        "told_person",
        "warnings_issued",
    )

    def __init__(
        self,
        swarm_id: str,
        allocated: int,
        now: float,
        *,
        promised: int = 0,
        isolated: bool = False,
        open_ended: bool = False,
    ) -> None:
        self.swarm_id = swarm_id
        self.allocated = allocated
        self.promised = promised
        self.isolated = isolated
        self.open_ended = open_ended
        self.borrowed = 0
        self.consumed = 0
        self.reserved = 0
        self.created_at = now
        self.last_updated = now
        self.warnings_issued = 0
        self.told_person = 0
        self.told_model = 0

    @property
    def available(self) -> int:
        """Tokens left: allocated - consumed - reserved, never below 0."""
        return max(0, self.allocated - self.consumed - self.reserved)

    @property
    def usage_percent(self) -> float:
        """Consumption in percent (0-100, more when past the limit) of the allocation."""
        return self.consumed * 100.0 / self.allocated if self.allocated else 0.0

    @property
    def floor(self) -> int:
        """Tokens below which the limit is never cut: what was promised, used and reserved."""
        return max(self.promised, self.consumed + self.reserved)
