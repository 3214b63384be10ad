from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moai_flow.usage.progress import Progress
from moai_flow.usage.reading import read_beginning, read_new


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s1.jsonl"


def test_each_byte_is_read_once(path: Path) -> None:
    """What was read is not read again, also by a process that only knows what was kept."""
    path.write_bytes(b"one\n")
    progress = Progress()
    assert read_new(str(path), progress).lines == b"one\n"
    path.write_bytes(b"one\ntwo\n")
    kept = Progress.from_list(progress.to_list())
    assert read_new(str(path), kept).lines == b"two\n"
    assert read_new(str(path), kept).lines == b""


def test_a_half_written_line_waits(path: Path) -> None:
    """A line counts when its newline is there; before, it is only shown to those who ask."""
    path.write_bytes(b"one\ntw")
    progress = Progress()
    fresh = read_new(str(path), progress, with_rest=True)
    assert (fresh.lines, fresh.rest, fresh.remaining) == (b"one\n", b"tw", 2)
    path.write_bytes(b"one\ntwo\n")
    assert read_new(str(path), progress).lines == b"two\n"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"one\n", id="cut"),
        pytest.param(b"one\nTWO\nmore\n", id="changed before the offset"),
        pytest.param(b"ONE\nmore than it was\n", id="cut and grown again"),
    ],
)
def test_a_file_that_was_changed_is_read_from_its_beginning(path: Path, data: bytes) -> None:
    """What was taken from it before no longer holds."""
    path.write_bytes(b"one\ntwo\n")
    progress = Progress()
    assert read_new(str(path), progress).is_other is False
    path.write_bytes(data)
    fresh = read_new(str(path), progress)
    assert (fresh.is_other, fresh.lines) == (True, data)


def test_another_file_under_the_name_is_read_from_its_beginning(path: Path) -> None:
    """A client that rewrites a transcript puts a new file in its place."""
    path.write_bytes(b"one\n")
    progress = Progress()
    read_new(str(path), progress)
    other = path.with_suffix(".tmp")
    other.write_bytes(b"one\ntwo\n")
    other.replace(path)
    fresh = read_new(str(path), progress)
    assert (fresh.is_other, fresh.lines) == (True, b"one\ntwo\n")


def test_no_more_is_read_at_a_time_than_asked_for(path: Path) -> None:
    """An event reads a bounded amount; the rest comes with the next ones."""
    path.write_bytes(b"one\ntwo\nthree\n")
    progress = Progress()
    fresh = read_new(str(path), progress, most=6)
    assert (fresh.lines, fresh.remaining) == (b"one\n", 10)
    assert read_new(str(path), progress, most=6).lines == b"two\n"
    assert read_new(str(path), progress, most=6).lines == b"three\n"


def test_a_line_longer_than_what_is_read_at_a_time_is_left_out(path: Path) -> None:
    """It costs no more than its length, and the line after it counts."""
    path.write_bytes(b"one\n" + b"x" * 50 + b"\nthree\n")
    progress = Progress()
    found = [read_new(str(path), progress, most=8).lines for _ in range(9)]
    assert b"".join(found) == b"one\nthree\n"
    assert progress.offset == path.stat().st_size


def test_the_end_of_a_long_line_that_is_still_written_is_no_line(path: Path) -> None:
    """Its beginning was left out, so its end is too."""
    path.write_bytes(b"x" * 20)
    progress = Progress()
    while read_new(str(path), progress, most=8).remaining:
        pass
    with path.open("ab") as file:
        file.write(b"xx\ntwo\n")
    assert read_new(str(path), progress, most=8).lines == b"two\n"


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    """A link leads to somebody else's file, and a pipe would keep the session waiting."""
    target = tmp_path / "target"
    target.write_bytes(b"one\n")
    (tmp_path / "link").symlink_to(target)
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", "missing", "."):
        with pytest.raises(OSError, match=r"."):
            read_new(str(tmp_path / name), Progress())
        assert read_beginning(str(tmp_path / name), 10) == b""
    assert read_beginning(str(target), 2) == b"on"


@pytest.mark.parametrize("kept", [None, [], [1, 2, 3], [-1, 0, 0, 0, "", 0, {}], ["1", 0, 0, 0, "", 0, {}], {"a": 1}])
def test_what_was_kept_and_is_damaged_reads_from_the_beginning(kept: object) -> None:
    """A ledger is somebody else's file too."""
    assert Progress.from_list(kept).to_list() == Progress().to_list()


@given(
    written=st.lists(st.binary(max_size=14).map(lambda line: line.replace(b"\n", b"") + b"\n"), max_size=12),
    cuts=st.lists(st.integers(0, 180), max_size=8),
    most=st.integers(16, 64),
)
def test_however_a_file_grows_its_lines_are_read_once(written: list[bytes], cuts: list[int], most: int) -> None:
    """Wherever a write or a reading ends: the lines that come out are those of the whole file."""
    whole = b"".join(written)
    ends = sorted({min(cut, len(whole)) for cut in cuts} | {len(whole)})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s1.jsonl")
        progress, found = Progress(), b""
        for end in ends:
            path.open("ab").close()
            with path.open("r+b") as file:
                file.write(whole[:end])
            found += read_new(str(path), progress, most=most).lines
        while fresh := read_new(str(path), progress, most=most).lines:
            found += fresh
    assert found == whole
