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
from sandbox import AGENT, SESSION, Sandbox

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


def at_once(box: Sandbox, payloads: list[bytes]) -> list[int]:
    """Run a hook on each payload, all of them let loose at the same moment; return their exit codes."""
    ready, go = os.pipe()
    children = []
    for number, data in enumerate(payloads):
        folder = box.root / f"hook-{number}"
        folder.mkdir(exist_ok=True)
        child = os.fork()
        if child == 0:
            os.close(go)
            os.read(ready, 1)
            os._exit(faults.hook(box.env, data, folder, None)[0])
        children.append(child)
    os.close(ready)
    os.close(go)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def test_hooks_at_once_lose_nothing(tmp_path: Path) -> None:
    """32 tool calls that end at the same time add up to 32 times one."""
    box = Sandbox(tmp_path)
    box.fire("PostToolUse", tool_use_id="toolu_first")
    one = box.consumed()["main"]
    data = [json.dumps(box.payload("PostToolUse", tool_use_id=f"toolu_{n}")).encode() for n in range(HOOKS)]
    assert at_once(box, data) == [0] * HOOKS
    assert box.consumed() == {"main": one * (HOOKS + 1)}


def test_agents_at_once_lose_nothing(tmp_path: Path) -> None:
    """Hooks of 32 agents at the same time: every window is there."""
    box = Sandbox(tmp_path)
    box.fire("SessionStart")
    more = [{"agent_id": f"{AGENT}{n}", "tool_use_id": f"t{n}", "agent_type": "backend"} for n in range(HOOKS)]
    data = [json.dumps(box.payload("PostToolUse", **fields)).encode() for fields in more]
    assert at_once(box, data) == [0] * HOOKS
    windows = box.ledger().windows
    assert len(windows) == HOOKS + 1
    assert box.consumed()["backend"] == HOOKS * windows[f"{AGENT}0"].tokens > 0


@contextlib.contextmanager
def holder(box: Sandbox, number: int) -> Iterator[int]:
    """Let another process take the session's lock and then get a signal; it is ended at the end."""
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        files.lock(lock_file(str(box.state), SESSION), str(box.ledger_path))
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
    box = Sandbox(tmp_path)
    box.write_message(5_000)
    box.fire("SessionStart")
    before = box.ledger_path.read_bytes()
    event = parse(json.dumps(box.payload("UserPromptSubmit")).encode())
    assert event is not None
    delays = []
    with holder(box, number):
        for _ in range(3):
            start = time.monotonic()
            with pytest.raises(files.Busy):
                respond(event, box.env, sys.platform, time.time(), wait_seconds=0.0)
            delays.append(time.monotonic() - start)
        assert box.run(box.payload("UserPromptSubmit")).out == b""
    # The least of three: what a busy machine adds is not the hook's.
    assert files.LOCK_SECONDS * 0.9 <= min(delays) <= MAX_DELAY
    assert box.ledger_path.read_bytes() == before
    box.fire("UserPromptSubmit")
    assert box.consumed()["main"] > 5_000


def test_a_watchdog_ends_a_hook_that_waits_for_something_else(tmp_path: Path) -> None:
    """A network file system, say, and whatever catches the alarm: exit code 0, no output, the ledger as it was."""
    box = Sandbox(tmp_path)
    box.fire("SessionStart")
    before = box.ledger_path.read_bytes()

    class Hang(faults.Fault):
        def strike(self, *_: object) -> object:
            while True:
                with contextlib.suppress(BaseException):
                    time.sleep(0.05)

    start = time.monotonic()
    assert faults.hook(box.env, json.dumps(box.payload("Stop")).encode(), tmp_path, Hang(8)) == (0, b"")
    assert time.monotonic() - start >= 4
    assert box.ledger_path.read_bytes() == before
