"""What is old is removed when a session starts: seldom, a bounded part at a time, and never a lock."""

from __future__ import annotations

import os
import resource
import sys
import time
from typing import TYPE_CHECKING

import pytest
from support.harness import EXAMPLES, SESSION, Session

from moai_flow.hook.state import files
from moai_flow.hook.state.paths import lock_file
from moai_flow.hook.state.sweep import MAX, MAX_REMOVED, sweep

if TYPE_CHECKING:
    from pathlib import Path

HOUR, DAY = 3_600.0, 86_400.0
NOW = 2_000_000_000.0

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the hooks of Windows are other ones")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    for name in ("sessions", "processes", "quarantine"):
        (tmp_path / name).mkdir()
    return tmp_path


def aged(path: Path, seconds: float) -> Path:
    path.write_text("{}")
    os.utime(path, (NOW - seconds, NOW - seconds))
    return path


@pytest.mark.parametrize(
    ("name", "seconds", "stays"),
    [
        pytest.param("sessions/a.json", 31 * DAY, False, id="old ledger"),
        pytest.param("sessions/a.json", 29 * DAY, True, id="ledger of last month"),
        pytest.param(f"sessions/{SESSION}.json", 99 * DAY, True, id="own ledger"),
        pytest.param("sessions/07.lock", 999 * DAY, True, id="lock"),
        pytest.param("sessions/a.json.tmp", 2 * HOUR, False, id="temporary file"),
        pytest.param("sessions/a.json.tmp", 0.5 * HOUR, True, id="temporary file in use"),
        pytest.param("sessions/a.json.x.tmp", 2 * HOUR, False, id="temporary file of a writer"),
        pytest.param("processes/4711", 31 * DAY, False, id="old process"),
        pytest.param("processes/4711", 2 * HOUR, False, id="process that is gone"),
        pytest.param("processes/4711", 0.5 * HOUR, True, id="process that is gone, lately"),
        pytest.param(f"processes/{os.getpid()}", 29 * DAY, True, id="process that runs"),
        pytest.param("quarantine/1-a.json", 31 * DAY, False, id="old quarantine"),
        pytest.param("quarantine/1-a.json", 1 * DAY, True, id="quarantine"),
        pytest.param("else", 999 * DAY, True, id="not a file of these folders"),
        pytest.param("sessions/a.json", -99 * DAY, True, id="ledger from the future"),
    ],
)
def test_what_is_old_goes(state: Path, name: str, seconds: float, *, stays: bool) -> None:
    """Ledgers after 30 days; temporary files, and what a client that is gone left, after an hour."""
    path = aged(state / name, seconds)
    assert sweep(str(state), SESSION, NOW) == (not stays)
    assert path.exists() is stays


def test_a_sweep_comes_once_a_day(state: Path) -> None:
    """And again when the clock was set back, for the last one is in the future then."""
    for moment, removed in ((NOW, 1), (NOW + DAY / 2, 0), (NOW + DAY + 1, 1), (NOW - 99 * DAY, 1)):
        aged(state / "sessions" / "a.json", 300 * DAY)
        marker = state / "swept"
        assert sweep(str(state), SESSION, moment) == removed
        os.utime(marker, (moment, moment)) if removed else None


def test_a_sweep_looks_at_a_bounded_number_and_comes_to_all(state: Path) -> None:
    """Each day at another part of a folder that is large, until everything old is gone."""
    for number in range(3 * MAX):
        aged(state / "sessions" / f"s{number:05d}.json", 99 * DAY if number % 250 == 0 else 0)
    left = 3 * MAX // 250
    for day in range(12):
        moment = NOW + day * (DAY + 1)
        removed = sweep(str(state), SESSION, moment)
        marked = state / "swept"
        if marked.exists():
            os.utime(marked, (moment, moment))
        assert removed <= MAX_REMOVED
        left -= removed
    assert left == 0


def test_a_ledger_whose_lock_is_taken_stays(state: Path) -> None:
    """Its session may just be resumed: what is written now must not be removed."""
    path = aged(state / "sessions" / "a.json", 99 * DAY)
    lock = files.lock(lock_file(str(state), "a"), str(path))
    assert sweep(str(state), SESSION, NOW) == 0
    files.close(lock)
    assert path.exists()


def test_a_link_is_removed_and_not_what_it_leads_to(state: Path, tmp_path: Path) -> None:
    """Nobody of another user can put one there, but a person may."""
    victim = aged(tmp_path / "victim.json", 99 * DAY)
    link = state / "sessions" / "a.json"
    link.symlink_to(victim)
    os.utime(link, (NOW - 99 * DAY,) * 2, follow_symlinks=False)
    sweep(str(state), SESSION, NOW)
    assert victim.exists()
    assert not link.is_symlink()


def test_only_the_start_of_a_session_sweeps(session: Session) -> None:
    """No other event looks at the folder."""
    session.fire("Stop")
    old = session.state / "sessions" / "old.json"
    old.write_text("{}")
    os.utime(old, (1.0, 1.0))
    for event in EXAMPLES:
        if event != "SessionStart":
            session.fire(event)
    assert old.exists()
    session.fire("SessionStart")
    assert not old.exists()


def test_ten_thousand_old_ledgers_do_not_slow_a_hook(session: Session) -> None:
    """A tool's hook takes as long as beside none; the start that sweeps takes little more."""
    session.fire("SessionStart")

    def least(event: str) -> float:
        """Return the least processor time (seconds) of nine hooks: other work on the machine does not count."""
        times = []
        for number in range(9):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            session.fire(event, tool_use_id=f"t{number}")
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return min(times)

    alone = least("PostToolUse")
    for number in range(10_000):
        path = session.state / "sessions" / f"old-{number}.json"
        path.write_bytes(b"{}")
        os.utime(path, (1.0, 1.0))
    assert least("PostToolUse") <= 1.5 * alone
    (session.state / "swept").unlink()
    start = time.process_time()
    assert sweep(str(session.state), SESSION, time.time()) == MAX_REMOVED
    assert time.process_time() - start <= 0.2
