"""MoAI-ADK's phases: their budgets, which one a command begins, and what a session's phase has used. Pure."""

from __future__ import annotations

from moai_flow.core.swarm import MAIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from moai_flow.core.ledger import SessionLedger

PLAN, RUN = "PLAN", "RUN"
SPEC, RED, GREEN, REFACTOR = "SPEC", "RED", "GREEN", "REFACTOR"
SYNC, DEBUG, PLANNING = "SYNC", "DEBUG", "PLANNING"

PHASE_BUDGETS = {
    PLAN: 30_000,
    RUN: 180_000,
    SPEC: 30_000,
    RED: 25_000,
    GREEN: 25_000,
    REFACTOR: 20_000,
    SYNC: 40_000,
    DEBUG: 15_000,
    PLANNING: 35_000,
}
"""Tokens of each phase: of MoAI-ADK 3's commands, as its `workflow.token_budget` has them, and of the guide's."""

COMMAND = "/moai:"
"""How MoAI-ADK's commands begin; its skill is called by `SKILL` and the command's name."""

SKILL = "/moai"

_PHASE_OF = {
    "plan": PLAN,
    "run": RUN,
    "sync": SYNC,
    "0-project": PLANNING,
    "1-plan": SPEC,
    "2-run": RED,
    "3-sync": SYNC,
}
_OF_A_RUN = (RED, GREEN, REFACTOR, DEBUG)


def phase_of(prompt: str) -> str:
    """Return the phase that a prompt begins, "" if it is no command or one without a phase.

    `/moai:run SPEC-001` and `/moai run SPEC-001` are MoAI-ADK 3's commands; the numbered ones are the guide's. There, a
    run begins with the failing test, unless it names another step: `/moai:2-run SPEC-001 GREEN`.
    """
    words = prompt.split(None, 20)
    if words[:1] == [SKILL]:
        words = [COMMAND + word for word in words[1:2]] + words[2:]
    if not words or not words[0].startswith(COMMAND):
        return ""
    phase = _PHASE_OF.get(words[0][len(COMMAND) :], "")
    if phase == RED:
        for word in words[1:]:
            if word.upper() in _OF_A_RUN:
                return word.upper()
    return phase


def begin_phase(ledger: SessionLedger, phase: str, occupancy: int) -> None:
    """Let a session's phase begin where its main window holds `occupancy` tokens."""
    ledger.session.phase = phase
    ledger.session.phase_from = occupancy


def phase_status(ledger: SessionLedger) -> dict[str, Any] | None:
    """Return the name, budget and consumption (tokens) of a session's phase; None if no command has begun one.

    A phase has consumed what came into the main window since it began; what a compaction removed is not missed.
    """
    session, window = ledger.session, ledger.windows.get(MAIN)
    if session.phase not in PHASE_BUDGETS:
        return None
    budget = ledger.config.phase_budgets.get(session.phase, PHASE_BUDGETS[session.phase])
    consumed = max(0, window.tokens - session.phase_from) if window is not None else 0
    return {
        "name": session.phase,
        "budget": budget,
        "consumed": consumed,
        "available": max(0, budget - consumed),
        "usage_percent": consumed * 100.0 / budget,
    }
