"""Many hooks at once on one session, and a holder of the lock that does not go on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import faults
import pytest
from support.harness import AGENT, SESSION, Session

from moai_flow.hook.payload import parse
from moai_flow.hook.respond import respond
from moai_flow.hook.state import files
from moai_flow.hook.state.paths import lock_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOOKS = 32
MAX_DELAY = 0.2

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the hooks of Windows are other ones")


def at_once(session: Session, payloads: list[bytes]) -> list[int]:
    """Run a hook on each payload, all of them let loose at the same moment; return their exit codes."""
    ready, go = os.pipe()
    children = []
    for number, data in enumerate(payloads):
        folder = session.root / f"hook-{number}"
        folder.mkdir(exist_ok=True)
        child = os.fork()
        if child == 0:
            os.close(go)
            (folder / "stdin").write_bytes(data)
            os.read(ready, 1)
            try:
                faults.start(session.env, str(folder / "stdin"), str(folder / "stdout"), None)
            except BaseException:  # noqa: BLE001 - nothing of the child's may go on in the test's code
                os._exit(99)
            os._exit(0)
        children.append(child)
    os.close(ready)
    os.close(go)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def test_hooks_at_once_lose_nothing(session: Session) -> None:
    """32 tool calls that end at the same time add up to 32 times one."""
    session.fire("PostToolUse", tool_use_id="toolu_first")
    one = session.consumed()["main"]
    data = [json.dumps(session.example("PostToolUse", tool_use_id=f"toolu_{n}")).encode() for n in range(HOOKS)]
    assert at_once(session, data) == [0] * HOOKS
    assert session.consumed() == {"main": one * (HOOKS + 1)}


def test_agents_at_once_lose_nothing(session: Session) -> None:
    """Hooks of 32 agents at the same time: every window is there."""
    session.fire("SessionStart")
    more = [{"agent_id": f"{AGENT}{n}", "tool_use_id": f"t{n}", "agent_type": "backend"} for n in range(HOOKS)]
    data = [json.dumps(session.example("PostToolUse", **fields)).encode() for fields in more]
    assert at_once(session, data) == [0] * HOOKS
    windows = session.ledger.windows
    assert len(windows) == HOOKS + 1
    assert session.consumed()["backend"] == HOOKS * windows[f"{AGENT}0"].tokens > 0


@contextlib.contextmanager
def holder(session: Session, number: int) -> Iterator[int]:
    """Let another process take the session's lock and then get a signal; it is ended at the end."""
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        files.lock(lock_file(str(session.state), SESSION), str(session.ledger_file))
        os.write(told, b"x")
        time.sleep(60)
        os._exit(0)
    os.read(ready, 1)
    os.kill(child, number)
    try:
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(told)


@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGSTOP, id="stopped"), pytest.param(signal.SIGWINCH, id="hanging")]
)
def test_a_holder_that_does_not_go_on_delays_a_hook_by_little(tmp_path: Path, number: int) -> None:
    """By 200 ms at most; the hook gives up, and once the holder is gone the next one works, with nothing deleted."""
    session = Session(tmp_path)
    session.reply(5_000)
    session.fire("SessionStart")
    before = session.ledger_file.read_bytes()
    event = parse(json.dumps(session.example("UserPromptSubmit")).encode())
    assert event is not None
    delays = []
    with holder(session, number):
        for _ in range(3):
            start = time.monotonic()
            with pytest.raises(files.Busy):
                respond(event, session.env, sys.platform, time.time(), wait_seconds=0.0)
            delays.append(time.monotonic() - start)
        assert session.run(session.example("UserPromptSubmit")).out == b""
    # The least of three: what a busy machine adds is not the hook's.
    assert files.LOCK_SECONDS * 0.9 <= min(delays) <= MAX_DELAY
    assert session.ledger_file.read_bytes() == before
    session.fire("UserPromptSubmit")
    assert session.consumed()["main"] > 5_000


def test_a_watchdog_ends_a_hook_that_waits_for_something_else(session: Session) -> None:
    """A network file system, say, and whatever catches the alarm: exit code 0, no output, the ledger as it was."""
    session.fire("SessionStart")
    before = session.ledger_file.read_bytes()

    start = time.monotonic()
    assert faults.hook(session.env, json.dumps(session.example("Stop")).encode(), session.root, faults.Hang(8)) == (
        0,
        b"",
    )
    assert time.monotonic() - start >= 4
    assert session.ledger_file.read_bytes() == before
