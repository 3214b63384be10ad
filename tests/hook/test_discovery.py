"""Subagents are found by their transcripts, whether or not their hooks could run."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

import pytest

from moai_flow.hook.discovery import find_agents
from moai_flow.hook.state import files, paths

if TYPE_CHECKING:
    from support.harness import Session


def hold_lock(session: Session) -> int:
    """Hold the session's lock, as another process would."""
    descriptor = os.open(paths.lock_file(str(session.state), session.session), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


@pytest.mark.parametrize("event", ["Stop", "UserPromptSubmit"])
def test_agents_that_came_and_went_while_the_lock_was_held_are_counted(session: Session, event: str) -> None:
    """All hooks of three background agents give up; the next event of the main thread finds what they used."""
    session.event("UserPromptSubmit", prompt="x", prompt_id="p")
    lock = hold_lock(session)
    for agent in ("a1", "a2", "a3"):
        with pytest.raises(files.Busy):
            session.begin_agent(agent)
        session.measured(20_000, agent, ended=True)
        with pytest.raises(files.Busy):
            session.stop_agent(agent)
    os.close(lock)
    assert "backend" not in session.ledger.swarms
    session.event(event)
    assert session.ledger.swarms["backend"].consumed == 60_000


def test_a_workflows_agents_are_found_deeper(session: Session) -> None:
    """They are in a folder for each run, and are measured from there afterwards too."""
    session.event("UserPromptSubmit", prompt="x", prompt_id="p")
    window = session.transcripts.window("a1", "backend", below="subagents/workflows/wf_1")
    window.reply(30_000)
    session.event("Stop")
    assert session.ledger.swarms["backend"].consumed == 30_000
    window.reply(34_000)
    session.event("Stop")
    assert session.ledger.swarms["backend"].consumed == 34_000


def test_the_clients_own_helpers_are_no_agents(session: Session) -> None:
    """What a compaction helper copies of the history is not counted again."""
    session.event("UserPromptSubmit", prompt="x", prompt_id="p")
    session.measured(150_000, "acompact-1234", ended=True)
    session.event("Stop")
    assert session.ledger.isolated_consumed == 0


def test_a_folder_without_news_is_not_read(session: Session) -> None:
    """With as many transcripts as last time, no file is opened; one that names no agent yet is looked at again."""
    session.measured(20_000, "a1", ended=True)
    place = str(session.transcript.with_suffix("")) + "/subagents"
    found, count = find_agents(place, set(), 0, session.now)
    assert (set(found), count) == ({"a1"}, 1)
    assert find_agents(place, set(), count, session.now) == ({}, 1)
    unnamed = session.transcript.with_suffix("") / "subagents" / "agent-b2.jsonl"
    unnamed.write_text("{}\n")
    changed = unnamed.stat().st_mtime
    assert find_agents(place, {"a1"}, count, changed + 1) == ({}, -1)
    assert find_agents(place, {"a1"}, count, changed + 120) == ({}, 2)
