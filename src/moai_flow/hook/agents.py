"""When agents' reservations begin, move on and end: reserve at the start, draw down, release at the stop.

Pure. An agent is known under two names: before it starts, the tool call that asks for it; from its start, its own
id. Only its type tells which call it came from, so calls of one type are taken in order.
"""

from __future__ import annotations

from moai_flow.core.reservations import SPAWN, Reservation, draw_down, finish, release, reserve, take_over
from moai_flow.hook.attribution import agent_swarm
from moai_flow.hook.payload import (
    POST_TOOL_USE,
    POST_TOOL_USE_FAILURE,
    STOP,
    SUBAGENT_START,
    SUBAGENT_STOP,
    USER_PROMPT_SUBMIT,
    agent_id,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger
    from moai_flow.hook.payload import Event

SPAWNING_TOOLS = ("Agent", "Task")
"""The tool that starts an agent, as clients call it now and did before."""

STALE_SECONDS = 1800.0
"""Seconds without a change after which an agent is taken for dead: three times the longest a shell command may take."""


def follow(ledger: SessionLedger, event: Event, now: float) -> None:
    """Take an event into the reservations, after it was charged.

    Args:
        ledger: the session's ledger.
        event: any event.
        now: seconds since the epoch.
    """
    if event.name == SUBAGENT_START:
        _start(ledger, event.agent, event.agent_type, now)
    elif event.name in (POST_TOOL_USE, POST_TOOL_USE_FAILURE) and event.tool in SPAWNING_TOOLS:
        _answered(ledger, event, now)
    for reservation in list(ledger.reservations.values()):
        draw_down(ledger, reservation, now)
        if now - reservation.at > STALE_SECONDS or _has_ended(reservation, event):
            release(ledger, reservation.key, now)
    if event.name == SUBAGENT_STOP:
        finish(ledger, event.agent, now)


def asked_type(event: Event) -> str:
    """Return the type of agent that a call asks for, "" where it names none."""
    asked = event.tool_input.get("subagent_type") if isinstance(event.tool_input, dict) else None
    return asked if isinstance(asked, str) else ""


def _start(ledger: SessionLedger, agent: str, agent_type: str, now: float) -> None:
    if agent in ledger.reservations:
        return
    asked = [spawn for spawn in ledger.reservations.values() if spawn.key.startswith(SPAWN)]
    for spawn in [spawn for spawn in asked if spawn.agent_type == agent_type] or [
        spawn for spawn in asked if not spawn.agent_type
    ]:
        take_over(ledger, spawn, agent, now)
        return
    window = ledger.windows.get(agent)
    swarm = window.swarm if window is not None else agent_swarm(ledger, agent_type, now).swarm_id
    reserve(ledger, agent, "", agent_type, swarm, now)


def _answered(ledger: SessionLedger, event: Event, now: float) -> None:
    """Follow the answer of a call that asked for an agent.

    An agent in the background has only just started then, or is about to: either event may come first.
    """
    response = event.response if isinstance(event.response, dict) else {}
    agent, spawn = response.get("agentId"), SPAWN + event.call
    if response.get("status") == "async_launched" and isinstance(agent, str) and agent:
        agent = agent_id(agent)
        if agent not in ledger.reservations and spawn in ledger.reservations:
            take_over(ledger, ledger.reservations[spawn], agent, now)
        elif asked_type(event):
            _start(ledger, agent, asked_type(event), now)
        if agent in ledger.reservations:
            ledger.reservations[agent].background = True
    else:
        release(ledger, spawn, now)


def _has_ended(reservation: Reservation, event: Event) -> bool:
    """Return whether the event shows that an agent will not work any more, or never started.

    A turn ends after all the agents it waits for, and an interrupted one takes them with it.
    """
    if reservation.key.startswith(SPAWN):
        return event.name in (STOP, SUBAGENT_STOP, USER_PROMPT_SUBMIT) and reservation.parent == event.agent
    return event.name == USER_PROMPT_SUBMIT and not reservation.background
