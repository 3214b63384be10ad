"""Caps on what a swarm may be billed, in the real client: whatever starts its agents."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from driver import hook_settings
from standin import StandIn, plan_prompt

if TYPE_CHECKING:
    from driver import Client

PLUGIN = Path(__file__).resolve().parents[2]
COMMAND = shlex.join([sys.executable, "-I", "-S", str(PLUGIN / "hooks" / "hook.py")])
LIMIT = 300_000
REQUEST = 20_050
AGENTS = 50
REQUESTS_PAST = 3
"""Requests of each agent past the limit at most: the one whose call runs before the transcript shows it, where a busy
machine writes it too late, and the answer. A workflow's agent that starts when all is spent makes both, too."""

REFUSED = "This tool call is not made"


def prompt(spawner: str, standin: StandIn) -> str:
    """Return a prompt whose model starts fifty agents of swarm `backend`, each of which would make six requests."""
    bash = {"tool": "Bash", "input": {"command": "sleep 0.3"}, "ctx": REQUEST - 50}
    steps = [{**bash, "ctx": REQUEST - 50} for _ in range(5)]
    standin.plans["part"] = [*steps, {"text": "part", "ctx": REQUEST - 50}]
    part = plan_prompt("part", "part")
    behind = spawner == "background"
    task = {"description": "b", "subagent_type": "backend", "run_in_background": behind, "prompt": part}
    # Ten at a time, as a model does that waits for some before it asks for more.
    rounds: list[dict[str, Any]] = [{"tools": [["Agent", task]] * 10, "ctx": 30_000} for _ in range(AGENTS // 10)]
    if behind:
        rounds.append({"tool": "Bash", "input": {"command": "sleep 6"}, "ctx": 31_000})
    if spawner == "nested":
        standin.plans["lead"] = [*rounds, {"text": "led"}]
        lead = {"description": "l", "subagent_type": "general-purpose", "run_in_background": False}
        rounds = [{"tool": "Agent", "input": {**lead, "prompt": plan_prompt("lead", "lead")}, "ctx": 30_000}]
    if spawner == "workflow":
        meta = "{name: 'parts', description: 'Parts', phases: [{title: 'Work'}]}"
        each = f"() => agent({json.dumps(part)}, {{agentType: 'backend'}})"
        calls = f"parallel(Array.from({{length: {AGENTS}}}, () => {each}))"
        script = f"export const meta = {meta}\nphase('Work')\nreturn await {calls}\n"
        rounds = [
            {"tool": "Workflow", "input": {"script": script}, "ctx": 30_000},
            {"tool": "Bash", "input": {"command": "sleep 12"}, "ctx": 31_000},
        ]
    return plan_prompt("work", [*rounds, {"text": "all done"}])


@pytest.mark.timeout(180)
@pytest.mark.parametrize("spawner", ["agent", "background", "nested", "workflow"])
def test_a_cap_on_spend_holds(client: Client, standin: StandIn, spawner: str) -> None:
    """Past the limit, at most three of six requests of each agent that was running; the session ends as it should."""
    path = client.home / ".config" / "token-budget" / "config.json"
    path.parent.mkdir(parents=True)
    rules = {"backend": {"agents": ["backend"], "spend": LIMIT}}
    path.write_text(json.dumps({"token_budget": {"swarms": rules, "enforce": "deny"}}))
    client.write_agent("backend")
    result = client.run(
        prompt(spawner, standin), plugin=PLUGIN, settings=hook_settings(COMMAND, ["PreToolUse"]), seconds=120
    )
    assert result.code == 0
    assert result.final in ("all done", "done")
    made = [turn for turn in standin.turns if "You work on backend" in json.dumps(turn.body.get("system"))]
    # The scripted model calls the next tool whatever it is told; one that answers makes one request after a refusal.
    heeded = [turn for turn in made if turn.text.count(REFUSED) <= 1]
    billed = sum(sum(turn.usage[name] for name in turn.usage if name.endswith("_tokens")) for turn in heeded)
    agents = len(list(client.projects.glob("*/subagents/**/agent-*.jsonl"))) - (spawner == "nested")
    assert len(heeded) < len(made)
    assert LIMIT / 2 <= billed <= LIMIT + REQUESTS_PAST * agents * REQUEST, f"{agents} agents, {len(heeded)} requests"
