"""MoAI-ADK's own loader, version 0.41.2, with the budgets: .ci/long.d/moai-adk.sh runs this, the suite does not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from moai_adk.core.jit_context_loader import (  # type: ignore[import-untyped,unused-ignore]
    JITContextLoader,
    Phase,
    PhaseDetector,
)

from moai_flow.core.phases import PHASE_BUDGETS
from moai_flow.resource import TokenBudget, jit

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project as the current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def the_guides_example() -> TokenBudget:
    """Run the guide's integration pattern as it is written there."""
    # Initialize both systems
    jit_loader = JITContextLoader()
    token_budget = TokenBudget()

    # Allocate swarm budget
    swarm_id = "swarm-implementation"
    token_budget.allocate_swarm(swarm_id, 60000)

    # Load context for specific phase
    user_input = "/moai:2-run SPEC-001 RED"
    context_data, metrics = await jit_loader.load_context(
        user_input=user_input,
        conversation_history=[],
        context={"spec_id": "SPEC-001"}
    )  # fmt: skip

    # Track token consumption
    phase_tokens = metrics.token_count
    if token_budget.consume(swarm_id, phase_tokens):
        print(f"Phase consumed {phase_tokens} tokens")  # noqa: T201 - the guide's

        # Check if warning needed
        should_warn, message = token_budget.should_warn(swarm_id)
        if should_warn:
            print(f"⚠️  {message}")  # noqa: T201 - the guide's
    else:
        print("❌ Insufficient tokens for phase")  # noqa: T201 - the guide's
    assert isinstance(context_data, dict)
    return token_budget


def test_the_guides_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty project is 1,000 tokens, which leave 59,000 of 60,000."""
    budget = asyncio.run(the_guides_example())
    assert budget.get_balance("swarm-implementation") == 59_000
    assert capsys.readouterr().out.splitlines() == ["Phase consumed 1000 tokens"]


def test_the_phases_and_their_budgets_are_the_loaders() -> None:
    """Should another version change them, this says so."""
    detector = PhaseDetector()
    loaders = {phase.name: detector.get_phase_config(phase).max_tokens for phase in Phase}
    # The others are of MoAI-ADK 3, which is another program.
    assert loaders == {name: tokens for name, tokens in PHASE_BUDGETS.items() if name not in ("PLAN", "RUN")}


def test_phase_budgets_count_a_cache_hit_once() -> None:
    """The loader repeats the count for a hit; the swarm pays once, and another swarm for itself."""

    async def work() -> tuple[list[Any], TokenBudget, jit.PhaseBudget]:
        budget = TokenBudget()
        for swarm in ("one", "two"):
            budget.allocate_swarm(swarm, 60_000)
        phases, loader = jit.PhaseBudget(budget), jit.get_loader()
        assert isinstance(loader, JITContextLoader)
        prompt, context = "/moai:2-run SPEC-001 RED", {"spec_id": "SPEC-001"}
        loads = [await phases.load(swarm, loader, prompt, context=context) for swarm in ("one", "one", "two", "two")]
        return [metrics for _, metrics in loads], budget, phases

    metrics, budget, phases = asyncio.run(work())
    assert [(one.token_count, one.cache_hit) for one in metrics] == [(1_000, number > 0) for number in range(4)]
    assert budget.get_balance("one") == budget.get_balance("two") == 59_000
    status = phases.get_status("one")
    assert status is not None
    assert (status["name"], status["consumed"]) == ("SPEC", 1_000)


def test_documents_of_a_project_are_charged(project: Path) -> None:
    """What the loader reads into the context is what the swarm pays for."""
    spec = project / ".moai" / "specs" / "SPEC-001" / "spec.md"
    spec.parent.mkdir(parents=True)
    spec.write_text("# Login\n\n" + "The user signs in with a name and a password.\n" * 200)

    async def work() -> tuple[Any, TokenBudget]:
        budget = TokenBudget()
        budget.allocate_swarm("one", 60_000)
        phases = jit.PhaseBudget(budget)
        prompt = "write test, make it fail, failing test, red phase"
        _, metrics = await phases.load("one", jit.get_loader(), prompt, context={"spec_id": "SPEC-001"})
        return metrics, budget

    metrics, budget = asyncio.run(work())
    assert (metrics.phase, metrics.docs_loaded) == ("red", 1)
    assert metrics.token_count > 1_000
    assert budget.get_balance("one") == 60_000 - metrics.token_count
