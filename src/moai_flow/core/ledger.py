"""The ledger: what every swarm was promised, has consumed and has reserved.

Pure arithmetic. Time is an argument (seconds since the epoch); who may touch a ledger at the same time is the
business of its owner.

Two verbs move tokens. `consume` asks: over the limit it returns False and changes nothing. `record` counts
tokens that are already spent, past the limit if need be.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.config import BudgetConfig
    from moai_flow.core.reservations import Reservation
    from moai_flow.core.session import Session
    from moai_flow.core.spend.figures import Spend
    from moai_flow.core.swarm import Swarm
    from moai_flow.core.window import Window

HISTORY_LENGTH = 50
"""Entries of the history that are kept (the guide's "last 50 entries")."""

DEFAULT_LIMIT = "default_swarm_limit"

_HISTORY_FULL = 2 * HISTORY_LENGTH


class Ledger:
    """All swarms of one budget, the history of what happened to them, and the windows that shared swarms work in."""

    __slots__ = (
        "_history",
        "config",
        "reservations",
        "swarms",
        "total_allocated",
        "total_consumed",
        "windows",
    )

    def __init__(self, config: BudgetConfig) -> None:
        self.config = config
        self.swarms: dict[str, Swarm] = {}
        self.windows: dict[str, Window] = {}
        self.reservations: dict[str, Reservation] = {}
        self._history: list[tuple[float, str, str, int]] = []
        # Running totals over the shared swarms: `consume` and `allocate` must not cost more with more swarms.
        self.total_consumed = 0
        self.total_allocated = 0

    @property
    def history(self) -> list[tuple[float, str, str, int]]:
        """The last 50 entries, oldest first: (seconds since the epoch, swarm, what happened, tokens)."""
        return self._history[-HISTORY_LENGTH:]

    def note(self, now: float, swarm_id: str, action: str, tokens: int) -> None:
        """Add an entry to the history."""
        self._history.append((now, swarm_id, action, tokens))
        if len(self._history) >= _HISTORY_FULL:
            self._cut_history()

    def _cut_history(self) -> None:
        del self._history[:-HISTORY_LENGTH]

    # -- allocations -----------------------------------------------------------------------------------------

    def add(self, swarm: Swarm) -> Swarm:
        """Take a swarm into the ledger as it is, whether its limit fits or not, and return it."""
        self.swarms[swarm.swarm_id] = swarm
        if not swarm.isolated:
            self.total_consumed += swarm.consumed
            if not swarm.open_ended:
                self.total_allocated += swarm.allocated
        return swarm

    def set_limits(self, limits: dict[str, int]) -> None:
        """Give swarms other limits (tokens), whether they fit or not."""
        for swarm_id, limit in limits.items():
            swarm = self.swarms.get(swarm_id)
            if swarm is not None:
                if not (swarm.isolated or swarm.open_ended):
                    self.total_allocated += limit - swarm.allocated
                swarm.allocated = limit
                swarm.borrowed = 0

    def deallocate(self, swarm_id: str, now: float) -> bool:
        """Remove a swarm with all it was promised; return False if it is unknown.

        In a session's ledger the tokens of a shared swarm stay in the window: they go to the window's own swarm.
        """
        swarm = self.swarms.get(swarm_id)
        if swarm is None or swarm.open_ended:
            return False
        self._hand_over_windows(swarm)
        self._drop_reservations(swarm_id)
        for key in [key for key, window in self.windows.items() if window.swarm == swarm_id]:
            del self.windows[key]
        del self.swarms[swarm_id]
        if not swarm.isolated:
            self.total_allocated -= swarm.allocated
            self.total_consumed -= swarm.consumed
        self.note(now, swarm_id, "deallocate", swarm.consumed)
        return True

    # -- consumption -----------------------------------------------------------------------------------------

    def consume(
        self,
        swarm_id: str,
        tokens: int,
        now: float,
        *,
        from_reservation: bool = False,
        critical: bool = False,
    ) -> bool:
        """Count `tokens` if they are allowed, all or nothing.

        Args:
            swarm_id: who consumes.
            tokens: how many.
            now: seconds since the epoch.
            from_reservation: spend what the swarm reserved before.
            critical: the reserve buffer may be used too.

        Returns:
            False, with nothing changed, if the swarm is unknown, if it has fewer tokens left (or reserved), or
            if the total would be passed.

        Raises:
            TypeError: `swarm_id` is not a string.
        """
        # This is the one call that is made all the time: the usual case is decided here, and `_spend` and `note`
        # are written out.
        try:
            swarm = self.swarms[swarm_id]
        except (KeyError, TypeError):
            # Imported here: hooks know their swarms.
            from moai_flow.core.arguments import check_swarm_id

            check_swarm_id(swarm_id)
            return False
        consumed = swarm.consumed + tokens
        total = self.total_consumed + tokens
        if from_reservation or consumed + swarm.reserved > swarm.allocated or total > self.config.pool:
            if not self._is_allowed(swarm, tokens, from_reservation=from_reservation, critical=critical):
                return False
            if from_reservation:
                swarm.reserved -= min(tokens, swarm.reserved)
        swarm.consumed = consumed
        swarm.last_updated = now
        if not swarm.isolated:
            self.total_consumed = total
        history = self._history
        history.append((now, swarm_id, "consume", tokens))
        if len(history) >= _HISTORY_FULL:
            self._cut_history()
        return True

    def _is_allowed(self, swarm: Swarm, tokens: int, *, from_reservation: bool, critical: bool) -> bool:
        if from_reservation:
            left = swarm.reserved
        elif swarm.open_ended:
            left = tokens
        else:
            left = swarm.allocated - swarm.consumed - swarm.reserved
        total = self.config.total_budget if critical else self.config.pool
        if critical and tokens > left:
            left = max(0, left) + self._buffer_left()
        return tokens <= left and (swarm.isolated or self.total_consumed + tokens <= total)

    def _buffer_left(self) -> int:
        """Tokens of the reserve buffer that no swarm has overdrawn its limit by."""
        overdrawn = 0
        for swarm in self.swarms.values():
            if not (swarm.isolated or swarm.open_ended):
                overdrawn += max(0, swarm.consumed + swarm.reserved - swarm.allocated)
        return max(0, self.config.reserve_buffer - overdrawn)

    def _spend(self, swarm: Swarm, tokens: int, now: float) -> None:
        swarm.consumed += tokens
        swarm.last_updated = now
        if not swarm.isolated:
            self.total_consumed += tokens

    def charge(self, swarm: Swarm, tokens: int, now: float) -> None:
        """Move a swarm's consumption by `tokens` (below 0: back), without an entry in the history."""
        if tokens:
            self._spend(swarm, tokens, now)

    def record(self, swarm_id: str, tokens: int, now: float) -> bool:
        """Count tokens that are already spent, past the limit too; return False if the swarm is unknown."""
        swarm = self.swarms.get(swarm_id)
        if swarm is None:
            return False
        self._spend(swarm, tokens, now)
        self.note(now, swarm_id, "record", tokens)
        return True

    def reset(self, swarm_id: str, now: float) -> bool:
        """Take a swarm's consumption, reservations and warnings back to 0; return False if it is unknown.

        In a session's ledger the tokens of a shared swarm stay in the main window: they go to that window's own
        swarm, which itself keeps what its window holds. The history's entry has the tokens that no swarm counts now.
        """
        swarm = self.swarms.get(swarm_id)
        if swarm is None:
            return False
        before = self.total_consumed + self.isolated_consumed
        self._hand_over_windows(swarm)
        if not (self.windows and swarm.open_ended):
            self._write_off(swarm)
            self._spend(swarm, -swarm.consumed, now)
        swarm.reserved = 0
        self._drop_reservations(swarm_id)
        swarm.warnings_issued = swarm.notified_person = swarm.notified_model = 0
        swarm.last_updated = now
        swarm.resets += 1
        self.note(now, swarm_id, "reset", before - self.total_consumed - self.isolated_consumed)
        return True

    def _write_off(self, swarm: Swarm) -> None:
        """Write off what a swarm's own windows hold, and what is estimated there: it counts for no swarm."""
        for window in self.windows.values():
            if window.swarm != swarm.swarm_id:
                continue
            if swarm.isolated:
                window.write_off()
            else:
                # Imported here: a swarm is reset once in a while.
                from moai_flow.core.window import UNCLAIMED

                window.hand_over(swarm.swarm_id, UNCLAIMED)

    def _drop_reservations(self, swarm_id: str) -> None:
        for key in [key for key, reservation in self.reservations.items() if reservation.swarm == swarm_id]:
            del self.reservations[key]

    def _hand_over_windows(self, swarm: Swarm) -> None:
        """Give what a shared swarm holds of the windows to each window's own swarm."""
        if swarm.isolated:
            return
        for window in self.windows.values():
            heir = self.swarms.get(window.swarm)
            if heir is not None and heir is not swarm:
                moved = window.hand_over(swarm.swarm_id, window.swarm)
                self.charge(swarm, -moved, swarm.last_updated)
                self.charge(heir, moved, swarm.last_updated)

    # -- reservations ----------------------------------------------------------------------------------------

    def reserve(self, swarm_id: str, tokens: int, now: float) -> bool:
        """Set tokens aside for planned work; return False if the swarm is unknown or has fewer left."""
        swarm = self.swarms.get(swarm_id)
        if swarm is None or tokens > swarm.available:
            return False
        swarm.reserved += tokens
        swarm.last_updated = now
        self.note(now, swarm_id, "reserve", tokens)
        return True

    def release(self, swarm_id: str, tokens: int, now: float) -> bool:
        """Give reserved tokens back, at most what is reserved; return False if the swarm is unknown."""
        swarm = self.swarms.get(swarm_id)
        if swarm is None:
            return False
        released = min(tokens, swarm.reserved)
        swarm.reserved -= released
        swarm.last_updated = now
        self.note(now, swarm_id, "release", released)
        return True

    # -- reading ---------------------------------------------------------------------------------------------

    @property
    def isolated_consumed(self) -> int:
        """Tokens of the swarms whose agents have windows of their own."""
        return sum([swarm.consumed for swarm in self.swarms.values() if swarm.isolated])

    @property
    def unallocated(self) -> int:
        """Tokens of the total that no shared swarm was promised: what an open-ended swarm may use."""
        return max(0, self.config.total_budget - self.total_allocated)


class SessionLedger(Ledger):
    """The ledger of one session of the client.

    `spend` is what the session was billed, None where no limit of spend was ever set.
    """

    __slots__ = ("session", "spend")

    def __init__(self, config: BudgetConfig, session: Session) -> None:
        super().__init__(config)
        self.session = session
        self.spend: Spend | None = None

    def use(self, config: BudgetConfig) -> None:
        """Take other settings; which swarms have a limit that somebody set follows from them."""
        self.config = config
        for swarm in self.swarms.values():
            self.mark_limit(swarm)

    def mark_limit(self, swarm: Swarm) -> None:
        """Note whether somebody set a swarm's limit: its own, or the default one."""
        swarm.has_limit = bool(swarm.guaranteed) or DEFAULT_LIMIT in self.config.given
