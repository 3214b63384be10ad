from pathlib import Path

import pytest

from moai_flow.cli import ledgers
from moai_flow.core.errors import LockTimeoutError, StateError
from moai_flow.hook.state import files, paths
from moai_flow.resource import TokenBudgetError


def test_holds_the_hooks_own_lock(begun: Path, state: Path) -> None:
    """While a command changes a ledger no hook can, and afterwards it can."""
    assert begun.exists()
    lock = paths.lock_file(str(state), "one")
    with ledgers.opened(str(state), "one"):
        assert files.try_lock(lock) == -1
    descriptor = files.try_lock(lock)
    assert descriptor >= 0
    files.close(descriptor)


@pytest.mark.usefixtures("begun")
def test_a_kept_lock_is_an_error_that_names_it(state: Path) -> None:
    """Nothing is changed without the lock."""
    lock = paths.lock_file(str(state), "one")
    descriptor = files.try_lock(lock)
    try:
        with pytest.raises(LockTimeoutError, match="another process keeps it"), ledgers.opened(str(state), "one"):
            pytest.fail("it was opened")
    finally:
        files.close(descriptor)


@pytest.mark.usefixtures("begun")
def test_an_error_inside_leaves_the_ledger_as_it_was(state: Path) -> None:
    """All or nothing."""
    path = state / "sessions" / "one.json"
    before = path.read_bytes()

    def fail() -> None:
        with ledgers.opened(str(state), "one") as ledger:
            ledger.reset("backend", 1.0)
            raise TokenBudgetError("no")

    with pytest.raises(TokenBudgetError, match="no"):
        fail()
    assert path.read_bytes() == before


@pytest.mark.usefixtures("begun")
def test_a_ledger_that_cannot_be_written_is_an_error(state: Path) -> None:
    """The file is named, and what to look at; what was there stays."""
    path = state / "sessions" / "one.json"
    before = path.read_bytes()
    (state / "sessions" / "one.json.tmp").mkdir()

    def change() -> None:
        with ledgers.opened(str(state), "one") as ledger:
            ledger.reset("backend", 1.0)

    with pytest.raises(StateError, match=r"one\.json: .*check the folder's rights"):
        change()
    assert path.read_bytes() == before
