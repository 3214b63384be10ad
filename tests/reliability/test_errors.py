"""Errors at every system call: the hook is silent or says something valid, and the last good ledger stays."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from faults import ERRORS, Fail, Short
from scenes import ALL, SCENES, Scene

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the hooks of Windows are other ones")


def check(scene: Scene, result: tuple[int, bytes]) -> None:
    """Assert what holds after a hook that met an error, and that the next one goes on."""
    code, out = result
    assert code == 0
    assert not out or isinstance(json.loads(out.decode("ascii")), dict)
    scene.check_whole()
    scene.check_goes_on()
    scene.set_back()


@pytest.mark.parametrize("stays", [pytest.param(False, id="once"), pytest.param(True, id="from then on")])
@pytest.mark.parametrize(("state", "event"), SCENES)
def test_an_error_at_any_call_costs_no_more_than_this_hook(
    tmp_path: Path, state: str, event: str, *, stays: bool
) -> None:
    """Exit code 0, a valid reply or none; the ledger is whole, and the next hook goes on."""
    scene = Scene(tmp_path, state, event)
    for number in range(scene.calls):
        # The errors take turns.
        for code in ERRORS if ALL else [ERRORS[number % len(ERRORS)]]:
            check(scene, scene.strike(Fail(number, code, stays=stays)))


@pytest.mark.parametrize(("state", "event"), SCENES)
def test_short_reads_and_writes_are_continued(tmp_path: Path, state: str, event: str) -> None:
    """A call that does a part of the work is repeated for the rest: the ledger is the new one."""
    scene = Scene(tmp_path, state, event)
    code, out = scene.strike(Short(0, stays=True))
    assert scene.figures() == scene.new
    check(scene, (code, out))
