"""The library's shared state when its process dies or the disk fails: what was acknowledged is there, once."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from faults import ERRORS, Fail, Fault, Kill, Short, fork, install
from scenes import ALL

from moai_flow.core import codec
from moai_flow.core.config import BudgetConfig
from moai_flow.core.errors import StateError
from moai_flow.resource import state_file
from moai_flow.resource.token_budget import TokenBudget

if TYPE_CHECKING:
    from pathlib import Path

CONSUMES = 3
TOKENS = 7

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


def consume(path: Path, fault: Fault) -> tuple[int, int]:
    """Consume a few times in a child with a fault; return its exit code and how often it was told of success."""
    told = path.with_name("told")

    def work() -> None:
        log = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        write = os.write
        budget = TokenBudget(config=BudgetConfig(), state_path=path)
        assert budget._state is not None
        budget._state._timeout = 0.02
        install(fault)
        for _ in range(CONSUMES):
            with suppress(StateError):
                if budget.consume("a", TOKENS):
                    write(log, b"x")

    code = fork(work)
    return code, len(told.read_bytes())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "budget.json"
    TokenBudget(config=BudgetConfig(), state_path=path).allocate_swarm("a", 10_000)
    return path


def consumed(path: Path) -> int:
    """Return how many consumes the file holds, which must be whole."""
    tokens = codec.decode(path.read_bytes(), BudgetConfig()).swarms["a"].consumed
    assert tokens % TOKENS == 0
    return tokens // TOKENS


def test_killed_at_any_call(path: Path) -> None:
    """What was acknowledged is there; the one that was under way is there once or not at all."""
    before = number = 0
    while True:
        code, told = consume(path, Kill(number))
        after = consumed(path) - before
        if code == 0:
            break
        assert code == -9
        assert told <= after <= told + 1
        before += after
        number += 1
    assert after == told == CONSUMES
    assert number >= 6 * CONSUMES
    assert TokenBudget(config=BudgetConfig(), state_path=path).consume("a", TOKENS)


@pytest.mark.parametrize("stays", [pytest.param(False, id="once"), pytest.param(True, id="from then on")])
def test_errors_at_any_call(path: Path, *, stays: bool) -> None:
    """The same holds; and what fails is reported, never passed over."""
    before = consumed(path)
    for number in range(40):
        for code in ERRORS if ALL else [ERRORS[number % len(ERRORS)]]:
            exit_code, told = consume(path, Fail(number, code, stays=stays))
            assert exit_code == 0
            after = consumed(path) - before
            # A lock that could not be given back, say: the change is there, and may not have been acknowledged.
            assert told <= after <= CONSUMES
            before += after
    # Where nothing can be removed any more, half a file may stay until the next change.
    assert TokenBudget(config=BudgetConfig(), state_path=path).consume("a", TOKENS)
    assert not list(path.parent.glob("*.tmp"))


def test_short_writes_are_continued(path: Path) -> None:
    """All are there, whole."""
    assert consume(path, Short(0, stays=True)) == (0, CONSUMES)
    assert consumed(path) == CONSUMES


def test_a_sync_comes_before_the_acknowledgement(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data before the rename, the folder after it: a crash of the machine takes back nothing that was told."""
    order = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(
            state_file.os, name, lambda *given, name=name, real=real: (order.append(name), real(*given))
        )
    TokenBudget(config=BudgetConfig(), state_path=path).consume("a", TOKENS)
    assert order == ["fsync", "replace", "fsync"]
