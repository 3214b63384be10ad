"""The swarm that a command names, or an error that names those there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moai_flow.resource.errors import TokenBudgetError

if TYPE_CHECKING:
    from moai_flow.resource.ledger import Ledger
    from moai_flow.resource.swarm import Swarm


def require(ledger: Ledger, swarm_id: str) -> Swarm:
    """Return a swarm of the ledger.

    Raises:
        TokenBudgetError: it is unknown.
    """
    swarm = ledger.swarms.get(swarm_id)
    if swarm is None:
        raise TokenBudgetError(f"{swarm_id}: no such swarm in this session; known are {', '.join(ledger.swarms)}")
    return swarm
