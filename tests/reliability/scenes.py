"""The moments of a session at which the sweeps strike, and what has to be true afterwards."""

from __future__ import annotations

import json
import os
from pathlib import Path
from time import time

import faults
import pytest
from support.harness import AGENT, CALL, EXAMPLES, Session

from moai_flow.hook import quiet
from moai_flow.hook.state import flights, paths

FRESH, RUNNING, DAMAGED, BESIDE = "fresh", "running", "damaged", "beside the session"
ALL = bool(os.environ.get("TOKEN_BUDGET_TEST_ALL"))
"""Whether everything is struck everywhere, as the long check has it: else a part that a person can wait for."""

SCENES = [
    pytest.param(state, event, id=f"{event}, {state}")
    for event in EXAMPLES
    for state in (FRESH, RUNNING, DAMAGED)
    if ALL or state == RUNNING or event == "PostToolUse"
] + [pytest.param(BESIDE, event, id=f"{event}, {BESIDE}") for event in quiet.EVENTS]

FIGURES = {"main": 9_000, "backend": 3_000}
"""What the swarms have consumed at the end, whatever happened before: what the transcripts say."""


class Kept:
    """Folders as they are now.

    What a hook left alone is not written again: a sweep puts back a thousand times what was changed in a file or two.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._paths = self._look()

    def _look(self) -> dict[Path, tuple[bytes | None, int]]:
        found = {}
        for folder in self._folders:
            for path in [folder, *sorted(folder.rglob("*"))] if folder.exists() else []:
                found[path] = (None if path.is_dir() else path.read_bytes(), path.stat().st_mode)
        return found

    def put_back(self) -> None:
        """Make the folders what they were."""
        there = self._look()
        for path in reversed(there):
            if path not in self._paths:
                path.rmdir() if there[path][0] is None else path.unlink()
        for path, (content, mode) in self._paths.items():
            if there.get(path) != (content, mode):
                path.mkdir(exist_ok=True) if content is None else path.write_bytes(content)
                path.chmod(mode)


class Scene:
    """A session in some state, about to get an event; it can be set back to this moment.

    Args:
        root: an empty folder.
        state: `FRESH` (nothing is there yet), `RUNNING`, `DAMAGED` (the ledger is cut) or `BESIDE` (running, and the
            session does not wait for the hook).
        event: the event.
    """

    def __init__(self, root: Path, state: str, event: str) -> None:
        self.session = Session(root)
        self.root = root
        self.event = event
        self.data = json.dumps(self.session.example(event)).encode()
        # Without it, PreToolUse touches nothing; with it, every hook is waited for.
        self.session.configure_project(enforce="off" if state == BESIDE else "deny")
        self.is_beside = state == BESIDE
        if self.is_beside:
            self.session.env[flights.SESSION_VARIABLE] = self.session.session
            # A session with a pace: hooks of one that has just begun are waited for.
            for tokens in (3_000, 4_000):
                self.session.reply(tokens)
                assert self.hook(json.dumps(self.session.example("UserPromptSubmit")).encode())[0] == 0
        self.session.reply(5_000, calls=(CALL,))
        self.session.reply(2_000, AGENT)
        if state != FRESH:
            for before in ("SessionStart", "UserPromptSubmit", "SubagentStart"):
                assert self.hook(json.dumps(self.session.example(before)).encode())[0] == 0
            # The next SessionStart sweeps, so that sweeping is hit too.
            (self.session.state / "swept").unlink()
            if state == DAMAGED:
                self.session.ledger_file.write_bytes(self.session.ledger_file.read_bytes()[:-40])
        self._kept = Kept(self.session.state, self.session.projects)
        self.old = self.figures()
        self.set_back()
        if self.is_beside:
            assert event in self.permission()
        self.calls = faults.count(self.environ, self.data, root)
        self.new = self.figures()
        self.set_back()

    @property
    def environ(self) -> dict[str, str]:
        """The environment of the hook that is struck."""
        flight = {flights.FLIGHT_VARIABLE: self.session.session} if self.is_beside else {}
        return {**self.session.env, **flight}

    def permission(self) -> list[str]:
        """Return what the session's next hooks may do beside it, [] where it waits for them."""
        path = Path(paths.quiet_file(str(self.session.state), self.session.session))
        return path.read_text().split() if path.exists() else []

    def set_back(self) -> None:
        """Put the state and the transcripts back to what they were before the event."""
        self._kept.put_back()

    def hook(self, data: bytes, fault: faults.Fault | None = None) -> tuple[int, bytes]:
        """Run the hook in a child, with a fault or without."""
        return faults.hook(self.session.env, data, self.root, fault)

    def strike(self, fault: faults.Fault) -> tuple[int, bytes]:
        """Run the hook on the scene's event with a fault."""
        return faults.hook(self.environ, self.data, self.root, fault)

    def figures(self) -> object:
        """Return what the ledger says; its bytes if it is damaged, None if there is none."""
        path = self.session.ledger_file
        if not path.exists():
            return None
        try:
            ledger = self.session.ledger
        except Exception:  # noqa: BLE001 - damaged is what it was, or the comparison fails
            return path.read_bytes()
        return (
            self.session.consumed(),
            {key: (window.tokens, sorted(window.pending)) for key, window in ledger.windows.items()},
        )

    def check_ledger(self) -> None:
        """Assert that the ledger is the old one or the new one, and that nothing half written stands beside it."""
        assert self.figures() in (self.old, self.new)
        if self.is_beside:
            assert self.permission() in ([], [str(quiet.MAX_IN_FLIGHT), *quiet.EVENTS])
            assert (self.root / "stdout").read_bytes() == b""

    def check_whole(self) -> None:
        """Assert that the ledger is the old one or a whole one; without its transcript it may hold an estimate."""
        assert self.figures() == self.old or self.session.ledger

    def check_goes_on(self) -> None:
        """Assert that the next hooks work without help, and that the figures come right."""
        session = self.session
        session.reply(9_000, identity="msg_2")
        session.reply(3_000, AGENT, identity="msg_a2")
        for event in ("SubagentStop", "Stop"):
            session.respond(session.example(event), now=time())
        assert session.consumed() == FIGURES
        ledger = session.ledger
        assert not any(window.pending for window in ledger.windows.values())
        assert [window.tokens for window in ledger.windows.values()].count(9_000) == 1
