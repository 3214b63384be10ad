"""What a transcript says its window holds, on files of every shape."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from support.transcript import boundary, message, result, write

from moai_flow.hook import transcript

if TYPE_CHECKING:
    from pathlib import Path

    from support.transcript import Record


LARGE = "x" * 1_200_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.jsonl"


NOTHING = {**message("z", 300), "message": {**message("z", 300)["message"], "usage": {"input_tokens": 0}}}

CASES = [
    pytest.param([message("a", 5_000)], 5_000, "a", id="one message"),
    pytest.param([message("a", 5_000), message("b", 6_000)], 6_000, "b", id="the last counts"),
    pytest.param([message("a", 5_000), message("b", 4_000)], 4_000, "b", id="also when it is smaller, after a rewind"),
    pytest.param(
        [message("a", 5_000, calls=("t1",)), message("a", 5_000, calls=("t2",))],
        5_000,
        "a",
        id="the blocks of one message count once",
    ),
    pytest.param(
        [message("a", 5_001, output=1), message("a", 5_400, output=400), message("a", 5_001, output=1)],
        5_400,
        "a",
        id="the fullest line of a message wins",
    ),
    pytest.param(
        [message("a", 5_000, calls=("t1",)), result("t1"), message("a", 5_000, calls=("t2",))],
        5_000,
        "a",
        id="a result between the blocks of a message",
    ),
    pytest.param(
        [message("a", 5_000), message("s", 9_000, model="<synthetic>")], 5_000, "a", id="synthetic records are none"
    ),
    pytest.param(
        [message("a", 5_000), message("s", 9_000, isApiErrorMessage=True)], 5_000, "a", id="an API error is none"
    ),
    pytest.param(
        [message("a", 5_000), message("s", 9_000, isSidechain=True)], 5_000, "a", id="an old client's side chain"
    ),
    pytest.param([message("a", 5_000), NOTHING], 5_000, "a", id="usage of nothing"),
    pytest.param(
        [message("a", 5_000), b'{"type":"assistant","message":{"id":"b","usage":{"inp'], 5_000, "a", id="half"
    ),
    pytest.param([message("a", 5_000), json.dumps(message("b", 6_000)).encode()], 6_000, "b", id="no newline yet"),
    pytest.param([message("a", 5_000), b"\n\n\xff\xfe\n[1]\n"], 5_000, "a", id="lines that are no records"),
    pytest.param([message("a", 5_000), boundary(2_908)], 2_908, "compaction:b1", id="a compaction"),
    pytest.param([message("a", 5_000), boundary(2_908), message("b", 9_000)], 9_000, "b", id="after a compaction"),
    pytest.param(
        [
            message("a", 5_000, timestamp="2026-01-01T00:00:01Z"),
            boundary(2_908, timestamp="2026-01-01T00:00:10Z"),
            message("a2", 5_000, timestamp="2026-01-01T00:00:01Z"),
        ],
        2_908,
        "compaction:b1",
        id="a message replayed after a compaction, told by its time",
    ),
    pytest.param(
        [message("a", 5_000), boundary(2_908, kept=["u-a"]), message("a", 5_000)],
        2_908,
        "compaction:b1",
        id="a message replayed after a compaction, told by its name",
    ),
    pytest.param([message("a", 5_000), boundary("many")], 4_700, "compaction:b1", id="a compaction without a figure"),
    pytest.param(
        [message("", 5_000, requestId="req_1")], 5_000, "req_1", id="a message without an id has its request's"
    ),
    pytest.param([message("", 5_000)], 5_000, "u-", id="or its record's"),
    pytest.param(
        [message("a", 5_000), message("b", 6_000), message("a", 5_000), message("b", 6_000), message("c", 7_000)],
        7_000,
        "c",
        id="a fork repeats messages",
    ),
    pytest.param([message("a", 5_000), result("t", LARGE)], 5_000, "a", id="a record of more than a megabyte"),
    pytest.param(
        [message("a", 5_000), {**message("b", 6_000), "note": LARGE}],
        6_000,
        "b",
        id="a message of a megabyte",
    ),
    pytest.param(
        [message("a", 5_000), *[result("t", LARGE[:300_000]) for _ in range(10)]],
        5_000,
        "a",
        id="three megabytes of results",
    ),
]


@pytest.mark.parametrize(("records", "occupancy", "name"), CASES)
def test_occupancy_is_that_of_the_last_metered_record(
    path: Path, records: list[Record | bytes], occupancy: int, name: str
) -> None:
    """The occupancy is input, cache and output of the last message that counts."""
    measured = transcript.measure(write(path, *records))
    assert measured is not None
    assert (measured.occupancy, measured.message) == (occupancy, name)


@pytest.mark.parametrize(("records", "occupancy", "name"), CASES)
def test_going_on_from_the_last_measured_message_tells_the_same(
    path: Path, records: list[Record | bytes], occupancy: int, name: str
) -> None:
    """Reading on from where the last measurement stood gives what reading the whole end gives."""
    for end in range(1, len(records)):
        before = transcript.measure(write(path, *records[:end]))
        if before is None:
            continue
        after = transcript.measure(write(path, *records), message=before.message, offset=before.offset)
        assert after is not None
        assert (after.occupancy, after.message) == (occupancy, name)


@pytest.mark.parametrize(
    "records",
    [
        pytest.param([], id="empty"),
        pytest.param([result("t")], id="no message"),
        pytest.param([b'{"type":"assistant","message":{"usage":'], id="half a record"),
        pytest.param([message("s", 9_000, model="<synthetic>")], id="synthetic only"),
        pytest.param([{"type": "assistant", "message": "usage"}], id="a message that is none"),
        pytest.param([{"type": "assistant", "message": {"usage": {"input_tokens": "many"}}}], id="usage of words"),
        pytest.param([b'{"type":"assistant","message":{"usage":{"input_tokens":NaN}}}\n'], id="not a number"),
        pytest.param([b"[" * 200_000 + b'"usage" "assistant"\n'], id="deep nesting"),
    ],
)
def test_a_file_that_says_nothing_measures_nothing(path: Path, records: list[Record | bytes]) -> None:
    """Without a metered message there is no measurement, and no exception."""
    assert transcript.measure(write(path, *records)) is None


def test_what_calls_the_newest_message_made_is_told_from_earlier_ones(path: Path) -> None:
    """The results of the newest message's calls are not in its usage; those of earlier ones are."""
    write(path, message("a", 5_000, calls=("t1", "t2"), stop="tool_use"), message("b", 6_000, calls=("t3",), stop=None))
    measured = transcript.measure(str(path))
    assert measured is not None
    assert (list(measured.calls), list(measured.earlier), measured.ended) == (["t3"], ["t1", "t2"], False)


@pytest.mark.parametrize(
    ("stop", "calls", "ended"),
    [
        pytest.param("end_turn", (), True, id="end of the turn"),
        pytest.param("max_tokens", (), True, id="cut by its length"),
        pytest.param("tool_use", ("t",), False, id="calls a tool"),
        pytest.param(None, (), True, id="an old client says nothing, and no tool is called"),
        pytest.param(None, ("t",), False, id="an old client says nothing, and a tool is called"),
    ],
)
def test_the_end_of_a_turn_is_known(path: Path, stop: str | None, calls: tuple[str, ...], ended: bool) -> None:
    """A message that calls no tool ends its turn."""
    measured = transcript.measure(write(path, message("a", 5_000, stop=stop, calls=calls)))
    assert measured is not None
    assert measured.ended is ended


@pytest.mark.parametrize("keep", [pytest.param(0, id="replaced"), pytest.param(1, id="shrunk")])
def test_a_file_that_was_replaced_or_shrank_is_read_anew(path: Path, keep: int) -> None:
    """What was known of the file before does not lead astray."""
    records = [message("a", 5_000), message("b", 60_000)]
    before = transcript.measure(write(path, *records))
    assert before is not None
    write(path, *records[:keep], message("c", 3_000))
    after = transcript.measure(str(path), message=before.message, offset=before.offset)
    assert after is not None
    assert (after.occupancy, after.message) == (3_000, "c")


def test_what_stands_before_a_reset_is_history(path: Path) -> None:
    """A /clear that kept the session's id hides all messages until then."""
    write(path, message("a", 5_000))
    floor = path.stat().st_size
    assert transcript.measure(str(path), history_offset=floor) is None
    write(path, message("a", 5_000), message("b", 900))
    measured = transcript.measure(str(path), history_offset=floor)
    assert measured is not None
    assert measured.occupancy == 900


def test_a_subagents_own_file_is_all_side_chain(path: Path) -> None:
    """In a subagent's transcript every record is marked as a side chain, and counts."""
    write(path, message("a", 5_000, isSidechain=True))
    assert transcript.measure(str(path)) is None
    measured = transcript.measure(str(path), is_agent=True)
    assert measured is not None
    assert measured.occupancy == 5_000


def test_the_cost_does_not_grow_with_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long transcript only the end is read."""
    write(path, *[message(f"m{n}", 5_000 + n) for n in range(20_000)])
    read: list[int] = []
    pread = transcript.posix.pread
    monkeypatch.setattr(transcript.posix, "pread", lambda fd, n, at: (read.append(n), pread(fd, n, at))[1])
    measured = transcript.measure(str(path))
    assert measured is not None
    assert measured.occupancy == 24_999
    assert sum(read) <= transcript.FIRST_TAIL < path.stat().st_size / 50


@pytest.mark.parametrize("kind", ["folder", "fifo", "link", "missing"])
def test_only_a_regular_file_is_read(tmp_path: Path, kind: str) -> None:
    """A folder, a pipe, a link or nothing at all measures nothing, at once."""
    place = tmp_path / "t.jsonl"
    if kind == "folder":
        place.mkdir()
    elif kind == "fifo":
        os.mkfifo(place)
    elif kind == "link":
        write(tmp_path / "real.jsonl", message("a", 5_000))
        place.symlink_to(tmp_path / "real.jsonl")
    assert transcript.measure(str(place)) is None
