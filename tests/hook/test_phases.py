"""MoAI-ADK's phases in a session: begun by a command, shown by status."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moai_flow.core.phases import PHASE_BUDGETS, phase_of, phase_status

if TYPE_CHECKING:
    from support.scene import Scene

PROMPTS = [
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
    """Seven phases from 15,000 to 40,000 tokens."""
    assert PHASE_BUDGETS == {
        "SPEC": 30_000,
        "RED": 25_000,
        "GREEN": 25_000,
        "REFACTOR": 20_000,
        "SYNC": 40_000,
        "DEBUG": 15_000,
        "PLANNING": 35_000,
    }


def submit(scene: Scene, prompt: str, key: str) -> None:
    scene.event("UserPromptSubmit", prompt=prompt, prompt_id=key)


def test_a_phase_counts_what_came_since_it_began(scene: Scene) -> None:
    """From 20,000 tokens at the command to 32,500 the phase has used 12,500 of 25,000."""
    submit(scene, "hello", "p1")
    assert phase_status(scene.ledger) is None
    scene.measured(20_000, ended=True)
    submit(scene, "/moai:2-run SPEC-001 GREEN", "p2")
    scene.measured(32_500, ended=True)
    scene.event("Stop")
    assert phase_status(scene.ledger) == {
        "name": "GREEN",
        "budget": 25_000,
        "consumed": 12_500,
        "available": 12_500,
        "usage_percent": 50.0,
    }


def test_a_prompt_without_a_phase_goes_on_with_the_last(scene: Scene) -> None:
    """What the person says in between belongs to the phase."""
    submit(scene, "/moai:1-plan login", "p1")
    scene.measured(9_000, ended=True)
    submit(scene, "and a logout", "p2")
    submit(scene, "/moai:9-feedback", "p3")
    status = phase_status(scene.ledger)
    assert status is not None
    assert (status["name"], status["consumed"] >= 9_000) == ("SPEC", True)


def test_a_command_whose_hook_runs_twice_begins_once(scene: Scene) -> None:
    """The prompt itself belongs to the phase, however often the hook runs."""
    scene.measured(20_000, ended=True)
    for _ in range(2):
        submit(scene, "/moai:1-plan " + "login " * 50, "p1")
    assert scene.ledger.session is not None
    assert scene.ledger.session.phase_from == 20_000
    status = phase_status(scene.ledger)
    assert status is not None
    assert status["consumed"] > 0


def test_a_new_command_begins_a_new_budget(scene: Scene) -> None:
    """The phase before it is over."""
    submit(scene, "/moai:1-plan login", "p1")
    scene.measured(29_000, ended=True)
    submit(scene, "/moai:2-run SPEC-001", "p2")
    scene.measured(30_000, ended=True)
    scene.event("Stop")
    status = phase_status(scene.ledger)
    assert status is not None
    assert (status["name"], status["consumed"]) == ("RED", 1_000)


def test_a_phase_that_was_compacted_has_used_nothing_less(scene: Scene) -> None:
    """Where the window holds less than when the phase began, the phase has used 0."""
    scene.measured(20_000, ended=True)
    submit(scene, "/moai:3-sync", "p1")
    scene.measured(5_000, ended=True)
    scene.event("Stop")
    status = phase_status(scene.ledger)
    assert status is not None
    assert (status["consumed"], status["available"]) == (0, 40_000)
