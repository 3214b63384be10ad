"""The moments of a session at which the sweeps strike, and what has to be true afterwards."""

from __future__ import annotations

import json
import os
import shutil
import sys
from time import time
from typing import TYPE_CHECKING

import faults
import pytest
from sandbox import CALL, EVENTS, Sandbox

from moai_flow.hook.payload import parse
from moai_flow.hook.respond import respond

if TYPE_CHECKING:
    from pathlib import Path

FRESH, RUNNING, DAMAGED = "fresh", "running", "damaged"
ALL = bool(os.environ.get("TOKEN_BUDGET_TEST_ALL"))
"""Whether everything is struck everywhere, as the long check has it: else a part that a person can wait for."""

SCENES = [
    pytest.param(state, event, id=f"{event}, {state}")
    for event in EVENTS
    for state in (FRESH, RUNNING, DAMAGED)
    if ALL or state == RUNNING or event == "PostToolUse"
]

FIGURES = {"main": 9_000, "backend": 3_000}
"""What the swarms have consumed at the end, whatever happened before: what the transcripts say."""


class Scene:
    """A session in some state, about to get an event; it can be set back to this moment.

    Args:
        root: an empty folder.
        state: `FRESH` (nothing is there yet), `RUNNING` or `DAMAGED` (the ledger is cut).
        event: the event.
    """

    def __init__(self, root: Path, state: str, event: str) -> None:
        self.box = Sandbox(root)
        self.root = root
        self.event = event
        self.data = json.dumps(self.box.payload(event)).encode()
        # Without it, PreToolUse touches nothing.
        self.box.configure(enforce="deny")
        self._kept = root / "kept"
        self._lines = root / "transcripts"
        self.box.write_message(5_000, calls=(CALL,))
        self.box.write_agent_message(2_000)
        if state == FRESH:
            self._kept.mkdir()
        else:
            for before in ("SessionStart", "UserPromptSubmit", "SubagentStart"):
                assert self.hook(json.dumps(self.box.payload(before)).encode())[0] == 0
            # The next SessionStart sweeps, so that sweeping is hit too.
            (self.box.state / "swept").unlink()
            if state == DAMAGED:
                self.box.ledger_path.write_bytes(self.box.ledger_path.read_bytes()[:-40])
            shutil.copytree(self.box.state, self._kept)
        shutil.copytree(self.box.projects, self._lines)
        self.old = self.figures()
        self.set_back()
        self.calls = faults.count(self.box.env, self.data, root)
        self.new = self.figures()
        self.set_back()

    def set_back(self) -> None:
        """Put the state and the transcripts back to what they were before the event."""
        for folder, kept in ((self.box.state, self._kept), (self.box.projects, self._lines)):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(kept, folder)
        if not any(self._kept.iterdir()):
            self.box.state.rmdir()

    def hook(self, data: bytes, fault: faults.Fault | None = None) -> tuple[int, bytes]:
        """Run the hook in a child, with a fault or without."""
        return faults.hook(self.box.env, data, self.root, fault)

    def strike(self, fault: faults.Fault) -> tuple[int, bytes]:
        """Run the hook on the scene's event with a fault."""
        return self.hook(self.data, fault)

    def figures(self) -> object:
        """Return what the ledger says; its bytes if it is damaged, None if there is none."""
        path = self.box.ledger_path
        if not path.exists():
            return None
        try:
            ledger = self.box.ledger()
        except Exception:  # noqa: BLE001 - damaged is what it was, or the comparison fails
            return path.read_bytes()
        return (
            self.box.consumed(),
            {key: (window.tokens, sorted(window.pending)) for key, window in ledger.windows.items()},
        )

    def check_ledger(self) -> None:
        """Assert that the ledger is the old one or the new one."""
        assert self.figures() in (self.old, self.new)

    def check_whole(self) -> None:
        """Assert that the ledger is the old one or a whole one; without its transcript it may hold an estimate."""
        assert self.figures() == self.old or self.box.ledger()

    def check_goes_on(self) -> None:
        """Assert that the next hooks work without help, and that the figures come right."""
        box = self.box
        box.write_message(9_000, "msg_2")
        box.write_agent_message(3_000, "msg_a2")
        for event in ("SubagentStop", "Stop"):
            parsed = parse(json.dumps(box.payload(event)).encode())
            assert parsed is not None
            reply = respond(parsed, box.env, sys.platform, time(), wait_seconds=0.0)
            assert not reply or json.loads(reply)
        assert box.consumed() == FIGURES
        ledger = box.ledger()
        assert not any(window.pending for window in ledger.windows.values())
        assert [window.tokens for window in ledger.windows.values()].count(9_000) == 1
