"""`token-budget watch`: in a terminal, and into a pipe."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING

import pytest
from support.harness import SESSION, Session
from support.ledger_files import change

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [sys.executable, "-m", "moai_flow.cli", "watch"]
ENTERED, LEFT = "\x1b[?1049h", "\x1b[?1049l"


class Watcher:
    """The command in a terminal of its own, 100 columns by 12 rows."""

    def __init__(self, session: Session, *arguments: str) -> None:
        self.own, self.terminal = pty.openpty()
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 100, 0, 0))
        self.before = termios.tcgetattr(self.terminal)
        env = {**session.env, "TERM": "xterm", "LC_ALL": "C.UTF-8"}
        self.process = subprocess.Popen(
            [*COMMAND, "--interval", "0.1", *arguments],
            cwd=session.project,
            env=env,
            stdin=self.terminal,
            stdout=self.terminal,
            stderr=self.terminal,
            # Its controlling terminal, or Ctrl-C would be no signal.
            preexec_fn=self._take_terminal,  # noqa: PLW1509 - there are no threads
        )
        self.shown = ""

    def _take_terminal(self) -> None:
        os.setsid()
        fcntl.ioctl(self.terminal, termios.TIOCSCTTY, 0)

    def wait_for(self, pattern: str, seconds: float = 15.0) -> None:
        """Read until what was shown since the last call matches."""
        text, deadline = "", time.monotonic() + seconds
        while not re.search(pattern, text):
            assert time.monotonic() < deadline, f"{pattern!r} did not appear in {text!r}"
            if select.select([self.own], [], [], 0.1)[0]:
                text += os.read(self.own, 1 << 16).decode()
        self.shown += text

    def press(self, key: str) -> None:
        os.write(self.own, key.encode())

    def end(self) -> int:
        """Wait for the end and return the exit code."""
        code = self.process.wait(timeout=15)
        while select.select([self.own], [], [], 0.2)[0]:
            self.shown += os.read(self.own, 1 << 16).decode()
        return code

    @property
    def is_restored(self) -> bool:
        """Whether the terminal is as it was: its modes, its screen, its cursor."""
        text = self.shown
        shown_again = text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l")
        return (
            termios.tcgetattr(self.terminal) == self.before and text.rfind(LEFT) > text.rfind(ENTERED) and shown_again
        )


@pytest.fixture
def watch(session: Session) -> Iterator[Watcher]:
    session.turn(40_000)
    watcher = Watcher(session)
    watcher.wait_for("40,000 / 200,000")
    yield watcher
    watcher.process.kill()
    watcher.process.wait()
    os.close(watcher.own)
    os.close(watcher.terminal)


def test_it_follows_the_session_and_quits(session: Session, watch: Watcher) -> None:
    """New figures appear by themselves, and the ledger is not touched by looking at it."""
    before = session.ledger_file.read_bytes()
    session.reply(90_000)
    watch.wait_for("90,000 / 200,000")
    assert session.ledger_file.read_bytes() == before
    watch.press("q")
    assert watch.end() == 0
    assert watch.is_restored


@pytest.mark.parametrize(
    ("how", "code"),
    [
        pytest.param("\x03", 0, id="Ctrl-C"),
        pytest.param("\x04", 0, id="Ctrl-D"),
        pytest.param(signal.SIGINT, 0, id="SIGINT"),
        pytest.param(signal.SIGTERM, 128 + signal.SIGTERM, id="SIGTERM"),
    ],
)
def test_every_end_puts_the_terminal_back(watch: Watcher, how: str | signal.Signals, code: int) -> None:
    """Keys and signals alike."""
    if isinstance(how, str):
        watch.press(how)
    else:
        watch.process.send_signal(how)
    assert watch.end() == code
    assert watch.is_restored


def test_a_shows_every_running_session_and_one_again(session: Session, watch: Watcher) -> None:
    """This process stands in for a client that runs; the other session's client has ended."""
    (session.state / "processes").mkdir(mode=0o700, exist_ok=True)
    (session.state / "processes" / str(os.getpid())).write_text("another")
    session.beside("another").turn(70_000)
    watch.wait_for("session another")
    watch.press("a")
    watch.wait_for("70,000 / 200,000")
    (session.state / "processes" / str(os.getpid())).unlink()
    for ledger in session.ledger_file.parent.glob("*.json"):
        change(session.state, ledger.stem, last_event=1.0)
    watch.wait_for("No session runs now")
    watch.press("a")
    watch.wait_for("main window")


def test_a_session_that_goes_is_an_error_on_the_screen(session: Session, watch: Watcher) -> None:
    """Nothing ends; when it comes back it is shown again."""
    data = session.ledger_file.read_bytes()
    session.ledger_file.write_bytes(b"damaged")
    watch.wait_for("checksum")
    session.ledger_file.write_bytes(data)
    watch.wait_for("40,000 / 200,000")


def test_long_lists_keep_the_last_line(session: Session) -> None:
    """Twelve rows show the keys at the bottom, however many agents there are."""
    for number in range(30):
        session.event("SubagentStart", agent_id=f"a{number}", agent_type=f"kind{number}")
    watcher = Watcher(session)
    watcher.wait_for("q quit")
    watcher.press("q")
    watcher.end()
    drawn = [part for part in watcher.shown.split("\x1b[H") if "main window" in part]
    assert drawn[0].count("\n") == 11
    assert "q quit" in drawn[0].splitlines()[-1]
    os.close(watcher.own)
    os.close(watcher.terminal)


def test_into_a_pipe_it_prints_once(session: Session) -> None:
    """The same as status, without an escape sequence."""
    session.turn(40_000)
    text = session.start(COMMAND)
    assert text == session.start([*COMMAND[:-1], "status"])
    assert "\x1b" not in text


def test_without_a_session(session: Session) -> None:
    """Into a pipe it is an error that says when one begins."""
    done = subprocess.run(COMMAND, cwd=session.project, env=session.env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no session yet in" in done.stderr


def test_the_session_shown_is_named(session: Session) -> None:
    """By its id, as other commands take it."""
    session.turn(40_000)
    assert session.start([*COMMAND, "--session", SESSION[:6]]).startswith(f"session {SESSION}")
