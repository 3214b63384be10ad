"""Why a call is stopped by a limit of spend, in words for the model. Pure.

Loaded only where calls may be stopped and a limit of spend is set.
"""

from __future__ import annotations

from moai_flow.core.spend.figures import WHOLE
from moai_flow.core.spend.notices import figures_text
from moai_flow.core.spend.projection import committed, expected_spend, left_for_agents, limits_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger
    from moai_flow.core.spend.figures import Spend


def stopped_spawn(ledger: SessionLedger, spend: Spend, swarm_id: str, agents: int) -> str:
    """Return why agents of a swarm do not start, "" where their expected spend fits every limit.

    Args:
        ledger: the session's ledger.
        spend: what it was billed, up to date.
        swarm_id: the swarm.
        agents: how many are asked for; 0 where nothing tells, which one agent's room is enough for.
    """
    for name in limits_of(spend, swarm_id):
        left = left_for_agents(ledger, spend, name)
        expected = expected_spend(spend, swarm_id, name)
        needed = expected * max(1, agents)
        if left <= 0 or needed > left:
            many = (
                f"{agents} agents are expected to spend about" if agents > 1 else "An agent is expected to spend about"
            )
            use = f" {many} {needed:,}." if needed else ""
            return (
                f"Token budget: {_whose(name)} has spent {figures_text(spend, name)}; {max(0, left):,} are left beside "
                f"what running agents are expected to spend.{use} No agent is started by this call. "
                "The person can raise the limit in the settings."
            )
    return ""


def stopped_inside(ledger: SessionLedger, spend: Spend, swarm_id: str) -> str:
    """Return why a tool inside an agent is not run, "" where every limit has room for one more request each."""
    for name in limits_of(spend, swarm_id):
        if committed(ledger, spend, name) >= spend.limits[name].tokens:
            return (
                f"Token budget: {_whose(name)} has spent {figures_text(spend, name)}. This tool call is not made. "
                "An answer with what is known so far needs no tool and is not stopped."
            )
    return ""


def _whose(name: str) -> str:
    return "the whole" if name == WHOLE else f"swarm {name}"
