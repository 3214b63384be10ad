"""Promising a swarm tokens in a session, for everything that lets a person do so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moai_flow.core import allocations, notices
from moai_flow.core.errors import TokenBudgetError
from moai_flow.core.swarm import Swarm

if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger


def promise(ledger: SessionLedger, swarm_id: str, tokens: int, now: float, *, shared: bool = False) -> str:
    """Promise a swarm tokens, or change its limit; return what is to be said of it.

    Args:
        ledger: a session's ledger.
        swarm_id: the swarm.
        tokens: its limit.
        now: seconds since the epoch.
        shared: whether a new swarm works in the main window.

    Raises:
        TokenBudgetError: it has no limit of its own, the limit is below what it has consumed, or does not fit.
    """
    if swarm_id in ledger.swarms:
        _resize(ledger, swarm_id, tokens, now)
    elif shared or _works_in_main_window(ledger, swarm_id):
        if not allocations.allocate(ledger, swarm_id, tokens, now):
            raise TokenBudgetError(f"{swarm_id}: {tokens:,} tokens do not fit; {_room(ledger, swarm_id)}")
    else:
        ledger.add(Swarm(swarm_id, tokens, now, guaranteed=tokens, isolated=True))
        ledger.note(now, swarm_id, "allocate", tokens)
    notices.rearm(ledger)
    found = ledger.swarms[swarm_id]
    where = "windows of its own" if found.isolated else "the main window"
    return f"{swarm_id}: {found.allocated:,} tokens in {where}, {found.available:,} left"


def _works_in_main_window(ledger: SessionLedger, swarm: str) -> bool:
    """Return whether the hooks would make a new swarm of that name a shared one."""
    if ledger.config.subagents == "shared":
        return True
    return any(rule.name == swarm and rule.paths and not rule.agents for rule in ledger.config.swarms)


def _resize(ledger: SessionLedger, swarm_id: str, tokens: int, now: float) -> None:
    if allocations.resize(ledger, swarm_id, tokens, now):
        return
    swarm = ledger.swarms[swarm_id]
    if swarm.open_ended:
        raise TokenBudgetError(
            f"{swarm_id}: has no limit of its own; it may use what the others have not been promised. "
            "total_budget in the settings limits the main window"
        )
    needed = swarm.consumed + swarm.reserved
    if tokens < needed:
        raise TokenBudgetError(
            f"{swarm_id}: {tokens:,} tokens are less than the {needed:,} it has consumed and reserved; "
            f"`token-budget reset {swarm_id}` takes that back to zero"
        )
    raise TokenBudgetError(f"{swarm_id}: {tokens:,} tokens do not fit; {_room(ledger, swarm_id)}")


def _room(ledger: SessionLedger, swarm_id: str) -> str:
    """Return how much the main window has left to promise, at most, to this swarm."""
    taken = 0
    for other in ledger.swarms.values():
        if not (other.isolated or other.open_ended) and other.swarm_id != swarm_id:
            may_give_way = ledger.config.enable_auto_rebalance
            taken += min(other.minimum, other.allocated) if may_give_way else other.allocated
    left = max(0, ledger.config.pool - taken)
    return (
        f"{left:,} are left to promise (total {ledger.config.total_budget:,}, "
        f"reserve buffer {ledger.config.reserve_buffer:,}, other swarms {taken:,})"
    )


def require_swarm(ledger: SessionLedger, swarm_id: str) -> Swarm:
    """Return a swarm of the ledger.

    Raises:
        TokenBudgetError: it is unknown.
    """
    swarm = ledger.swarms.get(swarm_id)
    if swarm is None:
        raise TokenBudgetError(f"{swarm_id}: no such swarm in this session; known are {', '.join(ledger.swarms)}")
    return swarm
