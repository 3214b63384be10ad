"""Sessions played again from their transcripts alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from support.recordings import Recording, recordings

from moai_flow.cli.program import program
from moai_flow.core.errors import TokenBudgetError
from moai_flow.hook import payload
from moai_flow.replay.play import play

if TYPE_CHECKING:
    from pathlib import Path

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
    settings = tmp_path / "config.json"
    settings.write_text(json.dumps({"token_budget": {"total_budget": 100_000}}))
    arguments = ["replay", str(transcripts(recording)[0]), "--notices", "--json"]
    usual = run(*arguments)
    tried = run(*arguments, "--config", str(settings))
    assert "CRITICAL: Global token usage at 185,764/200,000 (92.9%)" in usual[-1]["to_person"]
    assert "WARNING: Global token usage at ~80,5" in tried[0]["to_person"]
    assert tried[0]["status"]["thresholds"] == {"warning_1": 75_000, "warning_2": 90_000}
    assert usual[0]["occupancy"] > tried[0]["occupancy"]


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
