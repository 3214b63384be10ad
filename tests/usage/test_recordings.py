"""Billed usage against the truth: what the stand-in answered, request by request, in recordings of real clients."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from support.recordings import Recording, recordings

from moai_flow.usage import MachineUsage, Usage, read_usage
from moai_flow.usage.messages import read_lines
from moai_flow.usage.places import find_transcripts
from moai_flow.usage.progress import Progress
from moai_flow.usage.reading import read_new
from moai_flow.usage.tally import Place, Tally

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.recordings import Request

SESSIONS = recordings()


@pytest.fixture(scope="module", params=SESSIONS, ids=str)
def recording(request: pytest.FixtureRequest) -> Recording:
    found: Recording = request.param
    return found


@pytest.fixture(scope="module")
def usage(recording: Recording, tmp_path_factory: pytest.TempPathFactory) -> MachineUsage:
    projects = tmp_path_factory.mktemp("usage") / "projects"
    shutil.copytree(recording.folder / "files", projects / "-project")
    return read_usage([str(projects)], by_prompt=True)


def truth(recording: Recording, key: Callable[[Request], str]) -> dict[str, dict[str, int]]:
    """Return what the stand-in answered by a key; it never told a cache write's lifetime."""
    found: dict[str, Usage] = {}
    for request in recording.requests:
        stated = request.usage
        found.setdefault(key(request), Usage()).add(
            Usage(
                1,
                stated["input_tokens"],
                stated["cache_creation_input_tokens"],
                0,
                stated["cache_read_input_tokens"],
                stated["output_tokens"],
            )
        )
    return {name: part.as_dict() for name, part in found.items()}


def told(sums: dict[str, Usage]) -> dict[str, dict[str, int]]:
    return {name: part.as_dict() for name, part in sums.items()}


def agent_types(recording: Recording) -> dict[str, str]:
    """Return each agent's type, as the hooks were told it."""
    payloads = [event.payload for event in recording.events]
    return {given["agent_id"]: given["agent_type"] for given in payloads if given.get("agent_type")}


def sessions(recording: Recording) -> dict[str, str]:
    """Return the session that each request was made in, by the message's id."""
    records = [json.loads(line) for line in (recording.folder / "truth.jsonl").read_text().splitlines()]
    return {record["message_id"]: record["session"] for record in records}


def test_the_sum_is_the_truth(recording: Recording, usage: MachineUsage) -> None:
    """Error 0 in every class."""
    assert {"": usage.totals.as_dict()} == truth(recording, lambda _: "")


def test_every_window_is_billed_what_it_asked(recording: Recording, usage: MachineUsage) -> None:
    """Error 0 for each main window and each agent: forks, resumes and agents that outlive `/clear` too."""
    assert told(usage.by("window")) == truth(recording, lambda request: request.window)


def test_every_agent_is_billed_what_it_asked(recording: Recording, usage: MachineUsage) -> None:
    """Error 0 for each agent; the main windows are one key."""
    mains = set(sessions(recording).values())
    expected = truth(recording, lambda request: "main" if request.window in mains else request.window)
    assert told(usage.by("agent")) == expected


def test_every_swarm_is_billed_what_its_agents_asked(recording: Recording, usage: MachineUsage) -> None:
    """Error 0 for each swarm: an agent's is named after the type that the hooks were told."""
    types = agent_types(recording)
    assert told(usage.by("swarm")) == truth(recording, lambda request: types.get(request.window, "main"))


def test_every_session_is_billed_what_was_asked_in_it(recording: Recording, usage: MachineUsage) -> None:
    """Error 0 for each session: a fork repeats the messages of another one and is not billed for them."""
    session = sessions(recording)
    assert told(usage.by("session")) == truth(recording, lambda request: session[request.message_id])


def test_models_days_and_prompts_add_up(usage: MachineUsage) -> None:
    """Whatever the sums are keyed by, they are sums of the same requests."""
    for kind in ("model", "day", "prompt", "project"):
        total = Usage()
        for part in usage.by(kind).values():
            total.add(part)
        assert total == usage.totals


@pytest.mark.parametrize("most", [3_000, 1 << 16])
def test_files_read_in_small_parts_give_the_same(
    recording: Recording, usage: MachineUsage, tmp_path: Path, most: int
) -> None:
    """As a hook reads them: each byte once, a bounded amount at a time, the progress kept as data in between.

    Records longer than a part are left out; none of those here that are billed is.
    """
    shutil.copytree(recording.folder / "files", tmp_path / "-project")
    tally = Tally()
    for transcript in find_transcripts([str(tmp_path)]):
        kept: list[object] = Progress().to_list()
        place = Place(transcript.session, transcript.agent)
        while True:
            progress = Progress.from_list(kept)
            before = progress.offset
            fresh = read_new(transcript.path, progress, most=max(most, _longest_billed(transcript.path)))
            messages = read_lines(fresh.lines, progress, is_agent=bool(transcript.agent)).messages.values()
            named = [message.agent_type for message in messages if message.agent_type]
            place.agent_type = named[-1] if named else place.agent_type
            tally.add(messages, place)
            kept = progress.to_list()
            if progress.offset == before:
                break
    total = Usage()
    for entry in tally.entries():
        total.add(entry.usage)
    assert total == usage.totals


def _longest_billed(path: str) -> int:
    with open(path, "rb") as file:  # noqa: PTH123 - a text
        return 1 + max((len(line) for line in file if b'"usage"' in line), default=0)
