"""One swarm's part of the budget. Pure."""

from __future__ import annotations

MAIN = "main"
"""The swarm of the main window, and the key of that window."""


class Swarm:
    """One swarm's part of the budget, in tokens.

    `guaranteed` is the limit somebody asked for, which is never cut; 0 for a swarm that took the default.
    `has_limit` is whether somebody set its limit; one without is counted and raises no notice.
    An `open_ended` swarm has no limit of its own: it may use what no other swarm is guaranteed.
    `borrowed` is how far auto-scaling has moved the limit: up from others, or, below 0, down to others.
    `resets` is how often its count was taken back to 0.
    `notified_person` and `notified_model` are the levels (0-2) last said about it.
    """

    __slots__ = (
        "allocated",
        "borrowed",
        "consumed",
        "created_at",
        "guaranteed",
        "has_limit",
        "isolated",
        "last_updated",
        "notified_model",
        "notified_person",
        "open_ended",
        "reserved",
        "resets",
        "swarm_id",
        "warnings_issued",
    )

    def __init__(
        self,
        swarm_id: str,
        allocated: int,
        now: float,
        *,
        guaranteed: int = 0,
        isolated: bool = False,
        open_ended: bool = False,
    ) -> None:
        self.swarm_id = swarm_id
        self.allocated = allocated
        self.guaranteed = guaranteed
        self.isolated = isolated
        self.open_ended = open_ended
        self.has_limit = True
        self.borrowed = 0
        self.consumed = 0
        self.reserved = 0
        self.created_at = now
        self.last_updated = now
        self.resets = 0
        self.warnings_issued = 0
        self.notified_person = 0
        self.notified_model = 0

    @property
    def available(self) -> int:
        """Tokens left: allocated - consumed - reserved, never below 0."""
        return max(0, self.allocated - self.consumed - self.reserved)

    @property
    def usage_percent(self) -> float:
        """Consumption in percent (0-100, more when past the limit) of the allocation, or of 1 token if that is 0."""
        return self.consumed * 100.0 / max(1, self.allocated)

    @property
    def minimum(self) -> int:
        """Tokens below which the limit is never cut: what was guaranteed, used and reserved."""
        return max(self.guaranteed, self.consumed + self.reserved)
