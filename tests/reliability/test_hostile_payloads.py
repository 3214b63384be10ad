"""Whatever a hook is handed: exit code 0, little time and memory, and nothing touched but its own folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hostile import CASES, Build
from measured import Meter
from support.harness import HOOK, Outcome, Session

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_MEMORY = 64 << 20
MAX_SECONDS = 1.0
WATCHDOG_SECONDS = 4.0
"""Less than what a hook waits at most for anything, and far more than it takes on a busy machine."""

# Every twentieth, and whatever leads elsewhere.
TRACED = [
    case for number, case in enumerate(CASES) if number % 20 == 0 or "link" in case[0] or "path at Post" in case[0]
]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the hooks of Windows are other ones")


@pytest.fixture(scope="module")
def meter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Meter]:
    one = Meter(tmp_path_factory.mktemp("meter"))
    yield one
    one.close()


@pytest.fixture
def session(session: Session) -> Session:
    """Return a session that has something to say at every event, so that replies are put to the test too."""
    session.configure_project(warning_threshold_1=1, warning_threshold_2=2, default_swarm_limit=1, tell_agents=True)
    session.reply(5_000)
    return session


def outside(session: Session) -> dict[str, tuple[int, int]]:
    """Return inode and time of change of everything below the test's folder but the state folder."""
    found = {}
    for folder, folders, files in os.walk(session.root):
        if Path(folder) == session.root and "state" in folders:
            folders.remove("state")
        for name in [*folders, *files]:
            status = Path(folder, name).lstat()
            found[f"{folder}/{name}"] = (status.st_ino, status.st_mtime_ns)
    return found


def check_reply(outcome: Outcome) -> None:
    """Assert that the reply says something printable to whom it may."""
    reply = outcome.reply
    special = reply.get("hookSpecificOutput", {})
    assert set(reply) <= {"systemMessage", "hookSpecificOutput"}
    assert set(special) <= {"hookEventName", "additionalContext"}
    for text in (reply.get("systemMessage", ""), special.get("additionalContext", "")):
        assert all(line.isprintable() and line.isascii() for line in text.split("\n"))


def check_state(session: Session) -> None:
    """Assert that what is in the state folder is named and guarded as it should be."""
    if not session.state.exists():
        return
    for path in [session.state, *session.state.rglob("*")]:
        assert path.lstat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
        assert not path.is_symlink()
        if path.is_file():
            place, name = (
                path.relative_to(session.state).parts[-2:] if path.parent != session.state else ("", path.name)
            )
            assert place in ("", "sessions", "processes", "quarantine"), path
            assert len(name) <= 80, path
            assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"), path
            assert not name.startswith("."), path


def test_the_table_is_long_enough_and_names_each_case_once() -> None:
    """At least 300, and no id twice."""
    assert len(CASES) >= 300
    assert len({name for name, _ in CASES}) == len(CASES)


@pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in CASES])
def test_a_hostile_payload_does_no_harm(session: Session, meter: Meter, build: Build) -> None:
    """Exit code 0, a valid reply or none, bounded time and memory, nothing touched outside the state folder."""
    data = build(session)
    before = outside(session)
    outcome = meter.run(data, session.env)
    outcome.check()
    check_reply(outcome)
    assert outcome.busy <= MAX_SECONDS
    assert outcome.seconds <= WATCHDOG_SECONDS
    assert outcome.peak - meter.bare <= MAX_MEMORY
    assert outside(session) == before
    check_state(session)


@pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in TRACED])
@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_a_hostile_payload_opens_nothing_elsewhere(session: Session, tmp_path: Path, build: Build) -> None:
    """As the system sees it: Python's own files, this package's, the settings, the transcripts and the state."""
    data = build(session)
    log = tmp_path / "trace"
    tracer = ["strace", "-f", "-qq", "-y", "-e", "trace=%file", "-s", "9999", "-o", str(log)]
    session.run(data, command=[*tracer, HOOK[0], "-B", *HOOK[1:]])
    events = log.read_text().partition('hooks/hook.py", O_RDONLY')[2].split("\n")[1:]
    # What was opened is told at the end, links resolved: = 3</path>
    opened = [(line.rpartition("<")[2].rstrip(">\n"), line) for line in events if re.search(r"\) = \d+<", line)]
    assert opened
    written = [name for name, line in opened if "O_WRONLY" in line or "O_RDWR" in line]
    assert [name for name in written if not Path(name).is_relative_to(session.state)] == []
    allowed = [
        session.state,
        session.projects,
        session.home / ".config",
        session.project / ".moai",
        Path(HOOK[-1]).parents[1],
    ]
    allowed += [Path(sys.base_prefix), Path("/etc/ld.so.cache"), Path("/lib"), Path("/usr/lib")]
    assert [name for name, _ in opened if not any(Path(name).is_relative_to(place) for place in allowed)] == []


def test_no_agent_takes_the_main_windows_place(session: Session) -> None:
    """One whose id is that window's key, told by a payload or by a tool's response, has a window of its own."""
    spawned = {"status": "completed", "agentId": "main", "agentType": "backend", "totalTokens": 700}
    session.fire("SubagentStart", agent_id="main")
    session.fire("PostToolUse", tool_name="Agent", tool_response=spawned)
    assert len(session.ledger.windows) == 2
    assert session.consumed()["main"] == session.ledger.windows["main"].tokens >= 5_000
    assert session.consumed()["backend"] == 700


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b'{"session_id":', id="half"),
        pytest.param(b"x" * 200_000, id="much"),
    ],
)
def test_an_input_that_never_ends_is_given_up(session: Session, sent: bytes) -> None:
    """The client keeps the pipe open: the hook waits for less than a second, and its session goes on."""
    start = time.monotonic()
    with subprocess.Popen(
        HOOK, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=session.env
    ) as hook:
        assert hook.stdin is not None
        hook.stdin.write(sent)
        hook.stdin.flush()
        code = hook.wait(timeout=30)
        took = time.monotonic() - start
        assert hook.stdout is not None
        assert hook.stderr is not None
        assert (code, hook.stdout.read(), hook.stderr.read()) == (0, b"", b"")
    # What a start takes on a machine with other work is not what is tested here.
    start = time.monotonic()
    session.run(b"")
    assert took - (time.monotonic() - start) <= MAX_SECONDS
