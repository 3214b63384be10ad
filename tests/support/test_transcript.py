"""The builder of transcripts writes what the client writes, as far as anything here reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support import transcript
from support.recordings import recordings
from support.transcript import Transcripts

from moai_flow.hook.transcript import agent_type, measure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def shape(value: Any) -> Any:
    """Return the types in a record; those of lists' items are not told."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def fits(made: Any, recorded: Any) -> bool:
    """Return whether everything that was made is in what was recorded, with the same types."""
    if isinstance(made, dict) and isinstance(recorded, dict):
        return all(key in recorded and fits(inner, recorded[key]) for key, inner in made.items())
    return bool(made == recorded)


def recorded() -> Iterator[dict[str, Any]]:
    """Yield the shape of every record of some sessions of the client whose version the builder writes."""
    for name in ("tools", "compact", "auto-compact", "subagents"):
        for recording in recordings(f"{transcript.VERSION}/{name}"):
            for path in (recording.folder / "files").rglob("*.jsonl"):
                yield from (shape(json.loads(line)) for line in path.read_text().splitlines())


def test_every_record_is_one_that_the_client_writes(tmp_path: Path) -> None:
    """Each field of a made-up record is in a recorded one, at the same place and of the same type."""
    session = Transcripts(tmp_path, "s")
    main, agent = session.main, session.window("a1", "backend")
    made = [
        main.prompt("x"),
        main.reply(30_000, calls=["t1"]),
        main.append(transcript.result("t1", "y", {"stdout": ""})),
    ]
    made += [main.reply(), main.compact(3_000, kept=["u-1"]), main.compact(3_000, automatic=False)]
    made += [agent.prompt("x"), agent.reply(9_000)]
    known = list(recorded())
    for record in made:
        # The first record of a chain has no parent.
        one = {key: value for key, value in shape(record).items() if key != "parentUuid"}
        assert any(fits(one, other) for other in known), record


def test_records_are_a_chain_in_time(tmp_path: Path) -> None:
    """Each record names the one before, which was written earlier; a compaction begins a new chain."""
    main = Transcripts(tmp_path, "s").main
    first, second = main.prompt("x"), main.reply(30_000)
    boundary, third = main.compact(2_000), main.reply(5_000)
    assert [first["parentUuid"], second["parentUuid"], boundary["parentUuid"]] == [None, first["uuid"], None]
    assert third["parentUuid"] == boundary["uuid"]
    times = [record["timestamp"] for record in (first, second, boundary, third)]
    assert times == sorted(set(times))
    assert [json.loads(line) for line in main.path.read_text().splitlines()] == [first, second, boundary, third]


def test_what_it_says_is_what_is_measured(tmp_path: Path) -> None:
    """The occupancy that a test asks for is the occupancy that the hooks read, in every cache class."""
    session = Transcripts(tmp_path, "s")
    usage = transcript.usage(30_000, output=700, created=2_000, one_hour=300, fresh=4)
    assert usage["cache_creation_input_tokens"] == sum(usage["cache_creation"].values()) == 2_300
    session.main.reply(30_000, counted=usage)
    measured = measure(str(session.main.path))
    assert measured is not None
    assert (measured.occupancy, measured.output, measured.ended) == (30_000, 700, True)
    session.window("a1", "backend").reply(9_000, calls=["t1"])
    inside = measure(str(session.path("a1")), is_agent=True)
    assert inside is not None
    assert (inside.occupancy, inside.calls, inside.ended) == (9_000, ["t1"], False)
    assert agent_type(str(session.path("a1"))) == "backend"


@pytest.mark.parametrize("tokens", [0, 3, 50, 60, 61, 1_000_000])
def test_usage_adds_up(tokens: int) -> None:
    """However few tokens, no figure is negative."""
    usage = transcript.usage(tokens, output=min(tokens, 50))
    counts = [value for key, value in usage.items() if key != "cache_creation"]
    assert sum(counts) == tokens
    assert min(counts) >= 0
