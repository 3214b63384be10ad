"""The event log: every settlement and notice, one line each, and nothing that anybody wrote."""

from __future__ import annotations

import json
import os
import stat
import sys
from typing import TYPE_CHECKING, Any

import pytest
from support.metering import play
from support.recordings import recordings

from moai_flow.hook.state import event_log
from moai_flow.hook.state.event_log import append

if TYPE_CHECKING:
    from pathlib import Path

    from support.harness import Session
    from support.recordings import Recording

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="hooks run on POSIX")


def lines(state: Path) -> list[dict[str, Any]]:
    """Return the objects of the log, the older file's first."""
    found = []
    for name in ("events.jsonl.1", "events.jsonl"):
        path = state / name
        if path.exists():
            found += [json.loads(line) for line in path.read_text().splitlines()]
    return found


def of_type(session: Session, kind: str) -> list[dict[str, Any]]:
    return [line for line in lines(session.state) if line["type"] == kind]


def test_nobody_gets_a_log_unasked(session: Session) -> None:
    """Without `event_log` there is no file."""
    session.measured(160_000)
    assert session.event("UserPromptSubmit", prompt="x", prompt_id="p")
    assert not (session.state / "events.jsonl").exists()


def test_a_settlement_is_a_line(session: Session) -> None:
    """It says when, in which session and hook, whose, how many tokens, and what the swarm has then."""
    session.configure(event_log=True)
    session.measured(20_000, ended=True)
    session.event("Stop")
    (line,) = lines(session.state)
    assert line == {
        "time": session.now,
        "type": "settle",
        "swarm": "main",
        "tokens": 20_000,
        "consumed": 20_000,
        "reserved": 0,
        "allocated": 0,
        "session": session.session,
        "hook": "Stop",
    }


def test_a_hook_that_runs_twice_logs_what_happened_once(session: Session) -> None:
    """The second run changes nothing, so it has nothing to log."""
    session.configure(event_log=True)
    session.measured(160_000, ended=True)
    session.event("Stop")
    before = lines(session.state)
    session.event("Stop")
    assert lines(session.state) == before


def test_a_notice_is_a_line_for_each_reader(session: Session) -> None:
    """The person and the model are notified of the budget; an agent of its swarm, and the person later."""
    session.configure(event_log=True, swarms={"backend": {"limit": 50_000}})
    session.measured(155_000)
    session.event("UserPromptSubmit", prompt="x", prompt_id="p")
    session.begin_agent("a1")
    session.work("a1", 46_000)
    session.event("UserPromptSubmit", prompt="y", prompt_id="q")
    notices = [
        (line["to"], line["about"], line.get("swarm", ""), line.get("level"), line.get("agent", ""))
        for line in of_type(session, "notice")
    ]
    assert notices == [
        ("person", "budget", "", "warning", ""),
        ("model", "budget", "", "warning", ""),
        ("model", "swarm", "backend", "critical", "a1"),
        ("person", "swarm", "backend", "critical", ""),
    ]


def test_the_life_of_an_agent_is_in_the_log(session: Session) -> None:
    """Reserved at its start, settled as it works, released at its stop."""
    session.configure(event_log=True, swarms={"backend": {"limit": 50_000, "reserve": 10_000}})
    session.finish("a1", 4_000)
    assert [(line["type"], line["tokens"], line["agent"]) for line in lines(session.state)] == [
        ("reserve", 10_000, "a1"),
        ("settle", 4_000, "a1"),
        ("release", 6_000, "a1"),
    ]


def test_a_call_that_was_stopped_is_in_the_log(session: Session) -> None:
    """The decision and the call that it was about."""
    session.configure(event_log=True, enforce="deny", swarms={"backend": {"limit": 30_000}})
    session.finish("a1", 30_000)
    session.ask("toolu_1")
    (line,) = of_type(session, "decision")
    assert (line["decision"], line["call"], line["hook"]) == ("deny", "toolu_1", "PreToolUse")


def test_other_things_that_are_said_leave_a_line_without_their_words(session: Session) -> None:
    """That the person was told of a bad setting, not what."""
    session.configure(event_log=True, total_budget="many")
    session.event("UserPromptSubmit", prompt="x", prompt_id="p")
    (line,) = of_type(session, "notice")
    assert (line["to"], line["about"]) == ("person", "other")
    assert "many" not in json.dumps(line)


WRITTEN = "correct-horse-battery"


def test_nothing_that_people_or_tools_wrote_is_logged(session: Session) -> None:
    """Prompts, commands, results and replies leave numbers behind."""
    session.configure(event_log=True, total_budget=20_000)
    session.event("UserPromptSubmit", prompt=WRITTEN * 5_000, prompt_id="p")
    session.event(
        "PostToolUse",
        tool_name=WRITTEN,
        tool_use_id="toolu_1",
        tool_input={"command": WRITTEN},
        tool_response=WRITTEN,
    )
    session.measured(30_000)
    session.event("Stop", last_assistant_message=WRITTEN)
    text = (session.state / "events.jsonl").read_text()
    assert text
    assert WRITTEN not in text


def test_the_file_is_private_and_each_line_whole(session: Session) -> None:
    """0600, ASCII, one object a line."""
    session.configure(event_log=True)
    session.measured(20_000)
    session.event("Stop")
    path = session.state / "events.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().isascii()
    assert path.read_bytes().endswith(b"}\n")


def _link(path: Path, elsewhere: Path) -> None:
    path.symlink_to(elsewhere)


def _second_name(path: Path, elsewhere: Path) -> None:
    os.link(elsewhere, path)


def _fifo(path: Path, elsewhere: Path) -> None:  # noqa: ARG001 - one signature for all
    os.mkfifo(path)


def _folder(path: Path, elsewhere: Path) -> None:  # noqa: ARG001 - one signature for all
    path.mkdir()


IN_THE_WAY = [pytest.param(one, id=one.__name__.strip("_")) for one in (_link, _second_name, _fifo, _folder)]


@pytest.mark.parametrize("put", IN_THE_WAY)
def test_what_stands_in_the_way_is_left_alone_and_costs_no_notice(session: Session, tmp_path: Path, put: Any) -> None:
    """Nothing is written through a link or into something that is no file; the notice is given all the same."""
    session.configure(event_log=True)
    session.state.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    put(session.state / "events.jsonl", elsewhere)
    session.measured(160_000)
    reply = session.event("UserPromptSubmit", prompt="x", prompt_id="p")
    assert "WARNING" in reply["systemMessage"]
    assert elsewhere.read_text() == "mine"


def test_a_full_file_is_kept_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files, neither above the cap, and the newest lines are there, in order and whole."""
    monkeypatch.setattr(event_log, "MAX_BYTES", 2_000)
    for number in range(200):
        append(str(tmp_path), [{"type": "x", "number": number}])
        assert (tmp_path / "events.jsonl").stat().st_size <= 2_000
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["events.jsonl", "events.jsonl.1", "events.lock"]
    numbers = [line["number"] for line in lines(tmp_path)]
    assert numbers == list(range(200 - len(numbers), 200))
    assert len(numbers) > 60


def test_while_another_sets_the_file_aside_lines_still_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever does not get the lock appends to the full file."""
    monkeypatch.setattr(event_log, "MAX_BYTES", 100)
    lock = event_log.files.lock(str(tmp_path / "events.lock"), "")
    for number in range(20):
        append(str(tmp_path), [{"type": "x", "number": number}])
    event_log.files.close(lock)
    assert [line["number"] for line in lines(tmp_path)] == list(range(20))
    assert not (tmp_path / "events.jsonl.1").exists()


def test_a_file_that_was_just_set_aside_is_not_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hooks that find it full at once: the second sees under the lock that it is new."""
    monkeypatch.setattr(event_log, "MAX_BYTES", 1_000)
    path = tmp_path / "events.jsonl"
    path.write_text("old\n" * 240)
    append(str(tmp_path), [{"type": "x", "text": "y" * 100}])
    assert event_log._set_aside(str(tmp_path), str(path))
    assert (tmp_path / "events.jsonl.1").read_text().startswith("old")


LOGGED = [pytest.param(one, id=str(one)) for one in recordings("2.1.330/*")]


@pytest.mark.parametrize("recording", LOGGED)
def test_the_settlements_of_a_session_add_up_to_what_was_measured(recording: Recording, tmp_path: Path) -> None:
    """For each session and window the settled tokens are what it holds at last, without what is estimated."""
    steps = list(play(recording, tmp_path, settings={"TOKEN_BUDGET_EVENT_LOG": "true"}))
    settled: dict[str, int] = {}
    for line in lines(tmp_path / "state"):
        if line["type"] == "settle":
            settled[line["session"]] = settled.get(line["session"], 0) + line["tokens"]
    last = {str(step.event.payload["session_id"]): step.ledger for step in steps}
    for session, ledger in last.items():
        assert settled.get(session, 0) == sum(window.occupancy for window in ledger.windows.values())
