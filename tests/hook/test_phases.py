"""MoAI-ADK's phases in a session: begun by a command, shown by status."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moai_flow.core.phases import PHASE_BUDGETS, phase_of, phase_status
from moai_flow.hook.state import settings

if TYPE_CHECKING:
    from support.harness import Session

PROMPTS = [
    pytest.param("/moai:plan 'a login'", "PLAN", id="today's plan"),
    pytest.param("/moai:run SPEC-001", "RUN", id="today's run"),
    pytest.param("/moai:sync SPEC-001", "SYNC", id="today's sync"),
    pytest.param("/moai run SPEC-001", "RUN", id="the same through the skill"),
    pytest.param("/moai  plan login", "PLAN", id="the skill, with two blanks"),
    pytest.param("/moai", "", id="the skill alone"),
    pytest.param("/moai fix this run", "", id="another command of the skill"),
    pytest.param("/moai:0-project", "PLANNING", id="project"),
    pytest.param("/moai:1-plan 'a login'", "SPEC", id="plan"),
    pytest.param("/moai:2-run SPEC-001", "RED", id="run-begins-with-red"),
    pytest.param("/moai:2-run SPEC-001 RED", "RED", id="run-red"),
    pytest.param("/moai:2-run SPEC-001 green", "GREEN", id="run-green"),
    pytest.param("/moai:2-run SPEC-001 REFACTOR", "REFACTOR", id="run-refactor"),
    pytest.param("/moai:3-sync", "SYNC", id="sync"),
    pytest.param("/moai:1-plan a red button", "SPEC", id="a-word-in-a-plan"),
    pytest.param("/moai:9-feedback", "", id="no-phase"),
    pytest.param("/moai:", "", id="no-command"),
    pytest.param("tell me of /moai:1-plan", "", id="not-at-the-start"),
    pytest.param("/moaix:1-plan", "", id="another-command"),
    pytest.param("REFACTOR this", "", id="no-command-at-all"),
    pytest.param("", "", id="empty"),
]


@pytest.mark.parametrize(("prompt", "phase"), PROMPTS)
def test_a_command_begins_a_phase(prompt: str, phase: str) -> None:
    """The command says which; a run may name its step; nothing else begins one."""
    assert phase_of(prompt) == phase


def test_the_budgets_are_the_guides() -> None:
    """The guide's seven phases, and what MoAI-ADK 3 has for its own."""
    assert PHASE_BUDGETS == {
        "PLAN": 30_000,
        "RUN": 180_000,
        "SPEC": 30_000,
        "RED": 25_000,
        "GREEN": 25_000,
        "REFACTOR": 20_000,
        "SYNC": 40_000,
        "DEBUG": 15_000,
        "PLANNING": 35_000,
    }


def submit(session: Session, prompt: str, key: str) -> None:
    session.event("UserPromptSubmit", prompt=prompt, prompt_id=key)


def test_a_phase_counts_what_came_since_it_began(session: Session) -> None:
    """From 20,000 tokens at the command to 32,500 the phase has used 12,500 of 25,000."""
    submit(session, "hello", "p1")
    assert phase_status(session.ledger) is None
    session.measured(20_000, ended=True)
    submit(session, "/moai:2-run SPEC-001 GREEN", "p2")
    session.measured(32_500, ended=True)
    session.event("Stop")
    assert phase_status(session.ledger) == {
        "name": "GREEN",
        "budget": 25_000,
        "consumed": 12_500,
        "available": 12_500,
        "usage_percent": 50.0,
    }


def test_a_prompt_without_a_phase_goes_on_with_the_last(session: Session) -> None:
    """What the person says in between belongs to the phase."""
    submit(session, "/moai:1-plan login", "p1")
    session.measured(9_000, ended=True)
    submit(session, "and a logout", "p2")
    submit(session, "/moai:9-feedback", "p3")
    status = phase_status(session.ledger)
    assert status is not None
    assert (status["name"], status["consumed"] >= 9_000) == ("SPEC", True)


def test_a_command_whose_hook_runs_twice_begins_once(session: Session) -> None:
    """The prompt itself belongs to the phase, however often the hook runs."""
    session.measured(20_000, ended=True)
    for _ in range(2):
        submit(session, "/moai:1-plan " + "login " * 50, "p1")
    assert session.ledger.session is not None
    assert session.ledger.session.phase_from == 20_000
    status = phase_status(session.ledger)
    assert status is not None
    assert status["consumed"] > 0


def test_a_new_command_begins_a_new_budget(session: Session) -> None:
    """The phase before it is over."""
    submit(session, "/moai:1-plan login", "p1")
    session.measured(29_000, ended=True)
    submit(session, "/moai:2-run SPEC-001", "p2")
    session.measured(30_000, ended=True)
    session.event("Stop")
    status = phase_status(session.ledger)
    assert status is not None
    assert (status["name"], status["consumed"]) == ("RED", 1_000)


def test_a_phase_that_was_compacted_has_used_nothing_less(session: Session) -> None:
    """Where the window holds less than when the phase began, the phase has used 0."""
    session.measured(20_000, ended=True)
    submit(session, "/moai:3-sync", "p1")
    session.measured(5_000, ended=True)
    session.event("Stop")
    status = phase_status(session.ledger)
    assert status is not None
    assert (status["consumed"], status["available"]) == (0, 40_000)


def test_a_phases_budget_can_be_set(session: Session) -> None:
    """The settings say what MoAI-ADK's own file says, in capitals or not."""
    session.configure(phase_budgets={"run": 90_000})
    submit(session, "/moai:run SPEC-001", "p1")
    ledger = session.ledger
    ledger.use(settings.recall(ledger.session))
    status = phase_status(ledger)
    assert status is not None
    assert (status["name"], status["budget"]) == ("RUN", 90_000)
