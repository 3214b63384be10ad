"""What a limit of spend leaves for agents: those that run, and those that are asked for. Pure."""

from __future__ import annotations

from moai_flow.core.reservations import SPAWN
from moai_flow.core.spend.figures import WHOLE
from moai_flow.core.spend.limits import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger
    from moai_flow.core.spend.figures import Spend


def limits_of(spend: Spend, swarm_id: str) -> list[str]:
    """Return the names of the limits that a swarm's spend counts against: its own, and that of all together."""
    return [name for name in (swarm_id, WHOLE) if name in spend.limits]


def committed(ledger: SessionLedger, spend: Spend, name: str) -> int:
    """Return what was spent of a limit, with one more request of each agent that runs: the one that ends its work.

    The transcript shows a request only after it was answered, and a stopped agent makes one more to say what it has.
    """
    # An agent whose first request is under way makes one as large as those of its swarm.
    usual: dict[str, int] = {}
    for key, (swarm, _) in spend.agents.items():
        usual[swarm] = max(usual.get(swarm, 0), spend.last_request.get(key, 0))
    ahead = sum(
        [
            spend.last_request.get(key) or 2 * usual.get(reservation.swarm, 0)
            for key, reservation in ledger.reservations.items()
            if name in (WHOLE, reservation.swarm)
        ]
    )
    return spend.spent(name) + (ahead if spend.limits[name].count == "billed" else 0)


def expected_spend(spend: Spend, swarm_id: str, name: str) -> int:
    """Return what one agent of a swarm is expected to spend of a limit: the (upper) median of those before it.

    0 where no agent of the swarm was billed yet.
    """
    count = spend.limits[name].count
    used = sorted(
        [counted(figures, count, spend.weights) for swarm, figures in spend.agents.values() if swarm == swarm_id]
    )
    return used[len(used) // 2] if used else 0


def left_for_agents(ledger: SessionLedger, spend: Spend, name: str) -> int:
    """Return what a limit leaves for agents that are still to start, below 0 where it is passed.

    What running agents, and those that were asked for, are expected to spend yet is set aside.
    """
    limit = spend.limits[name]
    aside = 0
    for key, reservation in ledger.reservations.items():
        if name in (WHOLE, reservation.swarm):
            expected = expected_spend(spend, reservation.swarm, name)
            _, figures = spend.agents.get(key, ("", [0] * 6))
            so_far = 0 if key.startswith(SPAWN) else counted(figures, limit.count, spend.weights)
            aside += max(expected - so_far, spend.last_request.get(key, 0) if limit.count == "billed" else 0)
    return limit.tokens - spend.spent(name) - aside
