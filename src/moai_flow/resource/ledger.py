"""The ledger: what every swarm was promised, has consumed and has reserved.

Pure arithmetic. Time is an argument (seconds since the epoch); who may touch a ledger at the same time is the
business of whoever holds it.

Two verbs move tokens. `consume` asks: over the limit it returns False and changes nothing. `record` counts
tokens that are already spent, past the limit if need be.
"""

from __future__ import annotations

from moai_flow.resource.config import is_swarm_name, shown
from moai_flow.resource.sharing import fit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from moai_flow.resource.config import BudgetConfig
    from moai_flow.resource.reservations import Reservation
    from moai_flow.resource.session import Session
    from moai_flow.resource.windows import Window

HISTORY_LENGTH = 50
"""Entries of the history that are kept (the guide's "last 50 entries")."""

_HISTORY_FULL = 2 * HISTORY_LENGTH

MOST_COUNTED = 10**18
"""Tokens that one call can name at most; sums of it stay exact and can be divided."""

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


def check_tokens(tokens: Any, name: str = "tokens", least: int = 0) -> int:
    """Return `tokens` if it is a whole number of at least `least` and at most `MOST_COUNTED`.

    Raises:
        TypeError: it is not a whole number (a bool is none).
        ValueError: it is below `least` or above `MOST_COUNTED`.
    """
    if isinstance(tokens, bool) or not isinstance(tokens, int):
        raise TypeError(f"{name} must be a whole number, not {shown(tokens)}")
    if tokens < least:
        raise ValueError(f"{name} must be at least {least}, not {tokens}")
    if tokens > MOST_COUNTED:
        raise ValueError(f"{name} must be at most {MOST_COUNTED}, not {shown(tokens)}")
    return tokens


def check_swarm_id(swarm_id: Any) -> None:
    """Check that `swarm_id` can be looked up.

    Raises:
        TypeError: it is not a string.
    """
    if not isinstance(swarm_id, str):
        raise TypeError(f"swarm_id must be a string, not {shown(swarm_id)}")


def check_new_swarm_id(swarm_id: Any) -> None:
    """Check that a swarm may be called `swarm_id`.

    Raises:
        TypeError: it is not a string.
        ValueError: it has characters that a swarm's name cannot have, none or more than 64.
    """
    check_swarm_id(swarm_id)
    if not is_swarm_name(swarm_id):
        raise ValueError(f"swarm_id must be 1-64 characters of A-Z a-z 0-9 . _ -, not {shown(swarm_id)}")


class Ledger:
    """All swarms of one budget, the history of what happened to them, and the windows of a session."""

    __slots__ = ("_history", "config", "promised", "reservations", "session", "swarms", "total_consumed", "windows")

    def __init__(self, config: BudgetConfig) -> None:
        self.config = config
        self.swarms: dict[str, Swarm] = {}
        self.windows: dict[str, Window] = {}
        self.reservations: dict[str, Reservation] = {}
        self.session: Session | None = None
        self._history: list[tuple[float, str, str, int]] = []
        # Running totals over the shared swarms: `consume` and `allocate` must not cost more with more swarms.
        self.total_consumed = 0
        self.promised = 0

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
                self.promised += swarm.allocated
        return swarm

    def allocate(self, swarm_id: str, limit: int | None, now: float) -> bool:
        """Promise `limit` tokens (None: the default limit) to a new shared swarm.

        Returns:
            False if the swarm exists or the limit does not fit beside the others'. Swarms that took the default
            limit give way first, down to what they use, if the settings allow it.
        """
        if swarm_id in self.swarms:
            return False
        config = self.config
        asked = config.default_swarm_limit if limit is None else limit
        if asked > config.pool - self.promised:
            granted = self._make_room(swarm_id, asked, is_default=limit is None)
            if granted <= 0:
                return False
            asked = granted
        self.add(Swarm(swarm_id, asked, now, promised=0 if limit is None else asked))
        self.note(now, swarm_id, "allocate", asked)
        return True

    def _make_room(self, newcomer: str, asked: int, *, is_default: bool) -> int:
        """Cut the other limits so that the newcomer fits; return what it gets, 0 for nothing.

        Nobody is cut below what it was promised, has used and reserved.
        """
        if not self.config.enable_auto_rebalance:
            return 0
        others = [swarm for swarm in self.swarms.values() if not (swarm.isolated or swarm.open_ended)]
        floors = {swarm.swarm_id: min(swarm.floor, swarm.allocated) for swarm in others}
        caps = {swarm.swarm_id: swarm.allocated for swarm in others}
        floors[newcomer] = 1 if is_default else asked
        caps[newcomer] = asked
        limits = fit(self.config.pool, floors, {}, caps)
        if limits is None:
            return 0
        self._set_limits(limits)
        return limits[newcomer]

    def _set_limits(self, limits: dict[str, int]) -> None:
        for swarm_id, limit in limits.items():
            swarm = self.swarms.get(swarm_id)
            if swarm is not None:
                if not (swarm.isolated or swarm.open_ended):
                    self.promised += limit - swarm.allocated
                swarm.allocated = limit
                swarm.borrowed = 0

    def resize(self, swarm_id: str, limit: int, now: float) -> bool:
        """Give a swarm another limit, as a promise.

        Returns:
            False if the swarm is unknown or has no limit, the limit is below what it has consumed and reserved,
            or it does not fit beside the others'.
        """
        swarm = self.swarms.get(swarm_id)
        if swarm is None or swarm.open_ended or limit < swarm.consumed + swarm.reserved:
            return False
        grows_by = limit - swarm.allocated
        if not swarm.isolated and grows_by > max(0, self.config.pool - self.promised):
            if not self._make_room(swarm_id, limit, is_default=False):
                return False
        else:
            self._set_limits({swarm_id: limit})
        swarm.promised = limit
        swarm.last_updated = now
        self.note(now, swarm_id, "resize", limit)
        return True

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
            self.promised -= swarm.allocated
            self.total_consumed -= swarm.consumed
        self.note(now, swarm_id, "deallocate", swarm.consumed)
        return True

    def rebalance(self, now: float) -> dict[str, int]:
        """Give every shared swarm a new limit and return the limits of all, in tokens.

        Nobody gets less than was promised, used and reserved; the rest of total - reserve buffer is divided by
        recent use (the history). If more is already used than that, the limits stay as they are.
        """
        shared = [swarm for swarm in self.swarms.values() if not (swarm.isolated or swarm.open_ended)]
        floors = {swarm.swarm_id: swarm.floor for swarm in shared}
        recent = dict.fromkeys(floors, 1)
        for _, swarm_id, action, tokens in self.history:
            if swarm_id in recent and action in ("consume", "record", "settle"):
                recent[swarm_id] += max(0, tokens)
        limits = fit(self.config.pool, floors, recent, {})
        if limits is not None:
            self._set_limits(limits)
            for swarm in shared:
                swarm.last_updated = now
            self.note(now, "", "rebalance", sum(limits.values()))
        return {swarm_id: swarm.allocated for swarm_id, swarm in self.swarms.items() if not swarm.open_ended}

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

        In a session's ledger the tokens of a shared swarm stay in the window: they go to the window's own swarm,
        and that swarm itself keeps what its window holds.
        """
        swarm = self.swarms.get(swarm_id)
        if swarm is None:
            return False
        freed = swarm.consumed
        self._hand_over_windows(swarm)
        if not (self.windows and swarm.open_ended):
            for window in self.windows.values():
                if window.swarm == swarm_id:
                    window.write_off()
            self._spend(swarm, -swarm.consumed, now)
        swarm.reserved = 0
        self._drop_reservations(swarm_id)
        swarm.warnings_issued = swarm.told_person = swarm.told_model = 0
        swarm.last_updated = now
        self.note(now, swarm_id, "reset", freed)
        return True

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
                moved = window.hand_over(swarm.swarm_id)
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
    def unpromised(self) -> int:
        """Tokens of the total that no shared swarm was promised: what an open-ended swarm may use."""
        return max(0, self.config.total_budget - self.promised)
