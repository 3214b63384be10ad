"""Whatever happens, in whatever order and however often: what is promised fits, and nothing stays promised."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from moai_flow.core import codec, opening
from moai_flow.core.config import BudgetConfig
from moai_flow.core.window import Measurement
from moai_flow.hook import attribution, charge
from moai_flow.hook.agents import STALE_SECONDS, follow
from moai_flow.hook.attribution import agent_swarm
from moai_flow.hook.enforcement import decide
from moai_flow.hook.payload import Event

if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger

AGENTS, CALLS, TYPES = ("a1", "a2", "a3", "a4"), ("c1", "c2", "c3", "c4"), ("backend", "docs")
CONFIG = BudgetConfig(
    enforce="deny", swarms={"backend": {"limit": 30_000, "reserve": 10_000}, "docs": {"limit": 9_000}}
)

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["ask", "start", "grow", "stop", "failed", "answered", "launched", "prompt", "turn-ends", "wait"]
        ),
        st.sampled_from(AGENTS),
        st.sampled_from(CALLS),
        st.sampled_from(TYPES),
        st.integers(100, 20_000),
    ),
    max_size=40,
)


def event(name: str, **fields: Any) -> Event:
    return Event({"hook_event_name": name, "session_id": "s", **fields})


def step(ledger: SessionLedger, what: tuple[str, str, str, str, int], now: float) -> None:
    """Let one thing happen, as a hook takes it."""
    kind, agent, call, agent_type, tokens = what
    inside = {"agent_id": agent, "agent_type": agent_type}
    asks = {"tool_name": "Agent", "tool_use_id": call, "tool_input": {"subagent_type": agent_type}}
    happened = {
        "ask": event("PreToolUse", **asks),
        "start": event("SubagentStart", **inside),
        "grow": event("PostToolUse", tool_name="Bash", **inside),
        "stop": event("SubagentStop", **inside),
        "failed": event("PostToolUseFailure", **asks, error="no"),
        "answered": event("PostToolUse", **asks, tool_response={"status": "completed", "agentId": agent}),
        "launched": event("PostToolUse", **asks, tool_response={"status": "async_launched", "agentId": agent}),
        "prompt": event("UserPromptSubmit", prompt="x"),
        "turn-ends": event("Stop"),
    }.get(kind)
    if happened is None:
        return
    if happened.agent:
        window = attribution.agent_window(ledger, agent, agent_type, now)
        if kind == "grow":
            size = window.transcript_bytes + 1
            measured = Measurement(window.occupancy + tokens, 10, f"m{now}", size, transcript_bytes=size)
            charge.observe(ledger, window, measured, now)
    follow(ledger, happened, now)
    if kind == "ask":
        decide(ledger, happened, now)


def promised(ledger: SessionLedger) -> dict[str, int]:
    """Return what the reservations of each swarm have left."""
    left = dict.fromkeys(ledger.swarms, 0)
    for reservation in ledger.reservations.values():
        left[reservation.swarm] += reservation.left
        assert 0 <= reservation.left <= reservation.tokens
    return left


def figures(ledger: SessionLedger) -> dict[str, tuple[int, int]]:
    return {name: (swarm.consumed, swarm.reserved) for name, swarm in ledger.swarms.items()}


@settings(max_examples=300, deadline=None)
@given(steps=STEPS)
def test_what_is_promised_fits_at_every_step(steps: list[tuple[str, str, str, str, int]]) -> None:
    """The sum is right, a new promise fits, a step that runs twice changes nothing, and bytes bring all of it back."""
    ledger = opening.begin("s", CONFIG, 0.0)
    for agent_type in TYPES:
        agent_swarm(ledger, agent_type, 0.0)
    for number, what in enumerate(steps):
        now = float(number)
        before = {name: swarm.reserved for name, swarm in ledger.swarms.items()}
        step(ledger, what, now)
        assert {name: swarm.reserved for name, swarm in ledger.swarms.items()} == promised(ledger)
        for name, swarm in ledger.swarms.items():
            assert swarm.reserved <= before[name] or swarm.consumed + swarm.reserved <= swarm.allocated
        once = figures(ledger)
        if what[0] != "grow":
            step(ledger, what, now)
            assert figures(ledger) == once, json.dumps(what)
        ledger = codec.decode(codec.encode(ledger), CONFIG)
        assert figures(ledger) == once


@settings(max_examples=100, deadline=None)
@given(steps=STEPS)
def test_nothing_stays_promised(steps: list[tuple[str, str, str, str, int]]) -> None:
    """Half an hour after the last event the next one finds every reservation released."""
    ledger = opening.begin("s", CONFIG, 0.0)
    for number, what in enumerate(steps):
        step(ledger, what, float(number))
    follow(ledger, event("Stop"), len(steps) + STALE_SECONDS + 1)
    assert ledger.reservations == {}
    assert all(swarm.reserved == 0 for swarm in ledger.swarms.values())
