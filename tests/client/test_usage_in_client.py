"""Billed usage of the real client's sessions, against what the stand-in answered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from standin import StandIn, plan_prompt

if TYPE_CHECKING:
    from pathlib import Path

    from driver import Client

CLASSES = ("requests", "input", "cache_write_5m", "cache_write_1h", "cache_read", "output")


def usage(number: int) -> dict[str, Any]:
    """Return a usage of its own for each request; both lifetimes of cache writes are in it."""
    return {
        "input_tokens": number,
        "cache_creation_input_tokens": 3_000 + number,
        "cache_creation": {"ephemeral_5m_input_tokens": 1_000, "ephemeral_1h_input_tokens": 2_000 + number},
        "cache_read_input_tokens": 10_000 + number,
        "output_tokens": 50 + number,
    }


def bash(number: int) -> dict[str, Any]:
    return {"text": "now", "tool": "Bash", "input": {"command": "sleep 0.2; echo ok"}, "usage": usage(number)}


def done(number: int) -> dict[str, Any]:
    return {"text": "done", "usage": usage(number)}


def agent(kind: str, prompt: str) -> list[Any]:
    return ["Agent", {"description": kind, "subagent_type": kind, "run_in_background": False, "prompt": prompt}]


def shown(client: Client, *arguments: str) -> dict[str, Any]:
    """Return what `token-budget usage --json` says of the client's home."""
    command = [sys.executable, "-m", "moai_flow.cli", "usage", "--json", *arguments]
    state = {"TOKEN_BUDGET_STATE_DIR": str(client.home / "kept")}
    environment = {"PATH": os.environ["PATH"], "HOME": str(client.home), **state}
    ended = subprocess.run(command, env=environment, cwd=client.project, capture_output=True, text=True, check=True)
    return dict(json.loads(ended.stdout))


def billed(numbers: list[int]) -> dict[str, int]:
    """Return the truth of some requests."""
    total = sum(numbers)
    many = len(numbers)
    figures = (many, total, 1_000 * many, 2_000 * many + total, 10_000 * many + total, 50 * many + total)
    return dict(zip(CLASSES, figures, strict=True))


@pytest.fixture
def ended(client: Client, standin: StandIn) -> Client:
    """A session with agents of three types, one of them in a workflow, that was resumed once."""
    for name in ("backend", "frontend"):
        client.write_agent(name)
    backend = plan_prompt("work", [bash(101), bash(102), done(103)])
    frontend = plan_prompt("work", [bash(201), done(202)])
    part = plan_prompt("part", "part")
    standin.plans["part"] = [bash(301), done(302)]
    meta = "{name: 'parts', description: 'A part', phases: [{title: 'Work'}]}"
    script = f"export const meta = {meta}\nphase('Work')\nreturn await parallel([() => agent({json.dumps(part)})])\n"
    steps = [
        {"tools": [agent("backend", backend), agent("frontend", frontend)], "usage": usage(1)},
        {"tool": "Workflow", "input": {"script": script}, "usage": usage(2)},
        {"tool": "Bash", "input": {"command": "sleep 3; echo waited"}, "usage": usage(3)},
        done(4),
        done(5),
    ]
    first = client.run(plan_prompt("work", steps))
    client.run(plan_prompt("go on", [bash(6), done(7)]), "--resume", first.session_id)
    return client


def test_the_bill_of_every_swarm_is_the_truth(ended: Client, standin: StandIn) -> None:
    """Each class of each swarm, from the transcripts that the client wrote; nothing is counted twice."""
    answered = [received.usage["input_tokens"] for received in standin.turns]
    expected = {
        "main": billed([number for number in answered if number < 100]),
        "backend": billed([101, 102, 103]),
        "frontend": billed([201, 202]),
        "workflow-subagent": billed([301, 302]),
    }
    found = shown(ended, "--by", "swarm")
    assert found["by"] == expected
    assert found["totals"] == billed(answered)
    assert shown(ended, "--by", "swarm") == found
    project = str(ended.project)
    assert shown(ended, "--by", "project")["by"] == {project: found["totals"]}


def test_the_transcripts_are_left_alone(ended: Client) -> None:
    """They are read, and nothing is written beside them."""

    def state(folder: Path) -> dict[str, tuple[int, int]]:
        status = {str(path): path.stat() for path in folder.rglob("*")}
        return {path: (one.st_size, one.st_mtime_ns) for path, one in status.items()}

    before = state(ended.home / ".claude")
    shown(ended)
    assert state(ended.home / ".claude") == before
