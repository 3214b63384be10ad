"""The files by which hooks that nobody waits for are allowed, counted and put in order."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from moai_flow.hook.state import flights, paths

SESSION = "s-1"


@pytest.fixture
def state(tmp_path: Path) -> str:
    """A state folder in which the session's hooks may run beside it."""
    flights.allow(str(tmp_path), SESSION, "16 PostToolUse Stop")
    return str(tmp_path)


def begin(state: str, name: str, *, ago: float = 0.0) -> Path:
    """Let a hook be under way since some seconds."""
    path = Path(paths.flights(state), name)
    path.write_text("\n")
    os.utime(path, (time.time() - ago,) * 2)
    return path


def waited(state: str, own: str = "") -> float:
    """Return the seconds that a hook waits for those before it."""
    start = time.monotonic()
    flights.wait_for_earlier(state, SESSION, own)
    return time.monotonic() - start


def test_a_permission_is_one_private_line(state: str) -> None:
    """As the launcher reads it; it is replaced in one step, and goes when the session has to wait."""
    path = Path(paths.quiet_file(state, SESSION))
    assert path.read_text() == "16 PostToolUse Stop\n"
    assert path.stat().st_mode & 0o077 == 0
    flights.allow(state, SESSION, "1 Stop")
    assert path.read_text() == "1 Stop\n"
    flights.forbid(state, SESSION)
    flights.forbid(state, SESSION)
    assert not path.exists()


def test_a_permission_that_stands_is_not_written_again(state: str) -> None:
    """A hook of a session that stays far from every threshold writes nothing but its ledger."""
    path = Path(paths.quiet_file(state, SESSION))
    before = path.stat()
    flights.allow(state, SESSION, "16 PostToolUse Stop")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_hook_with_nothing_before_it_does_not_wait(state: str) -> None:
    """Nor where no hook has ever run beside a session."""
    own = f"{SESSION}.{os.getpid()}"
    assert waited(state) < flights.QUEUE_SECONDS / 2
    begin(state, own)
    assert waited(state, own) < flights.QUEUE_SECONDS / 2
    assert waited(f"{state}/nowhere") < flights.QUEUE_SECONDS / 2


def test_a_hook_waits_for_one_that_was_started_earlier(state: str) -> None:
    """It goes on as soon as that one is done."""
    other = begin(state, f"{SESSION}.{os.getpid()}", ago=1.0)
    own = begin(state, f"{SESSION}.{os.getppid()}")
    threading.Timer(0.1, other.unlink).start()
    assert 0.09 < waited(state, own.name) < flights.LONG_QUEUE_SECONDS


def test_a_hook_does_not_wait_for_a_later_one_or_another_sessions(state: str) -> None:
    """So two hooks never wait for each other."""
    own = begin(state, f"{SESSION}.{os.getpid()}", ago=1.0)
    begin(state, f"{SESSION}.{os.getppid()}")
    begin(state, f"other.{os.getppid()}", ago=2.0)
    assert waited(state, own.name) < flights.QUEUE_SECONDS / 2


def test_one_that_the_session_waits_for_does_not_wait_long(state: str) -> None:
    """Whatever keeps the others."""
    begin(state, f"{SESSION}.{os.getpid()}", ago=1.0)
    assert flights.QUEUE_SECONDS <= waited(state) < 2 * flights.QUEUE_SECONDS


@pytest.mark.parametrize(
    ("name", "ago"),
    [
        pytest.param("{dead}", 1.0, id="killed"),
        pytest.param("{alive}", 60.0, id="its number is another process's now"),
        pytest.param("{alive}", -60.0, id="the clock was set back"),
        pytest.param("noise", 1.0, id="no number"),
        pytest.param("99999999999999999999", 1.0, id="no possible number"),
    ],
)
def test_what_a_hook_left_behind_is_removed(state: str, name: str, ago: float) -> None:
    """Nobody waits for it, and it is not counted by the launcher any more."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        pass
    left = begin(state, f"{SESSION}.{name.format(dead=process.pid, alive=os.getppid())}", ago=ago)
    assert waited(state) < flights.QUEUE_SECONDS / 2
    assert not left.exists()


@pytest.mark.parametrize(
    ("told", "name"),
    [
        pytest.param("", "", id="waited for"),
        pytest.param(SESSION, f"{SESSION}.{os.getppid()}", id="beside the session"),
        pytest.param("../" + SESSION, "", id="no session's name"),
    ],
)
def test_a_flight_is_named_after_the_launcher(state: str, told: str, name: str) -> None:
    """It is the parent of the hook."""
    environ = {flights.FLIGHT_VARIABLE: told, "TOKEN_BUDGET_STATE_DIR": state}
    assert flights.flight(environ) == name
    assert flights.flight_file(environ, "linux") == (f"{state}/flights/{name}" if name else "")
