"""Stopping agents of a spent swarm: only on request, never by accident, and never past what was promised."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.scene import Scene

from moai_flow.core.codec import _SEAL, _checksum
from moai_flow.core.reservations import take_over
from moai_flow.hook.state import files, paths

HOOK = Path(__file__).resolve().parents[2] / "hooks" / "hook.py"


def configure(scene: Scene, tokens: int, reserve: int | None = 10_000, enforce: str = "deny", **more: Any) -> None:
    """Limit swarm `backend`, and enforce it."""
    rule = {"limit": tokens, "agents": ["backend*"]}
    rules = {"backend": rule if reserve is None else {**rule, "reserve": reserve}}
    scene.configure(swarms=rules, enforce=enforce, **more)


def at_once(scene: Scene, payloads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Run the hook's real command on all payloads at the same time; return the replies."""
    started = [
        subprocess.Popen(
            [sys.executable, "-I", "-S", str(HOOK)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=scene.environment,
        )
        for _ in payloads
    ]
    for process, payload in zip(started, payloads, strict=True):
        assert process.stdin is not None
        process.stdin.write(json.dumps(payload).encode())
    for process in started:
        assert process.stdin is not None
        process.stdin.close()
    replies = []
    for process in started:
        assert process.stdout is not None
        text = process.stdout.read()
        assert process.wait(30) == 0
        process.stdout.close()
        replies.append(json.loads(text)["hookSpecificOutput"] if text else {})
    return replies


def spawn(scene: Scene, call: str) -> dict[str, Any]:
    """Return the payload of a call that asks for a `backend`."""
    asked = {"subagent_type": "backend", "prompt": "x"}
    return scene.payload("PreToolUse", tool_name="Agent", tool_use_id=call, tool_input=asked)


def eight_at_once(scene: Scene) -> int:
    """Ask for eight agents at once and let those start that may; return how many that were."""
    calls = [f"toolu_{number}" for number in range(8)]
    replies = at_once(scene, [spawn(scene, call) for call in calls])
    allowed = [call for call, reply in zip(calls, replies, strict=True) if "permissionDecision" not in reply]
    swarm = scene.ledger.swarms["backend"]
    assert swarm.consumed + scene.reserved() <= swarm.allocated
    starts = [
        scene.payload("SubagentStart", agent_id=f"a{number}", agent_type="backend") for number in range(len(allowed))
    ]
    at_once(scene, starts)
    ledger = scene.ledger
    assert set(ledger.reservations) == {f"a{number}" for number in range(len(allowed))}
    assert ledger.swarms["backend"].reserved == scene.reserved() <= ledger.swarms["backend"].allocated
    return len(allowed)


def test_of_eight_at_once_three_start(scene: Scene) -> None:
    """A budget for three agents starts three of eight that are asked for at once, and promises no token twice."""
    configure(scene, 30_000)
    assert eight_at_once(scene) == 3
    assert scene.reserved() == 30_000


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_of_eight_at_once_three_start_in_fifty_runs(tmp_path: Path) -> None:
    """Fifty times, exactly three."""
    started = []
    for run in range(50):
        scene = Scene(tmp_path / str(run))
        configure(scene, 30_000)
        started.append(eight_at_once(scene))
    assert started == [3] * 50


def test_a_spent_swarm_starts_no_agent(scene: Scene) -> None:
    """The reason says what is left, what agents use, what else can be done, and who can raise the limit."""
    configure(scene, 30_000)
    scene.finished("a1", 25_000)
    reply = scene.ask("toolu_1")
    assert reply["hookEventName"] == "PreToolUse"
    assert reply["permissionDecision"] == "deny"
    assert reply["permissionDecisionReason"] == (
        "Token budget: swarm backend has 5,000 of 30,000 tokens left (25,000 used, 0 reserved for running agents). "
        "Its agents use about 10,000 each. This agent is not started. The work can be done in this conversation or by "
        "an agent of another swarm. The person can raise the limit: token-budget allocate backend TOKENS"
    )
    assert scene.reserved() == 0


def test_the_person_can_be_asked(scene: Scene) -> None:
    """With "ask" the client asks the person; an agent that is let through reserves what there is."""
    configure(scene, 30_000, enforce="ask")
    scene.finished("a1", 25_000)
    assert scene.ask("toolu_1")["permissionDecision"] == "ask"
    scene.start("a2")
    assert scene.reserved() == 5_000


def test_the_older_name_of_the_tool_is_stopped_too(scene: Scene) -> None:
    """Older clients call the tool Task."""
    configure(scene, 30_000)
    scene.finished("a1", 30_000)
    assert scene.ask("toolu_1", tool="Task")["permissionDecision"] == "deny"


def test_without_a_figure_agents_start_until_the_swarm_is_spent(scene: Scene) -> None:
    """Where nobody knows what an agent will use, only a spent swarm stops one."""
    configure(scene, 30_000, reserve=None)
    assert all("permissionDecision" not in scene.ask(f"toolu_{number}") for number in range(8))
    scene.start("a1")
    scene.work("a1", 31_000)
    assert scene.ask("toolu_9")["permissionDecision"] == "deny"


def test_what_agents_used_is_what_the_next_is_expected_to_use(scene: Scene) -> None:
    """After one agent of 12,000 tokens, a limit of 30,000 has room for one more, not two."""
    configure(scene, 30_000, reserve=None)
    scene.finished("a1", 12_000)
    assert "permissionDecision" not in scene.ask("toolu_1")
    assert scene.ask("toolu_2")["permissionDecision"] == "deny"


def test_one_agent_may_always_start_in_an_unused_swarm(scene: Scene) -> None:
    """A figure above the limit does not close the swarm."""
    configure(scene, 8_000)
    assert "permissionDecision" not in scene.ask("toolu_1")
    assert scene.reserved() == 8_000
    assert scene.ask("toolu_2")["permissionDecision"] == "deny"


def test_a_call_that_is_checked_twice_reserves_once(scene: Scene) -> None:
    """The same call through settings and a plugin gets the same answer, and one reservation."""
    configure(scene, 20_000)
    for call in ("toolu_1", "toolu_1", "toolu_2", "toolu_2"):
        assert "permissionDecision" not in scene.ask(call)
    assert scene.reserved() == 20_000


def test_a_call_is_taken_over_by_the_agent_that_starts(scene: Scene) -> None:
    """Calls and agents of two types find each other; a call without a type goes to the agent nobody named."""
    configure(scene, 60_000)
    scene.ask("toolu_1", "backend")
    scene.ask("toolu_2", "")
    scene.ask("toolu_3", "backend-db")
    scene.start("a3", "backend-db")
    scene.start("a2", "general-purpose")
    scene.start("a1", "backend")
    assert {key: one.agent_type for key, one in scene.ledger.reservations.items()} == {
        "a3": "backend-db",
        "a2": "",
        "a1": "backend",
    }
    assert scene.reserved() == 20_000


ENDS = [
    pytest.param({"name": "Stop"}, id="turn-ends"),
    pytest.param({"name": "UserPromptSubmit", "prompt": "x", "prompt_id": "p"}, id="interrupted"),
    pytest.param(
        {
            "name": "PostToolUseFailure",
            "tool_name": "Agent",
            "tool_use_id": "toolu_1",
            "tool_input": {"subagent_type": "backend"},
            "error": "no",
        },
        id="call-failed",
    ),
]


@pytest.mark.parametrize("end", ENDS)
def test_a_call_whose_agent_never_starts_gives_its_reservation_back(scene: Scene, end: dict[str, Any]) -> None:
    """The call failed, or the turn it was made in has ended."""
    configure(scene, 30_000)
    scene.ask("toolu_1")
    assert scene.reserved() == 10_000
    scene.event(**end)
    assert scene.reserved() == 0


def test_an_agent_that_asked_for_another_takes_the_call_with_it(scene: Scene) -> None:
    """The main turn's end leaves a call that an agent made; the agent's own stop releases it."""
    configure(scene, 90_000)
    scene.start("parent", "lead")
    scene.ask("toolu_1", agent_id="parent", agent_type="lead")
    scene.event("Stop")
    assert scene.reserved() == 10_000
    scene.stop("parent", "lead")
    assert scene.reserved() == 0


def test_the_model_is_told_before_the_limit(scene: Scene) -> None:
    """The agent that takes the swarm past 90% starts, and the model hears how little is left."""
    configure(scene, 32_000)
    assert scene.ask("toolu_1") == scene.ask("toolu_2") == {}
    told = scene.ask("toolu_3")
    assert "permissionDecision" not in told
    assert told["additionalContext"].startswith("Token budget: swarm backend has 2,000 of 32,000 tokens left")


def test_tools_inside_a_spent_agent_are_stopped_but_not_its_report(scene: Scene) -> None:
    """An agent past its swarm's limit runs no more tools; what hands its result over still goes."""
    configure(scene, 30_000)
    scene.start("a1")
    scene.measured(29_000, "a1")
    inside = {"agent_id": "a1", "agent_type": "backend", "tool_input": {}}
    assert scene.event("PreToolUse", tool_name="Bash", tool_use_id="toolu_a", **inside) == {}
    scene.measured(30_000, "a1")
    reply = scene.event("PreToolUse", tool_name="Bash", tool_use_id="toolu_b", **inside)["hookSpecificOutput"]
    assert reply["permissionDecision"] == "deny"
    assert "has used 30,000 of its 30,000 tokens" in reply["permissionDecisionReason"]
    assert scene.event("PreToolUse", tool_name="StructuredOutput", tool_use_id="toolu_c", **inside) == {}


def test_an_agent_is_not_stopped_by_its_own_reservation(scene: Scene) -> None:
    """What was set aside for an agent is what it may use, even if that is all there is."""
    configure(scene, 30_000, reserve=30_000)
    scene.start("a1")
    scene.measured(9_000, "a1")
    inside = {"agent_id": "a1", "agent_type": "backend", "tool_input": {}}
    assert scene.event("PreToolUse", tool_name="Bash", tool_use_id="toolu_a", **inside) == {}


def test_what_is_reserved_to_the_last_token_stops_an_agent_of_which_nothing_is_known(scene: Scene) -> None:
    """Where all is promised to running agents, another one does not start, whatever it may use."""
    configure(scene, 30_000, reserve=30_000)
    scene.start("a1")
    configure(scene, 30_000, reserve=0)
    assert scene.ask("toolu_1")["permissionDecision"] == "deny"


def test_a_call_that_is_taken_over_is_no_call_any_more(scene: Scene) -> None:
    """The reservation has one key at a time."""
    configure(scene, 30_000)
    scene.ask("toolu_1")
    ledger = scene.ledger
    (reservation,) = ledger.reservations.values()
    take_over(ledger, reservation, "a1", scene.now)
    assert list(ledger.reservations) == [reservation.key] == ["a1"]


def _off(scene: Scene) -> None:
    configure(scene, 30_000, enforce="off")


def _no_settings(scene: Scene) -> None:
    (scene.home / ".config/token-budget/config.json").unlink()


def _broken_settings(scene: Scene) -> None:
    (scene.home / ".config/token-budget/config.json").write_text('{"token_budget": {"enforce": ')


def _wrong_word(scene: Scene) -> None:
    configure(scene, 30_000, enforce="always")


def _held_lock(scene: Scene) -> None:
    scene.held = files.lock(paths.lock_file(str(scene.state), scene.session), "/nowhere")


def _damaged(scene: Scene) -> None:
    Path(paths.ledger_file(str(scene.state), scene.session)).write_text("{")


def _newer(scene: Scene) -> None:
    path = Path(paths.ledger_file(str(scene.state), scene.session))
    body = b'{"version":99,"swarms":[]'
    path.write_bytes(body + _SEAL % _checksum(body))


def _no_state(scene: Scene) -> None:
    scene.environment[paths.STATE_VARIABLE] = "relative"


def _read_only(scene: Scene) -> None:
    scene.environment[paths.STATE_VARIABLE] = "/proc/self"


ACCIDENTS = [
    pytest.param(change, id=change.__name__.strip("_").replace("_", "-"))
    for change in (
        _off, _no_settings, _broken_settings, _wrong_word, _held_lock, _damaged, _newer, _no_state, _read_only,
    )
]  # fmt: skip


@pytest.mark.parametrize("accident", ACCIDENTS)
def test_nothing_is_stopped_by_accident(scene: Scene, accident: Any) -> None:
    """Whatever is wrong or unknown, a call to a spent swarm goes through in silence."""
    configure(scene, 30_000)
    scene.finished("a1", 30_000)
    (before,) = at_once(scene, [spawn(scene, "toolu_0")])
    assert before["permissionDecision"] == "deny"
    accident(scene)
    try:
        assert at_once(scene, [spawn(scene, "toolu_1")]) == [{}]
    finally:
        if scene.held >= 0:
            files.close(scene.held)


INPUTS = [
    pytest.param({"tool_input": None}, id="no-input"),
    pytest.param({"tool_input": {"subagent_type": 7}}, id="type-is-a-number"),
    pytest.param({"tool_input": []}, id="input-is-a-list"),
    pytest.param({"tool_input": {"subagent_type": "unheard-of"}}, id="unknown-type"),
    pytest.param({"tool_input": {"subagent_type": "backend"}, "tool_use_id": ""}, id="no-call-id"),
]


@pytest.mark.parametrize("fields", INPUTS)
def test_a_call_that_is_not_understood_goes_through(scene: Scene, fields: dict[str, Any]) -> None:
    """A payload of another shape than the client's is no reason to stop anything."""
    configure(scene, 30_000)
    scene.finished("a1", 30_000)
    fields = {"tool_name": "Agent", "tool_use_id": "toolu_1", **fields}
    assert scene.event("PreToolUse", **fields) == {}


def test_a_call_of_no_concern_touches_no_file(scene: Scene) -> None:
    """A tool of the main window is passed over before a lock is taken, and so is everything with enforcement off."""
    configure(scene, 30_000)
    scene.event("PreToolUse", tool_name="Bash", tool_use_id="toolu_1", tool_input={})
    configure(scene, 30_000, enforce="off")
    scene.ask("toolu_2")
    assert not scene.state.exists()


def test_the_limits_are_those_of_the_other_hooks(scene: Scene) -> None:
    """Registered beside the plugin, it is not told its options; it goes by what was in force at the last event."""
    scene.configure(enforce="deny")
    scene.environment["CLAUDE_PLUGIN_OPTION_DEFAULT_SWARM_LIMIT"] = "20000"
    scene.event("UserPromptSubmit", prompt="x", prompt_id="p")
    del scene.environment["CLAUDE_PLUGIN_OPTION_DEFAULT_SWARM_LIMIT"]
    scene.ask("toolu_1")
    assert scene.ledger.swarms["backend"].allocated == 20_000
