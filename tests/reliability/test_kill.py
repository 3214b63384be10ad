"""SIGKILL at every system call: a ledger is the old one or the new one, and the next hook goes on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from faults import Kill
from scenes import SCENES, Scene

if TYPE_CHECKING:
    from pathlib import Path

FEWEST_CALLS = 10
"""Of any event: the settings looked for, the folders, the lock, the ledger read, measured and replaced."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


@pytest.mark.parametrize(("state", "event"), SCENES)
def test_a_hook_that_is_killed_at_any_call_leaves_a_whole_ledger(tmp_path: Path, state: str, event: str) -> None:
    """At each call the process dies once; nothing needs deleting, and the figures come right by the next hooks."""
    scene = Scene(tmp_path, state, event)
    number = 0
    while scene.strike(Kill(number))[0] == -9:
        scene.check_ledger()
        scene.check_goes_on()
        scene.set_back()
        number += 1
    assert number >= FEWEST_CALLS
