"""Which swarm an event belongs to."""

from __future__ import annotations

from typing import Any

import pytest

from moai_flow.core.ledger import SessionLedger
from moai_flow.core.session import Session
from moai_flow.hook.attribution import agent_swarm, tool_swarm
from moai_flow.hook.payload import Event
from moai_flow.resource import BudgetConfig

RULES = {
    "backend": {"limit": 60_000, "agents": ["backend*"], "paths": ["services/**"]},
    "research": {"limit": 120_000, "agents": ["Explore", "Plan"]},
    "docs": {"paths": ["**/*.md"]},
}


def ledger(**settings: Any) -> SessionLedger:
    """Return an empty ledger with the rules above."""
    return SessionLedger(BudgetConfig(swarms=RULES, **settings), Session("s"))


@pytest.mark.parametrize(
    ("agent_type", "swarm", "limit"),
    [
        pytest.param("backend", "backend", 60_000, id="the rule's own name"),
        pytest.param("backend-api", "backend", 60_000, id="a glob"),
        pytest.param("Explore", "research", 120_000, id="one of several"),
        pytest.param("frontend", "frontend", 50_000, id="no rule: named after its type"),
        pytest.param("docs", "docs", 50_000, id="a rule without agents, by its name"),
        pytest.param("my agent\x1b[31m", "my-agent--31m", 50_000, id="a name that is not safe to print"),
        pytest.param("main", "main.agents", 50_000, id="never the main window's"),
        pytest.param("x" * 10_000, "x" * 64, 50_000, id="a long name"),
    ],
)
def test_a_subagents_tokens_belong_to_the_swarm_of_its_type(agent_type: str, swarm: str, limit: int) -> None:
    """Rules come first, then the type itself; the swarm is isolated."""
    found = agent_swarm(ledger(), agent_type, 0.0)
    assert (found.swarm_id, found.allocated, found.isolated) == (swarm, limit, True)


@pytest.mark.parametrize(
    ("tool_input", "swarm"),
    [
        pytest.param({"file_path": "/p/services/api/app.py"}, "backend", id="below a folder"),
        pytest.param({"file_path": "services/app.py"}, "backend", id="relative"),
        pytest.param({"file_path": "./services/./app.py"}, "backend", id="with dots"),
        pytest.param({"path": "/p/services"}, "backend", id="a search in the folder"),
        pytest.param({"notebook_path": "/p/guide/a.md"}, "docs", id="in any folder"),
        pytest.param({"file_path": "/p/web/app.ts"}, "main", id="no rule"),
        pytest.param({"file_path": "/other/services/app.py"}, "main", id="outside the project"),
        pytest.param({"file_path": "/p/x/../services/app.py"}, "main", id="a way back"),
        pytest.param({"file_path": "/p/services/" + "x" * 600}, "main", id="a path that is too long"),
        pytest.param({"command": "cat services/app.py"}, "main", id="a command"),
        pytest.param({"file_path": 5}, "main", id="no path"),
        pytest.param(None, "main", id="no input"),
    ],
)
def test_a_tools_tokens_belong_to_the_swarm_of_its_file(tool_input: object, swarm: str) -> None:
    """In the main thread the file that a tool touches tells the swarm, which is shared."""
    event = Event({"session_id": "s", "hook_event_name": "PostToolUse", "tool_name": "Read", "tool_input": tool_input})
    found = tool_swarm(ledger(), event, "/p", 0.0)
    assert (found.swarm_id, found.isolated) == (swarm, False)


def test_a_swarm_of_both_kinds_is_two() -> None:
    """Whichever comes second stands beside the first: a subagent's window and the main one are different figures."""
    one = ledger()
    agent = agent_swarm(one, "backend", 0.0)
    event = Event({"session_id": "s", "hook_event_name": "PostToolUse", "tool_input": {"file_path": "services/a"}})
    tool = tool_swarm(one, event, "/p", 0.0)
    assert (agent.swarm_id, agent.isolated, tool.swarm_id, tool.isolated) == ("backend", True, "backend.main", False)
    assert tool_swarm(one, event, "/p", 0.0) is tool


def test_one_pool_has_one_kind() -> None:
    """With `"subagents": "shared"` a rule's agents and files count together."""
    one = ledger(subagents="shared")
    agent = agent_swarm(one, "backend", 0.0)
    event = Event({"session_id": "s", "hook_event_name": "PostToolUse", "tool_input": {"file_path": "services/a"}})
    assert tool_swarm(one, event, "/p", 0.0) is agent
