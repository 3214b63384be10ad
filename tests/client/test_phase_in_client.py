"""MoAI-ADK's commands in the real client: the hooks see them as they were typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standin import StandIn, plan_prompt
from support.harness import read_ledger
from test_enforcement_in_client import PLUGIN

from moai_flow.core.phases import phase_status

if TYPE_CHECKING:
    from pathlib import Path

    from driver import Client


def test_a_command_of_the_project_begins_its_phase(client: Client, standin: StandIn, tmp_path: Path) -> None:
    """The prompt's hook is given the command and not what it expands to; the turn's tokens are the phase's."""
    standin.plans["answer"] = [{"text": "done", "ctx": 12_000}]
    folder = client.project / ".claude" / "commands" / "moai"
    folder.mkdir(parents=True)
    (folder / "2-run.md").write_text(plan_prompt("---\ndescription: Run.\n---\nRun $ARGUMENTS.", "answer"))
    result = client.run("/moai:2-run SPEC-001 GREEN", plugin=PLUGIN)
    assert result.final == "done"
    assert phase_status(read_ledger(tmp_path / "state", result.session_id)) == {
        "name": "GREEN",
        "budget": 25_000,
        "consumed": 12_050,
        "available": 12_950,
        "usage_percent": 48.2,
    }
