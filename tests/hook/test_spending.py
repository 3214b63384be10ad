"""Limits of spend in hooks: what was billed is counted once, notices come once, other sessions count."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from support.harness import Session
from support.recordings import Recording, recordings

from moai_flow.core import codec
from moai_flow.core.config import BudgetConfig
from moai_flow.core.errors import ConfigError
from moai_flow.core.spend.figures import Spend
from moai_flow.core.spend.limits import counted
from moai_flow.core.spend.status import headroom, spend_status
from moai_flow.hook.workflow import agents_of
from moai_flow.usage.places import find_transcripts
from moai_flow.usage.session import read_session

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


def backend(limit: int | str, **more: object) -> dict[str, object]:
    """Return settings that limit what swarm `backend` may be billed."""
    return {"swarms": {"backend": {"spend": {"limit": limit, **more}, "agents": ["backend*"]}}}


def spent(session: Session, name: str) -> int:
    spend = session.ledger.spend
    assert spend is not None
    return spend.spent(name)


def test_an_agent_that_reads_its_window_again_is_warned_about(session: Session) -> None:
    """Occupancy stays at 40,000; each request is billed again. The sentence names the period."""
    session.configure(**backend("100K"))
    session.begin_agent("a1")
    replies = [session.work("a1", 40_000 + number) for number in range(2)]
    assert replies[0].to_model == ""
    assert replies[1].to_model == (
        "WARNING: Swarm backend at 80.0% of its spend (80,001 of 100,000 tokens in this session)"
    )
    assert session.event("Stop").to_person.endswith("(80,001 of 100,000 tokens in this session)")
    assert session.event("Stop").to_person == ""
    assert session.work("a1", 40_003).to_model.startswith("CRITICAL: Swarm backend at 120.0% of its spend")
    assert headroom(session.ledger) == 0.0


def test_the_whole_has_a_limit_of_its_own(session: Session) -> None:
    """The main window and the agents count against it together."""
    session.configure(spend="1M")
    session.measured(500_000)
    session.event("Stop")
    session.begin_agent("a1")
    session.measured(300_000, "a1")
    session.stop_agent("a1")
    reply = session.event("UserPromptSubmit", prompt="go on", prompt_id="p2")
    assert reply.to_person.startswith("WARNING: Global") or "WARNING: Spend at 80.0% of its limit" in reply.to_person
    assert "(800,000 of 1,000,000 tokens in this session)" in reply.to_person


def test_without_a_limit_nothing_is_read_or_said(session: Session) -> None:
    """The ledger has no spend then."""
    session.measured(100_000)
    assert session.event("Stop") == {}
    assert session.ledger.spend is None
    assert spend_status(session.ledger) is None
    assert headroom(session.ledger) == 1.0


def test_figures_of_other_sessions_count_in_a_period(session: Session) -> None:
    """Each states its own; one that runs twice states the same again."""
    session.configure(spend={"limit": 1_000_000, "per": "day"})
    other = session.beside("other-session")
    other.measured(400_000, ended=True)
    other.event("Stop")
    other.event("Stop")
    session.measured(390_000, ended=True)
    reply = session.event("Stop")
    assert "WARNING: Spend at 79.0% of its limit (790,000 of 1,000,000 tokens today)" in reply.to_person


def test_a_clock_that_was_set_back_repeats_no_notice() -> None:
    """A later period arms a notice; an earlier one does not."""
    from moai_flow.core.spend.limits import SpendLimit  # noqa: PLC0415 - of this test alone
    from moai_flow.core.spend.notices import due_to_person  # noqa: PLC0415 - of this test alone

    spend = Spend()
    spend.limits = {"": SpendLimit(100, "day")}
    said = []
    for begin in (1_000, 1_000, 500, 1_000, 2_000):
        spend.begins = {"day": begin}
        spend.blocks = {3_000: {"main": [1, 80, 0, 0, 0, 0]}}
        said.append(len(due_to_person(spend)))
    assert said == [1, 0, 0, 1, 1]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"limit": 0}, id="nothing"),
        pytest.param({"limit": "much"}, id="no-number"),
        pytest.param({"limit": 5, "per": "year"}, id="no-period"),
        pytest.param({"limit": 5, "count": "all"}, id="no-count"),
        pytest.param({"limit": 5, "of": 1}, id="unknown-key"),
        pytest.param({}, id="empty"),
        pytest.param(True, id="flag"),
    ],
)
def test_a_limit_that_makes_no_sense_is_not_used(value: object) -> None:
    """The library refuses it, a session names it and goes on."""
    with pytest.raises(ConfigError, match="spend"):
        BudgetConfig(spend=value)
    config, problems = BudgetConfig.merged([("user config", {"spend": value})])
    assert config.spend is None
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("count", "tokens"), [("billed", 15_000), ("fresh", 11_000), ("output", 5_000), ("weighted", 34_900)]
)
def test_a_limit_counts_what_it_says(count: str, tokens: int) -> None:
    """1,000 of input, 2,000 and 3,000 written, 4,000 read, 5,000 of output; weights are relative prices."""
    assert counted([1, 1_000, 2_000, 3_000, 4_000, 5_000], count) == tokens


@pytest.mark.parametrize("recording", recordings(), ids=str)
def test_sums_of_a_session_are_the_truth(recording: Recording) -> None:
    """Error 0 for each window, whatever the order in which the files are read in small steps, and read twice."""
    truth: dict[str, int] = {}
    for request in recording.requests:
        usage = request.usage
        total = sum(usage[name] for name in usage if name.endswith("_tokens") and isinstance(usage[name], int))
        truth[request.window] = truth.get(request.window, 0) + total
    found: dict[str, int] = {}
    files = find_transcripts([str(recording.folder)])
    for name in {transcript.session for transcript in files}:
        spend = Spend()
        own = sorted([one for one in files if one.session == name], key=lambda one: bool(one.agent))
        for _ in range(3):
            sources = [(one.agent or "main", one.path, {one.agent or name: 1}) for one in own]
            read_session(spend, sources, name, 0.0, main="main")
        for key, figures in spend.sums.items():
            found[key] = found.get(key, 0) + sum(figures[1:])
    helpers = [key for key in found if key.startswith("acompact-")]
    for key in helpers:
        if key not in truth:
            del found[key]
    assert found == truth


def test_a_ledger_keeps_what_was_counted(session: Session) -> None:
    """Encoded and decoded, it counts on where it was."""
    session.configure(**backend(10_000_000))
    session.begin_agent("a1")
    session.work("a1", 30_000)
    ledger = session.ledger
    again = codec.decode_session(codec.encode(ledger), BudgetConfig())
    assert again.spend is not None
    assert ledger.spend is not None
    assert again.spend.to_row() == ledger.spend.to_row()
    session.work("a1", 30_100)
    assert spent(session, "backend") == 60_100


def test_a_file_that_is_rewritten_counts_nothing_twice(session: Session, tmp_path: Path) -> None:
    """It is read from its beginning; what was counted is known."""
    session.configure(spend="10M")
    session.measured(30_000)
    session.event("Stop")
    copied = tmp_path / "copy"
    shutil.copy(session.transcript, copied)
    copied.replace(session.transcript)
    session.measured(31_000)
    session.event("Stop")
    assert spent(session, "") == 61_000


def test_a_spent_swarm_starts_no_agent_whatever_asks(session: Session) -> None:
    """Agent, Task and Workflow; another swarm's agents start."""
    session.configure(enforce="deny", **backend(100_000))
    session.begin_agent("a1")
    session.work("a1", 99_000)
    session.stop_agent("a1")
    assert session.ask("t1")["permissionDecision"] == "deny"
    assert session.ask("t2", tool="Task")["permissionDecision"] == "deny"
    assert "permissionDecision" not in session.ask("t3", "frontend")
    script = "export const meta = {}\nawait agent('x', {agentType: 'backend'})"
    for tool_input, decision in (({"script": script}, "deny"), ({"script": "await agent('x')"}, "")):
        reply = session.event("PreToolUse", tool_name="Workflow", tool_use_id="t4", tool_input=tool_input)
        assert reply.decision == decision


def test_a_tool_in_a_spent_swarm_is_not_run(session: Session) -> None:
    """Room for one more request is kept, by which the agent says what it has."""
    session.configure(enforce="deny", **backend(100_000))
    session.begin_agent("a1")
    session.work("a1", 40_000)
    call = {"agent_id": "a1", "agent_type": "backend", "tool_name": "Bash", "tool_use_id": "t", "tool_input": {}}
    assert session.event("PreToolUse", **call).decision == ""
    session.work("a1", 41_000)
    assert session.event("PreToolUse", **call).decision == "deny"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("await agent('a'); await agent('b')", (2, ["workflow-subagent"]), id="counted"),
        pytest.param("await agent('a', {agentType: 'x'})", (1, ["x"]), id="typed"),
        pytest.param("await parallel(LIST.map(i => () => agent(i)))", (0, ["workflow-subagent"]), id="repeated"),
        pytest.param("", (0, ["workflow-subagent"]), id="no-script"),
    ],
)
def test_what_a_workflow_starts_is_read_from_its_script(script: str, expected: tuple[int, list[str]]) -> None:
    """Where a loop hides the number, it is unknown."""
    assert agents_of({"script": script}) == expected


def test_a_fork_is_charged_what_it_adds(session: Session) -> None:
    """Its transcript begins with a copy of its parent's last message, whose window it took over."""
    session.configure(swarms={"fork": {"limit": 20_000}})
    session.measured(121_000)
    session.begin_agent("a1", "fork")
    path = session.window("a1", "fork").path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"type": "fork-context-ref", "agentId": "a1"}) + "\n")
    session.measured(121_000, "a1")
    session.measured(126_000, "a1", ended=True)
    session.stop_agent("a1", "fork")
    assert session.ledger.swarms["fork"].consumed == 5_000


@pytest.mark.parametrize("is_late", [pytest.param(False, id="known-at-once"), pytest.param(True, id="known-later")])
def test_rules_follow_a_teammate_s_type(session: Session, *, is_late: bool) -> None:
    """The client tells its name as its type; three of 37,050 are 111,150 of one swarm, whenever the type is known."""
    session.configure(swarms={"backend": {"limit": 40_000}})
    for name in ("ada", "bob", "eve"):
        agent = f"a{name}-1f2e3d"
        note = session.transcript.with_suffix("") / "subagents" / f"agent-{agent}.meta.json"
        note.parent.mkdir(parents=True, exist_ok=True)
        if not is_late:
            note.write_text(json.dumps({"agentType": name, "spawnedAgentType": "backend"}))
        session.begin_agent(agent, name)
        session.work(agent, 20_000, name)
        note.write_text(json.dumps({"agentType": name, "spawnedAgentType": "backend"}))
        session.work(agent, 37_000, name)
    swarms = session.ledger.swarms
    assert set(swarms) == {"main", "backend"}
    assert 111_000 <= swarms["backend"].consumed < 112_000
