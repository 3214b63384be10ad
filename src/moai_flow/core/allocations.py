"""Allocations: how much each swarm is promised, and how limits give way to each other. Pure."""

from __future__ import annotations

from moai_flow.core.apportion import apportion, fit
from moai_flow.core.swarm import Swarm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.ledger import Ledger


def allocate(ledger: Ledger, swarm_id: str, limit: int | None, now: float) -> bool:
    """Promise `limit` tokens (None: the default limit) to a new shared swarm.

    Returns:
        False if the swarm exists or the limit does not fit beside the others'. Swarms that took the default
        limit give way first, down to what they use, if the settings allow it.
    """
    if swarm_id in ledger.swarms:
        return False
    config = ledger.config
    asked = config.default_swarm_limit if limit is None else limit
    if asked > config.pool - ledger.total_allocated:
        granted = _make_room(ledger, swarm_id, asked, is_default=limit is None)
        if granted <= 0:
            return False
        asked = granted
    ledger.add(Swarm(swarm_id, asked, now, guaranteed=0 if limit is None else asked))
    ledger.note(now, swarm_id, "allocate", asked)
    return True


def _make_room(ledger: Ledger, newcomer: str, asked: int, *, is_default: bool) -> int:
    """Cut the other limits so that the newcomer fits; return what it gets, 0 for nothing.

    No swarm is cut below what it is guaranteed, has used and reserved.
    """
    if not ledger.config.enable_auto_rebalance:
        return 0
    others = [swarm for swarm in ledger.swarms.values() if not (swarm.isolated or swarm.open_ended)]
    floors = {swarm.swarm_id: min(swarm.minimum, swarm.allocated) for swarm in others}
    caps = {swarm.swarm_id: swarm.allocated for swarm in others}
    floors[newcomer] = 1 if is_default else asked
    caps[newcomer] = asked
    limits = fit(ledger.config.pool, floors, {}, caps)
    if limits is None:
        return 0
    ledger.set_limits(limits)
    return limits[newcomer]


def resize(ledger: Ledger, swarm_id: str, limit: int, now: float) -> bool:
    """Give a swarm another limit, as a promise.

    Returns:
        False if the swarm is unknown or has no limit, the limit is below what it has consumed and reserved,
        or it does not fit beside the others'.
    """
    swarm = ledger.swarms.get(swarm_id)
    if swarm is None or swarm.open_ended or limit < swarm.consumed + swarm.reserved:
        return False
    grows_by = limit - swarm.allocated
    if not swarm.isolated and grows_by > max(0, ledger.config.pool - ledger.total_allocated):
        if not _make_room(ledger, swarm_id, limit, is_default=False):
            return False
    else:
        ledger.set_limits({swarm_id: limit})
    swarm.guaranteed = limit
    swarm.has_limit = True
    swarm.last_updated = now
    ledger.note(now, swarm_id, "resize", limit)
    return True


def rebalance(ledger: Ledger, now: float) -> dict[str, int]:
    """Give every shared swarm a new limit and return the limits of all, in tokens.

    A swarm gets no less than its minimum: what it was guaranteed, used and reserved. Half of the rest of total -
    reserve buffer is divided equally, so that a swarm that has not begun yet can begin; the other half by recent use
    (the history). Where the rest is not even one token for each swarm, the limits stay as they are.
    """
    shared = [swarm for swarm in ledger.swarms.values() if not (swarm.isolated or swarm.open_ended)]
    left = ledger.config.pool - sum([swarm.minimum for swarm in shared])
    if shared and left >= len(shared):
        equal = max(left // 2, len(shared))
        shares = apportion(equal, dict.fromkeys([swarm.swarm_id for swarm in shared], 1))
        by_use = apportion(left - equal, _recent_use(ledger, shared))
        limits = {swarm.swarm_id: swarm.minimum + shares[swarm.swarm_id] + by_use[swarm.swarm_id] for swarm in shared}
        ledger.set_limits(limits)
        for swarm in shared:
            swarm.last_updated = now
        ledger.note(now, "", "rebalance", sum(limits.values()))
    return {swarm_id: swarm.allocated for swarm_id, swarm in ledger.swarms.items() if not swarm.open_ended}


def _recent_use(ledger: Ledger, swarms: list[Swarm]) -> dict[str, int]:
    """Return the tokens that each swarm took over the history, 1 each where none took any."""
    recent = dict.fromkeys([swarm.swarm_id for swarm in swarms], 0)
    for _, swarm_id, action, tokens in ledger.history:
        if swarm_id in recent and action in ("consume", "record", "settle"):
            recent[swarm_id] += max(0, tokens)
    return recent if any(recent.values()) else dict.fromkeys(recent, 1)
