"""The usage of all transcripts, and what is kept of it between runs."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from support.billing import lines, reply, write

from moai_flow.usage import MachineUsage, reading, scan
from moai_flow.usage.machine import read_usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROJECT = "/home/dev/project"


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    (tmp_path / "projects").mkdir()
    return tmp_path / "projects"


@pytest.fixture
def folder(projects: Path) -> Path:
    return projects / "-home-dev-project"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A local clock nine and a half hours ahead of UTC."""
    monkeypatch.setenv("TZ", "XYZ-9:30")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class Bytes:
    """Counts the bytes of transcripts that are read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read = 0

        def counted(*arguments: Any, **options: Any) -> reading.Fresh:
            fresh = reading.read_new(*arguments, **options)
            self.read += len(fresh.lines) + len(fresh.rest)
            return fresh

        monkeypatch.setattr(scan, "read_new", counted)


def usage(projects: Path, cache: Path | None = None, **options: Any) -> MachineUsage:
    return read_usage([str(projects)], cache=str(cache or ""), **options)


def requests(found: MachineUsage, kind: str) -> dict[str, int]:
    return {name: part.requests for name, part in found.by(kind).items()}


def test_usage_is_summed_up_by_what_is_asked_for(projects: Path, folder: Path) -> None:
    """By session, window, agent, swarm, model, day and project."""
    write(folder / "s1.jsonl", reply(cwd=PROJECT), reply("msg_2", model="claude-haiku-4-5"))
    write(folder / "s1/subagents/agent-a1.jsonl", reply("msg_3", attributionAgent="backend", isSidechain=True))
    deep = folder / "s1/subagents/workflows/wf_1/agent-a2.jsonl"
    write(deep, reply("msg_4", attributionAgent="workflow-subagent", isSidechain=True))
    write(projects / "-other" / "s2.jsonl", reply("msg_5", timestamp="2026-11-23T15:00:00Z"))
    found = usage(projects)
    assert requests(found, "session") == {"s1": 4, "s2": 1}
    assert requests(found, "window") == {"s1": 2, "a1": 1, "a2": 1, "s2": 1}
    assert requests(found, "agent") == {"main": 3, "a1": 1, "a2": 1}
    assert requests(found, "swarm") == {"main": 3, "backend": 1, "workflow-subagent": 1}
    assert requests(found, "model") == {"claude-opus-5-5": 4, "claude-haiku-4-5": 1}
    assert requests(found, "day") == {"2026-11-22": 4, "2026-11-23": 1}
    assert requests(found, "project") == {PROJECT: 4, "-other": 1}
    assert found.totals.as_dict() == {
        "requests": 5,
        "input": 50,
        "cache_write_5m": 0,
        "cache_write_1h": 10_000,
        "cache_read": 15_000,
        "output": 250,
    }


def test_there_is_no_other_kind(projects: Path) -> None:
    """A wrong kind is a mistake of the caller's, and the message names the right ones."""
    with pytest.raises(ValueError, match="swarm, agent, model, day, project, session"):
        usage(projects).by("weekday")


@pytest.mark.usefixtures("zone")
def test_days_are_those_of_the_local_clock(projects: Path, folder: Path) -> None:
    """A day begins at local midnight, whatever UTC says."""
    write(
        folder / "s1.jsonl", reply(timestamp="2026-11-22T14:29:59Z"), reply("msg_2", timestamp="2026-11-22T14:30:00Z")
    )
    assert requests(usage(projects), "day") == {"2026-11-22": 1, "2026-11-23": 1}
    assert usage(projects, since=date(2026, 11, 23)).totals.requests == 1
    assert usage(projects, until=date(2026, 11, 22)).totals.requests == 1
    assert usage(projects, since=date(2026, 11, 22), until=date(2026, 11, 23)).totals.requests == 2


def test_a_session_is_found_by_how_its_id_begins(projects: Path, folder: Path) -> None:
    """Its agents are part of it."""
    write(folder / "abc.jsonl", reply())
    write(folder / "abc/subagents/agent-a1.jsonl", reply("msg_2"))
    write(folder / "xyz.jsonl", reply("msg_3"))
    assert requests(usage(projects, session="ab"), "agent") == {"main": 1, "a1": 1}


def test_a_type_is_taken_from_the_note_beside_an_agents_transcript(projects: Path, folder: Path) -> None:
    """A teammate's records carry its name; the note tells the type it was spawned with."""
    path = write(folder / "s1/subagents/agent-aalice-1.jsonl", reply(attributionAgent="alice"))
    path.with_suffix(".meta.json").write_text('{"agentType": "alice", "spawnedAgentType": "backend"}')
    assert requests(usage(projects), "swarm") == {"backend": 1}


def test_a_type_is_taken_from_the_call_where_nothing_else_tells_it(projects: Path, folder: Path) -> None:
    """Clients 2.0 put agents beside the sessions and wrote no type into their records."""
    call = {"type": "tool_use", "id": "toolu_1", "name": "Task", "input": {"subagent_type": "backend"}}
    result = {
        "type": "user",
        "message": {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1"}]},
        "toolUseResult": {"agentId": "1a2b"},
    }
    write(folder / "agent-1a2b.jsonl", reply("msg_2", agentId="1a2b", isSidechain=True))
    write(folder / "s1.jsonl", reply(content=[call]), result)
    found = usage(projects)
    assert requests(found, "swarm") == {"main": 1, "backend": 1}
    assert requests(found, "session") == {"s1": 2}


def test_the_clients_own_helpers_are_the_main_windows(projects: Path, folder: Path) -> None:
    """What compacts the main window copies it: its messages are counted once, what it adds is the session's."""
    write(folder / "s1.jsonl", reply())
    write(folder / "s1/subagents/agent-acompact-12.jsonl", reply(), reply("msg_2"))
    assert requests(usage(projects), "swarm") == {"main": 2}


def test_the_second_run_reads_only_what_is_new(
    projects: Path, folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing where nothing changed, and of a file that grew what was added."""
    path = write(folder / "s1.jsonl", reply(), reply("msg_2"))
    write(folder / "s2.jsonl", reply("msg_3"))
    usage(projects, cache)
    bytes_ = Bytes(monkeypatch)
    assert usage(projects, cache).totals.requests == 3
    assert bytes_.read == 0
    added = reply("msg_4", output=51)
    write(path, added)
    assert usage(projects, cache).totals.requests == 4
    assert bytes_.read == len(lines(added))


def test_a_message_whose_lines_are_read_in_two_runs_is_billed_once(projects: Path, folder: Path, cache: Path) -> None:
    """The first run may see its placeholder only."""
    path = write(folder / "s1.jsonl", reply(output=1))
    assert usage(projects, cache).totals.output == 1
    write(path, reply(output=50))
    found = usage(projects, cache).totals
    assert (found.requests, found.output) == (1, 50)


def test_a_half_written_record_counts_when_it_is_whole(projects: Path, folder: Path, cache: Path) -> None:
    """A last line without its newline counts as soon as it is a record, and once."""
    data = lines(reply(), reply("msg_2"))
    path = write(folder / "s1.jsonl")
    for end, expected in ((-20, 1), (-1, 2), (None, 2)):
        path.write_bytes(data[:end])
        assert usage(projects, cache).totals.requests == expected


@pytest.mark.parametrize("is_kept", [False, True])
def test_a_rewritten_transcript_is_read_anew(projects: Path, folder: Path, cache: Path, is_kept: bool) -> None:
    """What it no longer says is no longer counted."""
    path = write(folder / "s1.jsonl", reply(), reply("msg_2"))
    usage(projects, cache if is_kept else None)
    path.write_bytes(lines(reply("msg_3", output=7)))
    assert usage(projects, cache).totals.as_tuple() == (1, 10, 0, 2_000, 3_000, 7)


def test_a_deleted_original_leaves_the_message_to_its_copy(projects: Path, folder: Path, cache: Path) -> None:
    """The client deletes transcripts after a month; a fork still tells what was billed."""
    original = write(folder / "s1.jsonl", reply(), reply("msg_2"))
    write(folder / "s2.jsonl", reply(sessionId="s2"), reply("msg_3", sessionId="s2"))
    assert requests(usage(projects, cache), "session") == {"s1": 2, "s2": 1}
    original.unlink()
    assert requests(usage(projects, cache), "session") == {"s2": 2}


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_bytes(b"no database" * 1_000), id="not a database"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:5_000]), id="cut"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: _execute(path, "PRAGMA user_version = 99"), id="another version"),
        pytest.param(lambda path: _execute(path, "DROP TABLE messages"), id="a table is missing"),
    ],
)
def test_damaged_results_are_made_anew(
    projects: Path, folder: Path, cache: Path, damage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are a cache: losing them costs time, not figures."""
    write(folder / "s1.jsonl", reply())
    usage(projects, cache)
    (path,) = cache.iterdir()
    damage(path)
    write(folder / "s1.jsonl", reply("msg_2"))
    assert usage(projects, cache).totals.requests == 2
    bytes_ = Bytes(monkeypatch)
    assert usage(projects, cache).totals.requests == 2
    assert bytes_.read == 0


def _execute(path: Path, statement: str) -> None:
    database = sqlite3.connect(path)
    database.execute(statement)
    database.commit()
    database.close()


def test_results_that_another_process_keeps_are_not_waited_for_long(
    projects: Path, folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transcripts are there to be read."""
    monkeypatch.setattr("moai_flow.usage.store._WAIT_SECONDS", 0.01)
    write(folder / "s1.jsonl", reply())
    usage(projects, cache)
    (path,) = cache.iterdir()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    write(folder / "s1.jsonl", reply("msg_2"))
    assert usage(projects, cache).totals.requests == 2
    other.close()


def test_results_of_other_folders_are_others(tmp_path: Path, cache: Path) -> None:
    """Two homes on one machine keep apart what they found."""
    for name, count in (("one", 1), ("two", 2)):
        write(tmp_path / name / "-p" / "s1.jsonl", *[reply(f"msg_{number}") for number in range(count)])
    for _ in range(2):
        assert [usage(tmp_path / name, cache).totals.requests for name in ("one", "two")] == [1, 2]


def test_many_bytes_are_read_by_several_processes(
    projects: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same result."""
    monkeypatch.setattr(scan, "PARALLEL_BYTES", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    for number in range(4):
        write(folder / f"s{number}.jsonl", reply(f"msg_{number}"), reply("msg_x"))
    assert usage(projects).totals.requests == 5


def test_a_file_that_cannot_be_read_is_named_and_left_out(
    projects: Path, folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others count."""
    write(folder / "s1.jsonl", reply())
    write(folder / "s2.jsonl", reply("msg_2"))

    def refused(path: str, *arguments: Any, **options: Any) -> reading.Fresh:
        if path.endswith("s1.jsonl"):
            raise PermissionError(13, "Permission denied")
        return reading.read_new(path, *arguments, **options)

    monkeypatch.setattr(scan, "read_new", refused)
    found = usage(projects, cache)
    assert found.problems == {str(folder / "s1.jsonl"): "Permission denied"}
    assert requests(found, "session") == {"s2": 1}
    monkeypatch.undo()
    assert requests(usage(projects, cache), "session") == {"s1": 1, "s2": 1}


def test_names_that_are_no_text_do_no_harm(projects: Path, cache: Path) -> None:
    """On Linux a folder's name may be any bytes."""
    folder = projects / os.fsdecode(b"-p\xff")
    write(folder / "s1.jsonl", reply())
    for _ in range(2):
        assert usage(projects, cache).totals.requests == 1
        json.dumps({name: part.as_dict() for name, part in usage(projects, cache).by("project").items()}).encode()
