"""Traces that are kept: a session is played again only when it has changed."""

from __future__ import annotations

import os
import sqlite3
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from support.transcript import Transcript
from support.workday import workday

from moai_flow.analysis import cache, load, parallel
from moai_flow.analysis.cache import decode, encode
from moai_flow.analysis.load import load_traces
from moai_flow.replay import recorded

if TYPE_CHECKING:
    from pathlib import Path

    from moai_flow.analysis.trace import Trace


class Home:
    """A home with two sessions, and a folder for what is kept."""

    def __init__(self, root: Path) -> None:
        self.kept = root / "kept"
        self.kept.mkdir(mode=0o700)
        self.environ = {"HOME": str(root)}
        self.transcripts = workday(root / "projects/-home-me-app", "/home/me/app")
        self.played: list[str] = []

    def load(self, *, cached: bool = True) -> list[Trace]:
        self.played.clear()
        found = [recorded.at(path) for path in self.transcripts if path.exists()]
        return load_traces(found, self.environ, cache=str(self.kept) if cached else "")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = Home(tmp_path)
    real = load.play

    def counted(session: Any, *arguments: Any, **named: Any) -> Any:
        made.played.append(session.session_id)
        return real(session, *arguments, **named)

    monkeypatch.setattr(load, "play", counted)
    return made


def test_what_has_not_changed_is_not_played_again(home: Home) -> None:
    """And the second report is the first one."""
    first = home.load()
    assert len(home.played) == 2
    assert home.load() == first
    assert home.played == []
    assert home.load(cached=False) == first
    assert len(home.played) == 2


def test_a_session_that_went_on_is_played_again(home: Home) -> None:
    """Its main file or one of its agents': size and time of each count."""
    home.load()
    story = Transcript(home.transcripts[1], cwd="/home/me/app", began=datetime(2026, 11, 20, 18, tzinfo=timezone.utc))
    story.prompt("Go on.")
    story.end_turn()
    assert home.load()[1].ended > datetime(2026, 11, 20, 17, tzinfo=timezone.utc).timestamp()
    assert home.played == [home.transcripts[1].stem]
    (agent, *_) = sorted(home.transcripts[0].with_suffix("").rglob("*.jsonl"))
    os.utime(agent, (1, 1))
    home.load()
    assert home.played == [home.transcripts[0].stem]


def test_other_settings_are_other_figures(home: Home, tmp_path: Path) -> None:
    """A limit that was set since changes what a report says."""
    home.load()
    config = tmp_path / ".config/token-budget/config.json"
    config.parent.mkdir(parents=True)
    config.write_text('{"token_budget": {"total_budget": 300000}}')
    assert {trace.total_budget for trace in home.load()} == {300_000}
    assert len(home.played) == 2


def test_another_version_makes_everything_anew(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its hooks may count otherwise."""
    home.load()
    monkeypatch.setattr(cache, "FORMAT", "another")
    home.load()
    assert len(home.played) == 2


@pytest.mark.parametrize("content", [b"no database", b"", b"SQLite format 3\0" + b"\xff" * 4_000])
def test_a_damaged_file_is_made_anew(home: Home, content: bytes) -> None:
    """Whatever it holds: what is in it can be made again."""
    first = home.load()
    (kept,) = home.kept.glob("*.sqlite")
    kept.write_bytes(content)
    assert home.load() == first
    assert home.load() == first
    assert home.played == []


def test_what_the_client_deletes_is_not_kept(home: Home) -> None:
    """Names of files and commands live no longer than the transcript."""
    home.load()
    home.transcripts[0].unlink()
    os.utime(home.transcripts[1], (1, 1))
    home.load()
    (kept,) = home.kept.glob("*.sqlite")
    rows = sqlite3.connect(kept).execute("SELECT path FROM traces").fetchall()
    assert [path for (path,) in rows] == [str(home.transcripts[1])]


def test_what_is_kept_is_the_persons_alone(home: Home) -> None:
    """As everything that this program keeps."""
    home.load()
    assert [path.stat().st_mode & 0o777 for path in home.kept.iterdir()] == [0o600]


@pytest.mark.parametrize("place", ["missing", "file"])
def test_without_a_place_to_keep_it_the_report_is_the_same(home: Home, tmp_path: Path, place: str) -> None:
    """A full or read-only disk costs time and nothing else."""
    first = home.load()
    (tmp_path / "file").write_text("")
    home.kept = tmp_path / place / "inside"
    assert home.load() == first


def test_a_trace_survives_being_kept(home: Home) -> None:
    """To the last field."""
    for trace in home.load():
        assert decode(encode(trace)) == trace


def test_several_processes_find_the_same(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever order they are done."""
    first = home.load(cached=False)
    monkeypatch.setattr(parallel, "PARALLEL_BYTES", 0)
    monkeypatch.setattr(parallel.os, "cpu_count", lambda: 2)
    assert home.load(cached=False) == first


def test_progress_is_the_bytes_that_are_done(home: Home) -> None:
    """Those that were kept too; together they are all."""
    found = [recorded.at(path) for path in home.transcripts]
    for _ in range(2):
        done: list[int] = []
        load_traces(found, home.environ, cache=str(home.kept), progress=done.append)
        assert sum(done) == sum(one.size for one in found)


def test_a_session_without_a_record_is_left_out(home: Home, tmp_path: Path) -> None:
    """What is no transcript spoils no report."""
    home.transcripts.append(tmp_path / "projects/-home-me-app/none.jsonl")
    home.transcripts[-1].write_text("{}\nnot JSON\n")
    assert len(home.load()) == 2
