"""Quiet mode in the real client: the same notices at the same events, and figures that are exact at the end."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from driver import client_version
from standin import StandIn, plan_prompt

from moai_flow.cli.client import entry_points, registration
from moai_flow.core import codec
from moai_flow.core.config import BudgetConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from driver import Client, Result

PLUGIN = Path(__file__).resolve().parents[2]
CALLS = 50
FIRST, EACH = 20_000, 3_400
"""Tokens at the first call, and what each call brings: 150,000 and 180,000 are crossed within the turn."""


def turn(client: Client) -> Result:
    """Run a turn of 50 calls that crosses both thresholds."""
    # It takes longer than the client takes to write the message that called it to the transcript.
    command = {"command": "sleep 0.2; echo ok"}
    steps: list[dict[str, Any]] = [
        {"tool": "Bash", "input": command, "ctx": FIRST + number * EACH} for number in range(CALLS)
    ]
    steps.append({"text": "done", "ctx": FIRST + CALLS * EACH})
    return client.run(plan_prompt("work", steps), plugin=PLUGIN, seconds=120)


def events_that_spoke(standin: StandIn) -> list[tuple[int, str]]:
    """Return (number of the request, notice) for each notice that the model received, at its first request."""
    found: list[tuple[int, str]] = []
    for number, request in enumerate(standin.turns):
        for word in ("WARNING: Global token usage", "CRITICAL: Global token usage"):
            if word in request.text and word not in [what for _, what in found]:
                found.append((number, word))
    return found


def test_messages_arrive_at_the_same_events_as_without_it(make_client: Callable[..., Client], tmp_path: Path) -> None:
    """A turn of 50 calls that crosses 150,000 and 180,000: what the person and the model receive, and when."""
    received: dict[bool, Any] = {}
    for quiet in (False, True):
        with StandIn() as standin:
            state = tmp_path / f"state-{quiet}"
            env = {
                "TOKEN_BUDGET_QUIET": str(quiet).lower(),
                "TOKEN_BUDGET_TOTAL_BUDGET": "200000",
                "TOKEN_BUDGET_STATE_DIR": str(state),
                "PATH": f"{Path(os.path.realpath(sys.executable)).parent}:{os.environ['PATH']}",
            }
            client = make_client(standin, name=f"c{quiet:d}", env=env)
            result = turn(client)
            assert result.code == 0
            assert len(standin.turns) == CALLS + 1, "a hook started the turn again"
            said = [line.partition("Global")[0] for line in result.messages_for_person]
            if client_version(client.binary) >= "2.1.300":
                assert len(said) == 2
            received[quiet] = (events_that_spoke(standin), said)
            [ledger] = (state / "sessions").glob("*.json")
            held = codec.decode_session(ledger.read_bytes(), BudgetConfig())
            assert held.windows["main"].tokens == FIRST + CALLS * EACH + 50
            assert len(held.session.turns) == 1
            assert list((state / "flights").glob("*") if quiet else []) == []
    assert received[True] == received[False]
    assert len(received[True][0]) == 2


def test_a_package_that_was_removed_disturbs_no_session(client: Client, tmp_path: Path) -> None:
    """What `install` registered stays silent: no error anywhere, and the prompt reaches the model."""
    hooks = {}
    for event in entry_points.EVENTS:
        command = entry_points.command(event)
        command[command.index("hook") - 1] = str(tmp_path / "gone" / "run")
        hooks[event] = [{"hooks": [registration.hook_of(command)]}]
    result = client.run(plan_prompt("work", [{"text": "fine", "ctx": 9_000}]), settings={"hooks": hooks})
    assert (result.code, result.final, result.errors) == (0, "fine", "")
    assert "hook" not in json.dumps([line for line in result.lines if line.get("subtype") == "notification"])


@pytest.mark.parametrize("tool", [pytest.param("Read", id="tool"), pytest.param("Bash", id="shell")])
def test_a_session_far_from_every_threshold_hears_nothing(client: Client, standin: StandIn, tool: str) -> None:
    """Nothing of a hook that runs beside it reaches the model, not even its first line."""
    file = client.project / "notes.txt"
    file.write_text("a line\n")
    given = {"file_path": str(file)} if tool == "Read" else {"command": "echo ok"}
    steps = [{"tool": tool, "input": given, "ctx": 20_000 + number} for number in range(6)]
    result = client.run(plan_prompt("work", [*steps, {"text": "done", "ctx": 21_000}]), plugin=PLUGIN)
    assert result.messages_for_person == []
    assert '"async"' not in standin.turns[-1].text
    assert "Global token usage" not in standin.turns[-1].text
