"""Stopping agents of a swarm whose budget is spent, for those who asked for it. Pure.

Loaded at PreToolUse alone, which is registered only on request. The decision is made under the session's lock, so
that calls made in parallel are decided one after another, each with what the others were promised in view. Whatever is
not certain is allowed, by saying nothing.
"""

from __future__ import annotations

from moai_flow.core.reservations import SPAWN, expected, reserve
from moai_flow.hook.agents import SPAWNING_TOOLS, asked_type
from moai_flow.hook.attribution import agent_swarm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from moai_flow.core.ledger import SessionLedger
    from moai_flow.core.swarm import Swarm
    from moai_flow.hook.payload import Event

OFF = "off"

WORKFLOW = "Workflow"
"""The tool whose script starts agents; they cause no PreToolUse when they start, so the call itself is judged."""

SOFT_PERCENT = 90.0
"""Percent of an allocation, used and reserved, from which the model is notified at each new agent."""

DEFAULT_TYPE = "general-purpose"
"""The agent that the client starts where a call names none."""

REPORTING_TOOLS = frozenset({"StructuredOutput", "SendMessage", "TodoWrite"})
"""Tools by which an agent hands its result over; they bring nothing into its window."""


def may_concern(event: Event, layers: Iterable[tuple[str, Mapping[str, Any]]]) -> bool:
    """Return whether a tool call can be stopped at all: enforcement is on, and it starts or is made by an agent."""
    if not any(settings.get("enforce", OFF) != OFF for _, settings in layers):
        return False
    return event.tool in (*SPAWNING_TOOLS, WORKFLOW) or (bool(event.agent) and event.tool not in REPORTING_TOOLS)


class Decision:
    """What is answered to a tool call that is about to be made.

    Attributes:
        permission: "ask" or "deny", "" where the call is left to the client and the text is a fact for the model.
        text: the reason, or the fact.
    """

    __slots__ = ("permission", "text")

    def __init__(self, permission: str, text: str) -> None:
        self.permission = permission
        self.text = text


def decide(ledger: SessionLedger, event: Event, now: float) -> Decision | None:
    """Return what is answered to a tool call that is about to be made, None to leave it to the client.

    A call that starts an agent reserves what the agent is expected to use.

    Args:
        ledger: the session's ledger, measured just now.
        event: PreToolUse of a call that `may_concern`.
        now: seconds since the epoch.
    """
    decision = ledger.config.enforce
    if decision == OFF or not event.call:
        return None
    if event.agent:
        swarm = ledger.swarms[ledger.windows[event.agent].swarm]
        if _is_spent(swarm):
            return Decision(decision, _stopped_inside(swarm))
        if ledger.spend is not None and event.tool not in (*SPAWNING_TOOLS, WORKFLOW):
            # Imported here: only where a limit of spend is set.
            from moai_flow.hook.spend_caps import stopped_inside

            reason = stopped_inside(ledger, ledger.spend, swarm.swarm_id)
            if reason:
                return Decision(decision, reason)
    if event.tool == WORKFLOW:
        return _decide_workflow(ledger, event, decision, now)
    return _decide_spawn(ledger, event, decision, now) if event.tool in SPAWNING_TOOLS else None


def _decide_workflow(ledger: SessionLedger, event: Event, decision: str, now: float) -> Decision | None:
    """Judge a Workflow call by the agents that its script starts, else by what is left."""
    # Imported here: few sessions call it.
    from moai_flow.hook.workflow import agents_of

    calls, types = agents_of(event.tool_input)
    for agent_type in types:
        swarm = agent_swarm(ledger, agent_type, now)
        needed = expected(ledger, swarm.swarm_id) * (calls if len(types) == 1 else 1)
        if _is_limited(swarm) and (_is_spent(swarm, swarm.reserved) or needed > swarm.available):
            return Decision(decision, _stopped_spawn(swarm, needed))
        reason = _spend_reason(ledger, swarm, calls if len(types) == 1 else 1)
        if reason:
            return Decision(decision, reason)
    return None


def _spend_reason(ledger: SessionLedger, swarm: Swarm, agents: int) -> str:
    """Return why no more agents of a swarm start, by the limits of spend; "" where they may."""
    if ledger.spend is None:
        return ""
    from moai_flow.hook.spend_caps import stopped_spawn

    return stopped_spawn(ledger, ledger.spend, swarm.swarm_id, agents)


def _decide_spawn(ledger: SessionLedger, event: Event, decision: str, now: float) -> Decision | None:
    key, agent_type = SPAWN + event.call, asked_type(event)
    if key in ledger.reservations:
        return None
    swarm = agent_swarm(ledger, agent_type or DEFAULT_TYPE, now)
    needed = expected(ledger, swarm.swarm_id)
    # One agent may always start in a swarm that nothing was used of, whatever its agents are expected to use.
    is_unused = not swarm.consumed and not swarm.reserved
    if _is_limited(swarm) and (_is_spent(swarm, swarm.reserved) or (needed > swarm.available and not is_unused)):
        return Decision(decision, _stopped_spawn(swarm, needed))
    reason = _spend_reason(ledger, swarm, 1)
    if reason:
        return Decision(decision, reason)
    reserve(ledger, key, event.agent, agent_type, swarm.swarm_id, now)
    promised = swarm.consumed + swarm.reserved
    if _is_limited(swarm) and promised * 100.0 >= swarm.allocated * SOFT_PERCENT:
        return Decision("", f"{_figures(swarm)} This agent can start; the next may not.")
    return None


def _is_limited(swarm: Swarm) -> bool:
    """Return whether somebody set a limit: without one there is nothing to enforce."""
    return swarm.has_limit and not swarm.open_ended


def _is_spent(swarm: Swarm, reserved: int = 0) -> bool:
    return _is_limited(swarm) and swarm.consumed + reserved >= swarm.allocated


def _figures(swarm: Swarm) -> str:
    return (
        f"Token budget: swarm {swarm.swarm_id} has {swarm.available:,} of {swarm.allocated:,} tokens left "
        f"({swarm.consumed:,} used, {swarm.reserved:,} reserved for running agents)."
    )


def _stopped_spawn(swarm: Swarm, needed: int) -> str:
    use = f" Its agents use about {needed:,} each." if needed else ""
    waiting = " Waiting for its running agents may free what they do not use." if swarm.reserved else ""
    return (
        f"{_figures(swarm)}{use} This agent is not started. The work can be done in this conversation or by an agent "
        f"of another swarm.{waiting} The person can raise the limit: token-budget allocate {swarm.swarm_id} TOKENS"
    )


def _stopped_inside(swarm: Swarm) -> str:
    return (
        f"Token budget: swarm {swarm.swarm_id} has used {swarm.consumed:,} of its {swarm.allocated:,} tokens. This "
        "tool call is not made. An answer with what is known so far needs no tool and is not stopped. "
        f"The person can raise the limit: token-budget allocate {swarm.swarm_id} TOKENS"
    )
