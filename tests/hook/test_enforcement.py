"""Stopping agents of a spent swarm: only on request, never by accident, and never past what was promised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.harness import Session

from moai_flow.core.codec import _SEAL, _checksum
from moai_flow.core.reservations import take_over
from moai_flow.hook.state import files, paths

if TYPE_CHECKING:
    from pathlib import Path


def configure(session: Session, tokens: int, reserve: int | None = 10_000, enforce: str = "deny", **more: Any) -> None:
    """Limit swarm `backend`, and enforce it."""
    rule = {"limit": tokens, "agents": ["backend*"]}
    rules = {"backend": rule if reserve is None else {**rule, "reserve": reserve}}
    session.configure(swarms=rules, enforce=enforce, **more)


def spawn(session: Session, call: str) -> dict[str, Any]:
    """Return the payload of a call that asks for a `backend`."""
    asked = {"subagent_type": "backend", "prompt": "x"}
    return session.payload("PreToolUse", tool_name="Agent", tool_use_id=call, tool_input=asked)


def eight_at_once(session: Session) -> int:
    """Ask for eight agents at once and let those start that may; return how many that were."""
    calls = [f"toolu_{number}" for number in range(8)]
    replies = session.at_once([spawn(session, call) for call in calls])
    allowed = [call for call, reply in zip(calls, replies, strict=True) if not reply.decision]
    swarm = session.ledger.swarms["backend"]
    assert swarm.consumed + session.reserved() <= swarm.allocated
    starts = [
        session.payload("SubagentStart", agent_id=f"a{number}", agent_type="backend") for number in range(len(allowed))
    ]
    session.at_once(starts)
    ledger = session.ledger
    assert set(ledger.reservations) == {f"a{number}" for number in range(len(allowed))}
    assert ledger.swarms["backend"].reserved == session.reserved() <= ledger.swarms["backend"].allocated
    return len(allowed)


def test_of_eight_at_once_three_start(session: Session) -> None:
    """A budget for three agents starts three of eight that are asked for at once, and promises no token twice."""
    configure(session, 30_000)
    assert eight_at_once(session) == 3
    assert session.reserved() == 30_000


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_of_eight_at_once_three_start_in_fifty_runs(tmp_path: Path) -> None:
    """Fifty times, exactly three."""
    started = []
    for run in range(50):
        session = Session(tmp_path / str(run))
        configure(session, 30_000)
        started.append(eight_at_once(session))
    assert started == [3] * 50


def test_a_spent_swarm_starts_no_agent(session: Session) -> None:
    """The reason says what is left, what agents use, what else can be done, and who can raise the limit."""
    configure(session, 30_000)
    session.finish("a1", 25_000)
    reply = session.ask("toolu_1")
    assert reply["hookEventName"] == "PreToolUse"
    assert reply["permissionDecision"] == "deny"
    assert reply["permissionDecisionReason"] == (
        "Token budget: swarm backend has 5,000 of 30,000 tokens left (25,000 used, 0 reserved for running agents). "
        "Its agents use about 10,000 each. This agent is not started. The work can be done in this conversation or by "
        "an agent of another swarm. The person can raise the limit: token-budget allocate backend TOKENS"
    )
    assert session.reserved() == 0


def test_the_person_can_be_asked(session: Session) -> None:
    """With "ask" the client asks the person; an agent that is let through reserves what there is."""
    configure(session, 30_000, enforce="ask")
    session.finish("a1", 25_000)
    assert session.ask("toolu_1")["permissionDecision"] == "ask"
    session.begin_agent("a2")
    assert session.reserved() == 5_000


def test_the_older_name_of_the_tool_is_stopped_too(session: Session) -> None:
    """Older clients call the tool Task."""
    configure(session, 30_000)
    session.finish("a1", 30_000)
    assert session.ask("toolu_1", tool="Task")["permissionDecision"] == "deny"


def test_without_a_figure_agents_start_until_the_swarm_is_spent(session: Session) -> None:
    """Where nobody knows what an agent will use, only a spent swarm stops one."""
    configure(session, 30_000, reserve=None)
    assert all("permissionDecision" not in session.ask(f"toolu_{number}") for number in range(8))
    session.begin_agent("a1")
    session.work("a1", 31_000)
    assert session.ask("toolu_9")["permissionDecision"] == "deny"


def test_what_agents_used_is_what_the_next_is_expected_to_use(session: Session) -> None:
    """After one agent of 12,000 tokens, a limit of 30,000 has room for one more, not two."""
    configure(session, 30_000, reserve=None)
    session.finish("a1", 12_000)
    assert "permissionDecision" not in session.ask("toolu_1")
    assert session.ask("toolu_2")["permissionDecision"] == "deny"


def test_one_agent_may_always_start_in_an_unused_swarm(session: Session) -> None:
    """A figure above the limit does not close the swarm."""
    configure(session, 8_000)
    assert "permissionDecision" not in session.ask("toolu_1")
    assert session.reserved() == 8_000
    assert session.ask("toolu_2")["permissionDecision"] == "deny"


def test_a_call_that_is_checked_twice_reserves_once(session: Session) -> None:
    """The same call through settings and a plugin gets the same answer, and one reservation."""
    configure(session, 20_000)
    for call in ("toolu_1", "toolu_1", "toolu_2", "toolu_2"):
        assert "permissionDecision" not in session.ask(call)
    assert session.reserved() == 20_000


def test_a_call_is_taken_over_by_the_agent_that_starts(session: Session) -> None:
    """Calls and agents of two types find each other; a call without a type goes to the agent nobody named."""
    configure(session, 60_000)
    session.ask("toolu_1", "backend")
    session.ask("toolu_2", "")
    session.ask("toolu_3", "backend-db")
    session.begin_agent("a3", "backend-db")
    session.begin_agent("a2", "general-purpose")
    session.begin_agent("a1", "backend")
    assert {key: one.agent_type for key, one in session.ledger.reservations.items()} == {
        "a3": "backend-db",
        "a2": "",
        "a1": "backend",
    }
    assert session.reserved() == 20_000


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
def test_a_call_whose_agent_never_starts_gives_its_reservation_back(session: Session, end: dict[str, Any]) -> None:
    """The call failed, or the turn it was made in has ended."""
    configure(session, 30_000)
    session.ask("toolu_1")
    assert session.reserved() == 10_000
    session.event(**end)
    assert session.reserved() == 0


def test_an_agent_that_asked_for_another_takes_the_call_with_it(session: Session) -> None:
    """The main turn's end leaves a call that an agent made; the agent's own stop releases it."""
    configure(session, 90_000)
    session.begin_agent("parent", "lead")
    session.ask("toolu_1", agent_id="parent", agent_type="lead")
    session.event("Stop")
    assert session.reserved() == 10_000
    session.stop_agent("parent", "lead")
    assert session.reserved() == 0


def test_the_model_is_told_before_the_limit(session: Session) -> None:
    """The agent that takes the swarm past 90% starts, and the model hears how little is left."""
    configure(session, 32_000)
    assert session.ask("toolu_1") == session.ask("toolu_2") == {}
    told = session.ask("toolu_3")
    assert "permissionDecision" not in told
    assert told["additionalContext"].startswith("Token budget: swarm backend has 2,000 of 32,000 tokens left")


def test_tools_inside_a_spent_agent_are_stopped_but_not_its_report(session: Session) -> None:
    """An agent past its swarm's limit runs no more tools; what hands its result over still goes."""
    configure(session, 30_000)
    session.begin_agent("a1")
    session.measured(29_000, "a1")
    inside = {"agent_id": "a1", "agent_type": "backend", "tool_input": {}}
    assert session.event("PreToolUse", tool_name="Bash", tool_use_id="toolu_a", **inside) == {}
    session.measured(30_000, "a1")
    reply = session.event("PreToolUse", tool_name="Bash", tool_use_id="toolu_b", **inside)["hookSpecificOutput"]
    assert reply["permissionDecision"] == "deny"
    assert "has used 30,000 of its 30,000 tokens" in reply["permissionDecisionReason"]
    assert session.event("PreToolUse", tool_name="StructuredOutput", tool_use_id="toolu_c", **inside) == {}


def test_an_agent_is_not_stopped_by_its_own_reservation(session: Session) -> None:
    """What was set aside for an agent is what it may use, even if that is all there is."""
    configure(session, 30_000, reserve=30_000)
    session.begin_agent("a1")
    session.measured(9_000, "a1")
    inside = {"agent_id": "a1", "agent_type": "backend", "tool_input": {}}
    assert session.event("PreToolUse", tool_name="Bash", tool_use_id="toolu_a", **inside) == {}


def test_what_is_reserved_to_the_last_token_stops_an_agent_of_which_nothing_is_known(session: Session) -> None:
    """Where all is promised to running agents, another one does not start, whatever it may use."""
    configure(session, 30_000, reserve=30_000)
    session.begin_agent("a1")
    configure(session, 30_000, reserve=0)
    assert session.ask("toolu_1")["permissionDecision"] == "deny"


def test_a_call_that_is_taken_over_is_no_call_any_more(session: Session) -> None:
    """The reservation has one key at a time."""
    configure(session, 30_000)
    session.ask("toolu_1")
    ledger = session.ledger
    (reservation,) = ledger.reservations.values()
    take_over(ledger, reservation, "a1", session.now)
    assert list(ledger.reservations) == [reservation.key] == ["a1"]


def _off(session: Session) -> None:
    configure(session, 30_000, enforce="off")


def _no_settings(session: Session) -> None:
    (session.home / ".config/token-budget/config.json").unlink()


def _broken_settings(session: Session) -> None:
    (session.home / ".config/token-budget/config.json").write_text('{"token_budget": {"enforce": ')


def _wrong_word(session: Session) -> None:
    configure(session, 30_000, enforce="always")


def _held_lock(session: Session) -> int:
    return files.lock(paths.lock_file(str(session.state), session.session), "/nowhere")


def _damaged(session: Session) -> None:
    session.ledger_file.write_text("{")
    session.transcripts.path("a1").unlink()


def _newer(session: Session) -> None:
    body = b'{"version":99,"swarms":[]'
    session.ledger_file.write_bytes(body + _SEAL % _checksum(body))


def _no_state(session: Session) -> None:
    session.env[paths.STATE_VARIABLE] = "relative"


def _read_only(session: Session) -> None:
    session.env[paths.STATE_VARIABLE] = "/proc/self"


ACCIDENTS = [
    pytest.param(change, id=change.__name__.strip("_").replace("_", "-"))
    for change in (
        _off, _no_settings, _broken_settings, _wrong_word, _held_lock, _damaged, _newer, _no_state, _read_only,
    )
]  # fmt: skip


@pytest.mark.parametrize("accident", ACCIDENTS)
def test_nothing_is_stopped_by_accident(session: Session, accident: Any) -> None:
    """Whatever is wrong or unknown, a call to a spent swarm goes through in silence."""
    configure(session, 30_000)
    session.finish("a1", 30_000)
    (before,) = session.at_once([spawn(session, "toolu_0")])
    assert before.decision == "deny"
    held = accident(session)
    try:
        assert session.at_once([spawn(session, "toolu_1")]) == [{}]
    finally:
        if held is not None:
            files.close(held)


def test_a_ledger_built_anew_stops_what_the_old_one_stopped(session: Session) -> None:
    """The agents' transcripts say what their swarm has used; a damaged ledger is no way around a limit."""
    configure(session, 30_000)
    session.finish("a1", 30_000)
    session.ledger_file.write_text("{")
    assert session.ask("toolu_1")["permissionDecision"] == "deny"


INPUTS = [
    pytest.param({"tool_input": None}, id="no-input"),
    pytest.param({"tool_input": {"subagent_type": 7}}, id="type-is-a-number"),
    pytest.param({"tool_input": []}, id="input-is-a-list"),
    pytest.param({"tool_input": {"subagent_type": "unheard-of"}}, id="unknown-type"),
    pytest.param({"tool_input": {"subagent_type": "backend"}, "tool_use_id": ""}, id="no-call-id"),
]


@pytest.mark.parametrize("fields", INPUTS)
def test_a_call_that_is_not_understood_goes_through(session: Session, fields: dict[str, Any]) -> None:
    """A payload of another shape than the client's is no reason to stop anything."""
    configure(session, 30_000)
    session.finish("a1", 30_000)
    fields = {"tool_name": "Agent", "tool_use_id": "toolu_1", **fields}
    assert session.event("PreToolUse", **fields) == {}


def test_a_call_of_no_concern_touches_no_file(session: Session) -> None:
    """A tool of the main window is passed over before a lock is taken, and so is everything with enforcement off."""
    configure(session, 30_000)
    session.event("PreToolUse", tool_name="Bash", tool_use_id="toolu_1", tool_input={})
    configure(session, 30_000, enforce="off")
    session.ask("toolu_2")
    assert not session.state.exists()


def test_the_limits_are_those_of_the_other_hooks(session: Session) -> None:
    """Registered beside the plugin, it is not told its options; it goes by what was in force at the last event."""
    session.configure(enforce="deny")
    session.env["CLAUDE_PLUGIN_OPTION_DEFAULT_SWARM_LIMIT"] = "20000"
    session.event("UserPromptSubmit", prompt="x", prompt_id="p")
    del session.env["CLAUDE_PLUGIN_OPTION_DEFAULT_SWARM_LIMIT"]
    session.ask("toolu_1")
    assert session.ledger.swarms["backend"].allocated == 20_000
