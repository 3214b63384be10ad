"""What a session's start removes from the state folder, and what it leaves."""

from __future__ import annotations

import os
import sys

import pytest

if sys.platform == "win32":
    pytest.skip("hooks use other means there", allow_module_level=True)

from typing import TYPE_CHECKING

from moai_flow.hook.state.sweep import EVERY_SECONDS, LEDGER_SECONDS, MARKER, MAX_REMOVED, TEMPORARY_SECONDS, sweep

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_790_000_000.0


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "sessions").mkdir()
    return tmp_path


def put(state: Path, name: str, age: float) -> Path:
    path = state / "sessions" / name
    path.write_text("{}")
    os.utime(path, (NOW - age, NOW - age))
    return path


def marked(state: Path, at: float) -> None:
    (state / MARKER).touch()
    os.utime(state / MARKER, (at, at))


@pytest.mark.parametrize(
    ("name", "age", "stays"),
    [
        pytest.param("old.json", LEDGER_SECONDS + 60, False, id="old-ledger"),
        pytest.param("recent.json", LEDGER_SECONDS - 60, True, id="recent-ledger"),
        pytest.param("mine.json", LEDGER_SECONDS + 60, True, id="the-session-that-starts"),
        pytest.param("07.lock", LEDGER_SECONDS + 60, True, id="lock"),
        pytest.param("x.json.tmp", TEMPORARY_SECONDS + 60, False, id="left-behind"),
        pytest.param("x.json.tmp", TEMPORARY_SECONDS - 60, True, id="being-written"),
    ],
)
def test_only_what_is_old_is_removed(state: Path, name: str, age: float, *, stays: bool) -> None:
    """Each kind of file has its own age, and locks have none."""
    path = put(state, name, age)
    sweep(str(state), "mine", NOW)
    assert path.exists() == stays


def test_many_old_ledgers_are_removed_start_by_start(state: Path) -> None:
    """No start removes more than a few; the next one goes on at once, not a day later."""
    paths = [put(state, f"old-{number}.json", LEDGER_SECONDS * 2) for number in range(2 * MAX_REMOVED + 1)]
    left = []
    for _ in range(3):
        sweep(str(state), "mine", NOW)
        left.append(sum(path.exists() for path in paths))
    assert left == [MAX_REMOVED + 1, 1, 0]


@pytest.mark.parametrize(
    ("since", "sweeps"),
    [
        pytest.param(EVERY_SECONDS - 60, False, id="within-a-day"),
        pytest.param(EVERY_SECONDS + 60, True, id="a-day-later"),
        pytest.param(-60.0, True, id="clock-set-back"),
    ],
)
def test_whole_sweep_is_made_once_a_day(state: Path, since: float, *, sweeps: bool) -> None:
    """The marker of the last sweep says when the next is due."""
    marked(state, NOW - since)
    path = put(state, "old.json", LEDGER_SECONDS * 2)
    sweep(str(state), "mine", NOW)
    assert path.exists() != sweeps


def test_whole_sweep_leaves_its_marker(state: Path) -> None:
    """A sweep that looked at everything need not be made again today."""
    sweep(str(state), "mine", NOW)
    assert (state / MARKER).exists()
