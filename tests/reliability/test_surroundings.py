"""Folders, streams and clocks that are not as they should be: a working session, and at most one line about it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from support.harness import EXAMPLES, HOOK, SESSION, Session

from moai_flow.hook.state.paths import lock_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the hooks of Windows are other ones")
UNCLAIMED = 65_534


@pytest.fixture
def session(session: Session) -> Session:
    session.reply(5_000)
    return session


def every_event(session: Session) -> list[str]:
    """Let a session go through every event and return the lines that it says to the person."""
    lines = []
    for event in EXAMPLES:
        lines += session.fire(event).get("systemMessage", "").splitlines()
    return lines


@contextlib.contextmanager
def mounted(place: Path, options: str) -> Iterator[None]:
    """Mount a small file system of its own there; skip where that is not allowed."""
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


needs_mount = pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0 or not shutil.which("mount"),
    reason="only root can mount",
)


@needs_mount
def test_a_full_disk(session: Session) -> None:
    """Nothing is said, the last good ledger stays, and with room again the figures come right."""
    with mounted(session.state, "size=64k,mode=0700"):
        session.fire("SessionStart")
        before = session.ledger_file.read_bytes()
        filler = session.state / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(1024)):
                pass
        session.reply(9_000, identity="msg_2")
        assert every_event(session) == []
        assert session.ledger_file.read_bytes() == before
        filler.unlink()
        session.fire("Stop")
        assert session.consumed()["main"] == 9_000


@needs_mount
def test_a_read_only_folder(session: Session) -> None:
    """Nothing is said and nothing changes."""
    with mounted(session.state, "size=1m,mode=0700"):
        session.fire("SessionStart")
        before = session.ledger_file.read_bytes()
        subprocess.run(["mount", "-o", "remount,ro", str(session.state)], check=True)
        assert every_event(session) == []
        assert session.ledger_file.read_bytes() == before


def make_link(session: Session) -> Path:
    """Put a link to a folder elsewhere in the state folder's place."""
    elsewhere = session.root / "elsewhere"
    elsewhere.mkdir()
    session.state.symlink_to(elsewhere)
    return elsewhere


def make_inner_link(session: Session) -> Path:
    elsewhere = session.root / "elsewhere"
    elsewhere.mkdir()
    session.state.mkdir(mode=0o700)
    (session.state / "sessions").symlink_to(elsewhere)
    return elsewhere


def make_file(session: Session) -> Path:
    session.state.write_text("mine")
    return session.state


def make_pipe(session: Session) -> Path:
    os.mkfifo(session.state)
    return session.state


def make_foreign(session: Session) -> Path:
    if os.geteuid():
        pytest.skip("only root can give files away")
    session.state.mkdir(mode=0o777)
    os.chown(session.state, UNCLAIMED, UNCLAIMED)
    return session.state


@pytest.mark.parametrize("make", [make_link, make_inner_link, make_file, make_pipe, make_foreign])
def test_a_state_folder_that_is_not_ones_own(session: Session, make: Callable[[Session], Path]) -> None:
    """It is left alone, and nothing is said."""
    place = make(session)
    before = place.stat()
    assert every_event(session) == []
    assert place.stat().st_mtime_ns == before.st_mtime_ns
    assert (place.stat().st_uid, place.stat().st_mode) == (before.st_uid, before.st_mode)
    if place.is_dir():
        assert list(place.iterdir()) == []


def test_a_folder_that_is_open_to_others_is_closed(session: Session) -> None:
    """Its owner may have made it by hand."""
    (session.state / "sessions").mkdir(parents=True)
    session.state.chmod(0o777)
    session.fire("SessionStart")
    assert session.state.stat().st_mode & 0o777 == 0o700


def test_a_missing_folder_is_made(session: Session) -> None:
    """With all above it, and for its user alone."""
    session.state = session.root / "a" / "b" / "state"
    session.env["TOKEN_BUDGET_STATE_DIR"] = str(session.state)
    session.fire("SessionStart")
    session.fire("Stop")
    assert session.consumed()["main"] == 5_000
    assert [path.stat().st_mode & 0o777 for path in (session.root / "a", session.state)] == [0o700] * 2


@pytest.mark.parametrize(
    "env",
    [
        pytest.param({}, id="nothing set"),
        pytest.param({"HOME": ""}, id="empty HOME"),
        pytest.param({"HOME": "relative"}, id="relative HOME"),
        pytest.param({"HOME": "/dev/null"}, id="HOME is a device"),
        pytest.param({"TOKEN_BUDGET_STATE_DIR": "relative"}, id="relative state folder"),
        pytest.param({"TOKEN_BUDGET_STATE_DIR": "/proc/nowhere"}, id="state folder that cannot be made"),
        pytest.param({"TOKEN_BUDGET_STATE_DIR": "/"}, id="state folder is the root"),
        pytest.param({"TOKEN_BUDGET_STATE_DIR": "/dev/null/x"}, id="state folder below a device"),
        pytest.param({"XDG_STATE_HOME": "relative", "HOME": "/dev/null"}, id="relative XDG_STATE_HOME"),
        pytest.param({"LC_ALL": "C", "HOME": "/dev/null/\udcff"}, id="bytes that are no text"),
    ],
)
def test_an_environment_that_says_little(session: Session, env: dict[str, str]) -> None:
    """Exit code 0 and silence, or a working hook."""
    # Whoever has no HOME has the one of the password file, which is not the test's to write in.
    if "TOKEN_BUDGET_STATE_DIR" not in env and not env.get("HOME"):
        env = {**env, "XDG_STATE_HOME": str(session.root / "xdg")}
    for event in EXAMPLES:
        outcome = session.run(session.example(event), env=env)
        outcome.check()
        assert outcome.reply == {}


@pytest.mark.parametrize(
    "redirection",
    [
        pytest.param(">&-", id="stdout closed"),
        pytest.param(">/dev/full", id="disk full"),
        pytest.param("| true", id="nobody reads"),
        pytest.param(">&- 2>&-", id="both closed"),
        pytest.param("<&-", id="stdin closed"),
    ],
)
def test_streams_that_do_not_work(session: Session, redirection: str) -> None:
    """Exit code 0, and where there was a payload the ledger is written all the same."""
    session.configure_project(warning_threshold_1=1)
    session.fire("SessionStart")
    data = json.dumps(session.example("UserPromptSubmit")).encode()
    done = subprocess.run(
        ["sh", "-c", f'"$0" -I -S "$3" {redirection}', *HOOK],
        input=data,
        env=session.env,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert (session.consumed()["main"] > 5_000) is ("<&-" not in redirection)


def test_a_clock_that_jumps(tmp_path: Path) -> None:
    """Back by years, on by centuries, to 0 and below: the figures are those of a steady clock."""
    now = time.time()
    jumps = [now, now - 1e9, 0.0, -1e9, 1e12, now, now - 3_600]
    found = []
    for name, moments in (("jumping", jumps), ("steady", [now + number for number in range(len(jumps))])):
        session = Session(tmp_path / name)
        for number, moment in enumerate(moments):
            session.reply(6_000 + number, identity=f"msg_{number}")
            for event in EXAMPLES:
                session.respond(session.example(event, tool_use_id=f"t{number}"), now=moment)
        found.append(session.consumed())
    assert found[0] == found[1]


def test_a_link_in_the_ledgers_place(session: Session) -> None:
    """It is not followed: what it leads to is neither read nor written, and nothing is said."""
    session.fire("SessionStart")
    victim = session.root / "victim"
    session.ledger_file.rename(victim)
    session.ledger_file.symlink_to(victim)
    before = victim.read_bytes()
    assert every_event(session) == []
    assert victim.read_bytes() == before


def test_a_link_in_the_temporary_files_place(session: Session) -> None:
    """It is removed, and what it leads to stays as it was."""
    session.fire("SessionStart")
    victim = session.root / "victim"
    victim.write_text("mine")
    session.ledger_file.with_name(f"{SESSION}.json.tmp").symlink_to(victim)
    session.reply(6_000, identity="msg_2")
    session.fire("Stop")
    assert victim.read_text() == "mine"
    assert session.consumed()["main"] == 6_000


def test_a_folder_in_the_ledgers_place(session: Session) -> None:
    """It is left alone, and nothing is said."""
    session.ledger_file.mkdir(parents=True)
    assert every_event(session) == []
    assert list(session.ledger_file.iterdir()) == []


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_a_lock_in_whose_place_there_is_something_else(session: Session, kind: str) -> None:
    """Nothing hangs, nothing is emptied."""
    lock = session.root / "state" / "sessions" / lock_file("", SESSION).rpartition("/")[2]
    lock.parent.mkdir(parents=True)
    victim = session.root / "victim"
    victim.write_text("mine")
    {"pipe": lambda: os.mkfifo(lock), "link": lambda: lock.symlink_to(victim), "folder": lock.mkdir}[kind]()
    start = time.monotonic()
    assert every_event(session) == []
    assert time.monotonic() - start < 60
    assert victim.read_text() == "mine"
