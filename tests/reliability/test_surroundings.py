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
from sandbox import EVENTS, HOOK, SESSION, Sandbox

from moai_flow.hook.payload import parse
from moai_flow.hook.respond import respond
from moai_flow.hook.state.paths import lock_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the hooks of Windows are other ones")
NOBODY = 65_534


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    box = Sandbox(tmp_path)
    box.write_message(5_000)
    return box


def session(box: Sandbox) -> list[str]:
    """Let a session go through every event and return the lines that it says to the person."""
    lines = []
    for event in EVENTS:
        lines += box.fire(event).reply.get("systemMessage", "").splitlines()
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
def test_a_full_disk(box: Sandbox) -> None:
    """Nothing is said, the last good ledger stays, and with room again the figures come right."""
    with mounted(box.state, "size=64k,mode=0700"):
        box.fire("SessionStart")
        before = box.ledger_path.read_bytes()
        filler = box.state / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(1024)):
                pass
        box.write_message(9_000, "msg_2")
        assert session(box) == []
        assert box.ledger_path.read_bytes() == before
        filler.unlink()
        box.fire("Stop")
        assert box.consumed()["main"] == 9_000


@needs_mount
def test_a_read_only_folder(box: Sandbox) -> None:
    """Nothing is said and nothing changes."""
    with mounted(box.state, "size=1m,mode=0700"):
        box.fire("SessionStart")
        before = box.ledger_path.read_bytes()
        subprocess.run(["mount", "-o", "remount,ro", str(box.state)], check=True)
        assert session(box) == []
        assert box.ledger_path.read_bytes() == before


def make_link(box: Sandbox) -> Path:
    """Put a link to a folder elsewhere in the state folder's place."""
    elsewhere = box.root / "elsewhere"
    elsewhere.mkdir()
    box.state.symlink_to(elsewhere)
    return elsewhere


def make_inner_link(box: Sandbox) -> Path:
    elsewhere = box.root / "elsewhere"
    elsewhere.mkdir()
    box.state.mkdir(mode=0o700)
    (box.state / "sessions").symlink_to(elsewhere)
    return elsewhere


def make_file(box: Sandbox) -> Path:
    box.state.write_text("mine")
    return box.state


def make_pipe(box: Sandbox) -> Path:
    os.mkfifo(box.state)
    return box.state


def make_foreign(box: Sandbox) -> Path:
    if os.geteuid():
        pytest.skip("only root can give files away")
    box.state.mkdir(mode=0o777)
    os.chown(box.state, NOBODY, NOBODY)
    return box.state


@pytest.mark.parametrize("make", [make_link, make_inner_link, make_file, make_pipe, make_foreign])
def test_a_state_folder_that_is_not_ones_own(box: Sandbox, make: Callable[[Sandbox], Path]) -> None:
    """It is left alone, and nothing is said."""
    place = make(box)
    before = place.stat()
    assert session(box) == []
    assert place.stat().st_mtime_ns == before.st_mtime_ns
    assert (place.stat().st_uid, place.stat().st_mode) == (before.st_uid, before.st_mode)
    if place.is_dir():
        assert list(place.iterdir()) == []


def test_a_folder_that_is_open_to_others_is_closed(box: Sandbox) -> None:
    """Its owner may have made it by hand."""
    (box.state / "sessions").mkdir(parents=True)
    box.state.chmod(0o777)
    box.fire("SessionStart")
    assert box.state.stat().st_mode & 0o777 == 0o700


def test_a_missing_folder_is_made(box: Sandbox) -> None:
    """With all above it, and for its user alone."""
    box.state = box.root / "a" / "b" / "state"
    box.fire("SessionStart")
    box.fire("Stop")
    assert box.consumed()["main"] == 5_000
    assert [path.stat().st_mode & 0o777 for path in (box.root / "a", box.state)] == [0o700] * 2


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
def test_an_environment_that_says_little(box: Sandbox, env: dict[str, str]) -> None:
    """Exit code 0 and silence, or a working hook."""
    # Whoever has no HOME has the one of the password file, which is not the test's to write in.
    if "TOKEN_BUDGET_STATE_DIR" not in env and not env.get("HOME"):
        env = {**env, "XDG_STATE_HOME": str(box.root / "xdg")}
    for event in EVENTS:
        outcome = box.run(box.payload(event), env=env)
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
def test_streams_that_do_not_work(box: Sandbox, redirection: str) -> None:
    """Exit code 0, and where there was a payload the ledger is written all the same."""
    box.configure(warning_threshold_1=1)
    box.fire("SessionStart")
    data = json.dumps(box.payload("UserPromptSubmit")).encode()
    done = subprocess.run(
        ["sh", "-c", f'"$0" -I -S "$3" {redirection}', *HOOK],
        input=data,
        env=box.env,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert (box.consumed()["main"] > 5_000) is ("<&-" not in redirection)


def test_a_clock_that_jumps(tmp_path: Path) -> None:
    """Back by years, on by centuries, to 0 and below: the figures are those of a steady clock."""
    now = time.time()
    jumps = [now, now - 1e9, 0.0, -1e9, 1e12, now, now - 3_600]
    found = []
    for name, moments in (("jumping", jumps), ("steady", [now + number for number in range(len(jumps))])):
        box = Sandbox(tmp_path / name)
        for number, moment in enumerate(moments):
            box.write_message(6_000 + number, f"msg_{number}")
            for event in EVENTS:
                parsed = parse(json.dumps(box.payload(event, tool_use_id=f"t{number}")).encode())
                assert parsed is not None
                respond(parsed, box.env, sys.platform, moment, wait_seconds=0.0)
        found.append(box.consumed())
    assert found[0] == found[1]


def test_a_link_in_the_ledgers_place(box: Sandbox) -> None:
    """It is not followed: what it leads to is neither read nor written, and nothing is said."""
    box.fire("SessionStart")
    victim = box.root / "victim"
    box.ledger_path.rename(victim)
    box.ledger_path.symlink_to(victim)
    before = victim.read_bytes()
    assert session(box) == []
    assert victim.read_bytes() == before


def test_a_link_in_the_temporary_files_place(box: Sandbox) -> None:
    """It is removed, and what it leads to stays as it was."""
    box.fire("SessionStart")
    victim = box.root / "victim"
    victim.write_text("mine")
    box.ledger_path.with_name(f"{SESSION}.json.tmp").symlink_to(victim)
    box.write_message(6_000, "msg_2")
    box.fire("Stop")
    assert victim.read_text() == "mine"
    assert box.consumed()["main"] == 6_000


def test_a_folder_in_the_ledgers_place(box: Sandbox) -> None:
    """It is left alone, and nothing is said."""
    box.ledger_path.mkdir(parents=True)
    assert session(box) == []
    assert list(box.ledger_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_a_lock_in_whose_place_there_is_something_else(box: Sandbox, kind: str) -> None:
    """Nothing hangs, nothing is emptied."""
    lock = box.root / "state" / "sessions" / lock_file("", SESSION).rpartition("/")[2]
    lock.parent.mkdir(parents=True)
    victim = box.root / "victim"
    victim.write_text("mine")
    {"pipe": lambda: os.mkfifo(lock), "link": lambda: lock.symlink_to(victim), "folder": lock.mkdir}[kind]()
    start = time.monotonic()
    assert session(box) == []
    assert time.monotonic() - start < 60
    assert victim.read_text() == "mine"
