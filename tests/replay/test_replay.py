"""Sessions played again from their transcripts alone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.recordings import Recording, recordings

from moai_flow.cli.program import program
from moai_flow.core.errors import TokenBudgetError
from moai_flow.hook import payload
from moai_flow.replay import recorded
from moai_flow.replay.play import play

ALL = [pytest.param(recording, id=str(recording)) for recording in recordings()]


def transcripts(recording: Recording) -> list[Path]:
    """Return the main transcripts of a recording."""
    return sorted((recording.folder / "files").glob("*.jsonl"))


@pytest.mark.parametrize("recording", ALL)
def test_a_session_played_again_ends_where_it_ended(recording: Recording) -> None:
    """The figures at the end are what the API charged last, of the main window and of every subagent."""
    for transcript in transcripts(recording):
        last = list(play(transcript))[-1].ledger
        main = last.windows["main"]
        asked = [request for request in recording.requests if request.window == transcript.stem]
        by_id = {request.message_id: request.occupancy for request in asked}
        assert main.message in by_id or main.message.startswith("compaction:")
        assert main.occupancy == by_id.get(main.message, main.occupancy)
        assert last.total_consumed == main.tokens


@pytest.mark.parametrize("recording", [pytest.param(one, id=str(one)) for one in recordings("*/subagents")])
def test_subagents_are_played_under_their_own_type(recording: Recording) -> None:
    """Each agent has its swarm, and its window holds what its last request was charged."""
    (transcript,) = transcripts(recording)
    last = list(play(transcript))[-1].ledger
    agents = [window for window in recording.windows() if window != transcript.stem]
    assert {last.windows[agent].swarm for agent in agents} >= {"backend", "frontend"}
    for agent in agents:
        request = recording.last_request(agent)
        assert request is not None
        assert last.windows[agent].tokens == request.occupancy


def test_the_events_are_those_that_ran() -> None:
    """A transcript tells the prompts, the tools with their outcome and the ends of the turns."""
    (recording,) = recordings("2.1.330/tools")
    told = [step.payload for step in play(transcripts(recording)[0])]
    registered = (payload.POST_TOOL_USE, payload.POST_TOOL_USE_FAILURE, payload.USER_PROMPT_SUBMIT, payload.STOP)
    ran = [event.payload for event in recording.events if event.name in registered]
    key = ("hook_event_name", "tool_use_id", "tool_name")
    assert [[one.get(name) for name in key] for one in told] == [[one.get(name) for name in key] for one in ran]


def test_settings_can_be_tried(tmp_path: Path) -> None:
    """With a smaller budget the same session would have been warned of earlier."""
    (recording,) = recordings("2.1.330/tools")
    arguments = ["replay", str(transcripts(recording)[0]), "--notices", "--json"]
    settings = tmp_path / "config.json"
    outcomes = []
    for total in (200_000, 100_000):
        settings.write_text(json.dumps({"token_budget": {"total_budget": total}}))
        outcomes.append(run(*arguments, "--config", str(settings)))
    usual, tried = outcomes
    assert "CRITICAL: Global token usage at 185,764/200,000 (92.9%)" in usual[-1]["to_person"]
    assert "WARNING: Global token usage at ~80,5" in tried[0]["to_person"]
    assert tried[0]["status"]["thresholds"] == {"warning_1": 75_000, "warning_2": 90_000}
    assert usual[0]["occupancy"] > tried[0]["occupancy"]


def home_with(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Make a home with two sessions of the project the test runs in, the later one last; return their transcripts."""
    monkeypatch.setenv("HOME", str(folder))
    here = "".join(c if c.isalnum() else "-" for c in str(Path.cwd()))
    place = folder / ".claude/projects" / here
    place.mkdir(parents=True)
    found = []
    for number, name in enumerate(("tools", "natural")):
        (transcript,) = transcripts(recordings(f"2.1.330/{name}")[0])
        found.append(place / f"{number}{transcript.name}")
        found[-1].write_bytes(transcript.read_bytes())
        os.utime(found[-1], (1_700_000_000 + number,) * 2)
    return found


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param((), [1], id="nothing: this project's last"),
        pytest.param(("0",), [0], id="an id's beginning"),
        pytest.param(("{file}",), [0], id="a file"),
        pytest.param(("{folder}",), [0, 1], id="a folder, the earliest first"),
        pytest.param(("{projects}",), [0, 1], id="the folder of projects"),
        pytest.param((".",), [1], id="a project's folder"),
    ],
)
def test_what_is_played_can_be_named_in_several_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: tuple[str, ...], expected: list[int]
) -> None:
    """Each line says which session it is of."""
    found = home_with(tmp_path, monkeypatch)
    names = {"file": found[0], "folder": found[0].parent, "projects": found[0].parent.parent}
    played = run("replay", "--json", *[one.format(**names) for one in target])
    assert list(dict.fromkeys(step["session_id"] for step in played)) == [found[number].stem for number in expected]


def test_sessions_of_a_folder_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal each has a heading."""
    found = home_with(tmp_path, monkeypatch)
    done = CliRunner().invoke(program, ["replay", str(found[0].parent)])
    assert [line for line in done.output.splitlines() if line.startswith("session ")] == [
        f"session {path.stem}" for path in found
    ]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param("zzzz", "no session zzzz", id="no such id"),
        pytest.param("{home}", "no transcript in it", id="a folder of something else"),
        pytest.param("{home}/none.jsonl", "cannot be read", id="no such file"),
        pytest.param("{home}/fifo.jsonl", "no regular file", id="something that is no file"),
    ],
)
def test_what_cannot_be_played_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, expected: str
) -> None:
    """It says what is wrong with it."""
    home_with(tmp_path, monkeypatch)
    os.mkfifo(tmp_path / "fifo.jsonl")
    done = CliRunner().invoke(program, ["replay", target.format(home=tmp_path)])
    assert done.exit_code == 1
    assert expected in done.output
    assert len(done.output.splitlines()) == 1


def test_agents_beside_the_sessions_are_found_by_their_records(tmp_path: Path) -> None:
    """Where clients 2.0 kept them."""
    (recording,) = recordings("2.1.330/subagents")
    (transcript,) = transcripts(recording)
    folder = tmp_path / "-home-me-app"
    folder.mkdir()
    (folder / transcript.name).write_bytes(transcript.read_bytes())
    agents = sorted(transcript.with_suffix("").rglob("agent-*.jsonl"))
    for agent in agents:
        (folder / agent.name).write_bytes(agent.read_bytes())
    (found,) = recorded.find([str(tmp_path)])
    assert len(found.agents) == len(agents) > 1
    usual, moved = (list(play(one))[-1].ledger for one in (transcript, found))
    assert {key: window.tokens for key, window in moved.windows.items()} == {
        key: window.tokens for key, window in usual.windows.items()
    }


def run(*arguments: str) -> list[dict[str, Any]]:
    """Return the JSON lines that a command prints."""
    done = CliRunner().invoke(program, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.output.splitlines()]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(None, "cannot be read", id="missing"),
        pytest.param(b"", "no record", id="empty"),
        pytest.param(b"\x00\xff\n{]\n", "no record", id="no transcript"),
    ],
)
def test_what_is_no_transcript_is_a_clear_error(tmp_path: Path, content: bytes | None, reason: str) -> None:
    """The message names the file and what is wrong."""
    path = tmp_path / "t.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TokenBudgetError, match=reason) as error:
        list(play(path))
    assert str(path) in str(error.value)


def test_a_setting_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    """Settings that are to be tried must be right: the key and the file are named."""
    settings = tmp_path / "config.json"
    settings.write_text('{"token_budget": {"total_budget": "much"}}')
    (recording,) = recordings("2.1.330/tools")
    done = CliRunner().invoke(program, ["replay", str(transcripts(recording)[0]), "--config", str(settings)])
    assert done.exit_code == 1
    assert "total_budget" in done.output
    assert str(settings) in done.output
