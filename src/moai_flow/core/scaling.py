"""Auto-scaling: a swarm near its limit borrows what others demonstrably do not use, and gives it back when idle.

Pure. Nothing is taken from what was promised (a custom limit), consumed or reserved; shared swarms borrow among
themselves and from what no swarm is guaranteed, isolated ones among themselves. Sums of limits never grow beyond
total - reserve buffer. Every move is in the history.
"""

from __future__ import annotations

from moai_flow.core import notices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.ledger import Ledger
    from moai_flow.core.swarm import Swarm

PATIENCE = 10
"""Entries of the history that a swarm must have seen before what it did not use then counts as unused."""

IDLE = 20
"""A swarm without a part in this many of the last entries is idle."""

AHEAD = 3
"""Turns that a swarm should have tokens left for, and that a borrower takes tokens for."""

_WORK = ("consume", "record", "settle")


class Workload:
    """What a swarm took over the history, in tokens.

    Attributes:
        tokens: all of it.
        turns: how often it took some.
        is_idle: whether it took none over the last `IDLE` entries.
    """

    __slots__ = ("is_idle", "tokens", "turns")

    def __init__(self) -> None:
        self.tokens = 0
        self.turns = 0
        self.is_idle = True

    @property
    def per_turn(self) -> int:
        """Tokens it took on average each time it took some."""
        return self.tokens // self.turns if self.turns else 0


def workloads(ledger: Ledger) -> dict[str, Workload]:
    """Return the workload of every swarm."""
    loads = {swarm_id: Workload() for swarm_id in ledger.swarms}
    history = ledger.history
    for place, (_, swarm_id, action, tokens) in enumerate(history):
        if action in _WORK and tokens > 0 and swarm_id in loads:
            load = loads[swarm_id]
            load.tokens += tokens
            load.turns += 1
            load.is_idle = len(history) - place > IDLE
    return loads


def scale(ledger: Ledger, now: float) -> bool:
    """Let idle borrowers give back and swarms near their limit borrow; return whether a limit has changed.

    Near is: what is left would not do for the next turns.
    """
    loads = workloads(ledger)
    changed = False
    for swarm in ledger.swarms.values():
        load = loads[swarm.swarm_id]
        if load.is_idle:
            changed = _give_back(ledger, swarm, now) or changed
        elif swarm.has_limit and not swarm.open_ended:
            lacking = AHEAD * load.per_turn - (swarm.allocated - swarm.consumed - swarm.reserved)
            if lacking > 0:
                changed = _borrow(ledger, swarm, lacking, loads, now, whole=False) or changed
    return changed


def make_room(ledger: Ledger, swarm_id: str, tokens: int, now: float) -> bool:
    """Let a swarm that was refused borrow, so that `tokens` fit; return False, with nothing changed, if it cannot."""
    swarm = ledger.swarms.get(swarm_id)
    if swarm is None or swarm.open_ended:
        return False
    if not swarm.isolated and ledger.total_consumed + tokens > ledger.config.pool:
        return False
    lacking = tokens - (swarm.allocated - swarm.consumed - swarm.reserved)
    return lacking > 0 and _borrow(ledger, swarm, lacking, workloads(ledger), now, whole=True)


def _borrow(ledger: Ledger, swarm: Swarm, lacking: int, loads: dict[str, Workload], now: float, *, whole: bool) -> bool:
    """Raise a limit by what is lacking and, if there is more, by what the next turns take.

    With `whole`, less than what is lacking is nothing.
    """
    lendable = 0 if swarm.isolated else _lendable(ledger)
    offers = [(_offer(ledger, other, loads[other.swarm_id]), other) for other in _others(ledger, swarm)]
    available = lendable + sum([offer for offer, _ in offers])
    if available <= 0 or (whole and available < lacking):
        return False
    amount = min(available, max(lacking, AHEAD * loads[swarm.swarm_id].per_turn))
    missing = amount - min(lendable, amount)
    # From few who have much rather than from many who have little: every move is an entry of the history.
    for offer, lender in sorted(offers, key=_largest_first):
        part = min(offer, missing)
        if part > 0:
            _move(ledger, lender, -part, "lend", now)
            missing -= part
    _move(ledger, swarm, amount, "borrow", now)
    level = notices.swarm_level(swarm)
    swarm.notified_person = min(swarm.notified_person, level)
    swarm.notified_model = min(swarm.notified_model, level)
    return True


def _give_back(ledger: Ledger, swarm: Swarm, now: float) -> bool:
    """Let a swarm give back what it borrowed and does not need for what it has consumed and reserved."""
    surplus = min(swarm.borrowed, swarm.allocated - swarm.minimum)
    if surplus <= 0:
        return False
    _move(ledger, swarm, -surplus, "give back", now)
    debts = [(-other.borrowed, other) for other in _others(ledger, swarm) if other.borrowed < 0]
    for debt, lender in sorted(debts, key=_largest_first):
        part = min(debt, surplus)
        if part > 0:
            _move(ledger, lender, part, "get back", now)
            surplus -= part
    # Its usage has not risen, its limit has fallen: that is no news.
    level = notices.swarm_level(swarm)
    swarm.notified_person = max(swarm.notified_person, level)
    swarm.notified_model = max(swarm.notified_model, level)
    return True


def _move(ledger: Ledger, swarm: Swarm, tokens: int, action: str, now: float) -> None:
    swarm.allocated += tokens
    swarm.borrowed += tokens
    if not swarm.isolated:
        ledger.total_allocated += tokens
    ledger.note(now, swarm.swarm_id, action, abs(tokens))


def _others(ledger: Ledger, swarm: Swarm) -> list[Swarm]:
    return [
        other
        for other in ledger.swarms.values()
        if other is not swarm and other.isolated == swarm.isolated and other.has_limit and not other.open_ended
    ]


def _offer(ledger: Ledger, swarm: Swarm, load: Workload) -> int:
    """Return what a swarm can lend: what it neither was promised nor used, less as much as it used lately.

    A swarm that has not been there for long has not shown yet what it will use: it lends nothing.
    """
    if sum([at >= swarm.created_at for at, _, _, _ in ledger.history]) < PATIENCE:
        return 0
    return max(0, swarm.allocated - swarm.minimum - load.tokens)


def _lendable(ledger: Ledger) -> int:
    """Return the tokens of the pool that no swarm was promised, and no open-ended swarm has consumed."""
    taken = sum([swarm.consumed for swarm in ledger.swarms.values() if swarm.open_ended])
    return max(0, ledger.config.pool - ledger.total_allocated - taken)


def _largest_first(offer: tuple[int, Swarm]) -> tuple[int, str]:
    return -offer[0], offer[1].swarm_id
