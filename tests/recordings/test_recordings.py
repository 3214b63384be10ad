from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from support.recordings import Recording, recordings
from tools.redact import Disguise, redact

if TYPE_CHECKING:
    from pathlib import Path

ALL = recordings()


@pytest.mark.parametrize("recording", ALL, ids=str)
def test_replay_grows_the_transcripts_to_their_sizes(recording: Recording, tmp_path: Path) -> None:
    """At each event the files hold as many bytes as the client had written, and payloads lead to them."""
    for event in recording.replay(tmp_path):
        transcript = event.payload["transcript_path"]
        assert transcript.startswith(str(tmp_path))
        for name, size in event.sizes.items():
            whole = (recording.folder / "files" / name).read_bytes()
            replayed = next(tmp_path.glob(f"projects/*/{name}")).read_bytes()
            assert replayed == whole[:size]


@pytest.mark.parametrize("recording", ALL, ids=str)
def test_every_request_is_in_its_windows_transcript(recording: Recording) -> None:
    """The usage that the stand-in answered is what the client wrote into that window's file."""
    assert recording.requests
    for request in recording.requests:
        usages = [
            record["message"]["usage"]
            for path in (recording.folder / "files").rglob(f"*{request.window}.jsonl")
            for record in map(json.loads, path.read_text().splitlines())
            if record["type"] == "assistant" and record["message"]["id"] == request.message_id
        ]
        assert usages
        assert request.usage.items() <= usages[-1].items()


@pytest.mark.parametrize("recording", ALL, ids=str)
def test_a_tools_result_is_in_the_request_after_it(recording: Recording) -> None:
    """The request that called a tool came before the tool's hook, and the next one after it."""
    seen = 0
    for event in recording.events:
        if not event.name.startswith("PostToolUse"):
            continue
        number = event.payload["tool_use_id"].removeprefix("toolu_")[:6]
        last = recording.last_request(event.window, before=event)
        following = recording.next_request(event)
        assert last is not None
        assert last.message_id.endswith(number)
        if following is not None:
            assert following.seq > event.seq
        seen += 1
    assert seen


@pytest.mark.parametrize("recording", recordings("*/natural*"), ids=str)
def test_natural_usage_is_the_size_of_the_request(recording: Recording) -> None:
    """A request's tokens are its bytes / 4; but pictures cost less than their bytes."""
    for request in recording.requests:
        share = 4 * request.read / request.size
        assert 0.4 < share <= 1 if "images" in recording.name else 0.98 < share <= 1


@pytest.mark.parametrize("recording", ALL, ids=str)
def test_nothing_of_a_machine_is_in_a_recording(recording: Recording) -> None:
    """Paths are those of a made-up home, and transcripts hold no texts."""
    for path in recording.folder.rglob("*.json*"):
        text = path.read_text()
        assert "/root/" not in text
        assert not re.search(r"(?<!_)/home/(?!dev/)", text)
        assert not re.search(r"/tmp/(?!claude-)", text)
        if "files" in path.relative_to(recording.folder).parts:
            assert not re.search(r'(?<!\\)": ?"(?![^"]*(?:xxx|claude|/home/dev))[^"\\]{61,}"', text)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(b'{"a":"short","n":12}', b'{"a":"short","n":12}', id="short values stay"),
        pytest.param(b'{"a":"two words"}', b'{"a":"two words"}', id="short phrases stay"),
        pytest.param(b'{"a":"more than sixteen"}', b'{"a":"xxxxxxxxxxxxxxxxx"}', id="phrases go"),
        pytest.param(b'{"a":"%s"}' % (b"k" * 61), b'{"a":"%s"}' % (b"x" * 61), id="long values go"),
        pytest.param(b'{"%s":1}' % (b"k" * 61), b'{"%s":1}' % (b"k" * 61), id="keys stay"),
        pytest.param(
            b'{"a":"a \\"quoted\\" word \\\\","b":2}',
            b'{"a":"xxxxxxxxxxxxxxxxxxxx","b":2}',
            id="escapes keep their bytes",
        ),
        pytest.param(
            '{"a":"一二三四五 六七"}'.encode(),
            b'{"a":"xxxxxxxxxxxxxxxxxxxxxx"}',
            id="bytes count, not characters",
        ),
    ],
)
def test_redact_keeps_every_byte_in_its_place(line: bytes, expected: bytes) -> None:
    """Texts are covered, and nothing else moves."""
    assert redact(line) == expected
    assert len(expected) == len(line)


def test_disguise_keeps_lengths() -> None:
    """A folder's path becomes another of the same length, in both of its spellings."""
    disguise = Disguise("/tmp/recorder-a_b1")
    before = b"/tmp/recorder-a_b1/project and -tmp-recorder-a-b1-project"
    assert disguise(before) == b"/home/dev/________/project and -home-dev----------project"
