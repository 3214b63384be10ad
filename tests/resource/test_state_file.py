"""The state file: replaced in one step, synced before it is acknowledged, and clear about what is wrong."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from moai_flow.core import allocations, codec, compact_json
from moai_flow.resource import BudgetConfig, CorruptStateError, NewerStateError, StateError, TokenBudget
from moai_flow.resource.state_file import StateFile, write_atomically

if TYPE_CHECKING:
    from moai_flow.core.ledger import Ledger

POSIX = pytest.mark.skipif(os.name != "posix", reason="rights and links are POSIX")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "shared/token_budget.json"


def budget_on(state: Path) -> TokenBudget:
    return TokenBudget(config=BudgetConfig(), state_path=state)


def sealed(document: object) -> bytes:
    body = compact_json.encode(document)[:-1].encode("ascii")
    return body + codec._SEAL % codec._checksum(body)


def test_budget_persists(state: Path) -> None:
    """A second budget on the same file goes on where the first one stopped, with history and warnings."""
    first = budget_on(state)
    first.allocate_swarm("s", 1_000)
    first.consume("s", 800)
    first.reserve("s", 50)
    assert first.should_warn("s")[0]
    second = budget_on(state)
    assert second.get_global_status() == first.get_global_status()
    assert second.get_history() == first.get_history()
    assert second.consume("s", 150)
    assert first.get_balance("s") == 0
    assert not first.consume("s", 1)


def test_the_guides_state_file_is_made_with_its_folder(own_folders: Path) -> None:
    """`.swarm/token_budget.json` is made at the first change, not before."""
    budget = TokenBudget(state_path=".swarm/token_budget.json")
    assert not (own_folders / ".swarm").exists()
    budget.allocate_swarm("s")
    assert sorted(path.name for path in (own_folders / ".swarm").iterdir()) == [
        "token_budget.json",
        "token_budget.json.lock",
    ]


def test_the_file_is_found_again_after_a_change_of_folder(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path means the folder in which the budget was made."""
    state.parent.mkdir()
    monkeypatch.chdir(state.parent)
    budget = TokenBudget(config=BudgetConfig(), state_path="token_budget.json")
    monkeypatch.chdir("/")
    budget.allocate_swarm("s", 5)
    assert budget_on(state).get_balance("s") == 5


@POSIX
def test_state_is_private(state: Path) -> None:
    """Nobody else reads the file or looks into the folder that was made for it."""
    budget_on(state).allocate_swarm("s", 5)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (state.parent, state, Path(f"{state}.lock"))]
    assert modes == [0o700, 0o600, 0o600]


@POSIX
def test_a_link_leads_to_the_same_file_and_lock(state: Path, tmp_path: Path) -> None:
    """Who comes through a link shares the budget with who does not, and the link stays one."""
    budget_on(state).allocate_swarm("s", 1_000)
    link = tmp_path / "link.json"
    link.symlink_to(state)
    assert budget_on(link).consume("s", 400)
    assert link.is_symlink()
    assert budget_on(state).get_balance("s") == 600
    assert not Path(f"{link}.lock").exists()


def test_what_changes_nothing_writes_nothing(state: Path) -> None:
    """A refusal leaves the very same file."""
    budget = budget_on(state)
    budget.allocate_swarm("s", 1_000)
    before = state.stat()
    assert not budget.consume("s", 1_001)
    assert not budget.allocate_swarm("s", 5)
    assert budget.should_warn("s") == (False, None)
    after = state.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_an_operation_that_raises_leaves_the_file_and_the_lock_free(state: Path) -> None:
    """Half a change is no change."""
    file = StateFile(str(state), BudgetConfig(), timeout=0.05)
    file.change(lambda ledger: allocations.allocate(ledger, "s", 1_000, 0.0))
    before = state.read_bytes()

    def broken(ledger: Ledger) -> bool:
        ledger.record("s", 5, 0.0)
        raise LookupError

    with pytest.raises(LookupError):
        file.change(broken)
    assert state.read_bytes() == before
    assert file.change(lambda ledger: ledger.consume("s", 5, 0.0))


# -- writing -------------------------------------------------------------------------------------------------


@POSIX
@pytest.mark.parametrize(
    ("sync", "expected"),
    [
        pytest.param(True, ["write", "sync file", "replace", "sync folder"], id="synced"),
        pytest.param(False, ["write", "replace"], id="not synced"),
    ],
)
def test_bytes_then_name_are_on_disk_before_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: bool, expected: list[str]
) -> None:
    """The bytes are synced before the name is, and both before the change is acknowledged."""
    steps = []
    real_write, real_replace, real_sync = os.write, os.replace, os.fsync

    def write(descriptor: int, data: Any) -> int:
        steps.append("write")
        return real_write(descriptor, data)

    def replace(source: str, target: str) -> None:
        steps.append("replace")
        real_replace(source, target)

    def fsync(descriptor: int) -> None:
        steps.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        real_sync(descriptor)

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(str(tmp_path / "file"), b"content", sync=sync)
    assert steps == expected


def test_budgets_are_synced(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be rebuilt from elsewhere, so every change of a budget is synced."""
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    budget_on(state).allocate_swarm("s", 5)
    assert synced


def test_writes_that_come_in_parts_are_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may take fewer bytes than it was given."""
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real_write(descriptor, bytes(data)[:3]))
    write_atomically(str(tmp_path / "file"), b"0123456789", sync=False)
    assert (tmp_path / "file").read_bytes() == b"0123456789"


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(state: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Whatever step fails, the old file is whole, nothing else is left, and the error says what happened."""
    budget = budget_on(state)
    budget.allocate_swarm("s", 1_000)
    before = state.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(os, step, full)
        with pytest.raises(StateError, match="cannot be written") as caught:
            budget.consume("s", 5)
    assert str(state) in str(caught.value)
    assert state.read_bytes() == before
    assert sorted(path.name for path in state.parent.iterdir()) == [state.name, f"{state.name}.lock"]
    assert budget.consume("s", 5)


def test_what_a_killed_process_left_is_written_over(state: Path) -> None:
    """Half a file of somebody who is gone harms nobody and does not stay."""
    state.parent.mkdir()
    Path(f"{state}.tmp").write_bytes(b"x" * 100_000)
    budget = budget_on(state)
    assert budget.allocate_swarm("s", 5)
    assert budget_on(state).get_balance("s") == 5
    assert not Path(f"{state}.tmp").exists()


# -- reading -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "error", "advice"),
    [
        pytest.param(b"", CorruptStateError, "move it away", id="empty"),
        pytest.param(b'{"version": 1}', CorruptStateError, "move it away", id="not sealed"),
        pytest.param(b"\0" * 500, CorruptStateError, "move it away", id="zeros, as after a power cut"),
        pytest.param(sealed({"version": 1}), CorruptStateError, "move it away", id="sealed nonsense"),
        pytest.param(sealed({"version": 2}), NewerStateError, "update moai-flow-token-budget", id="a newer version"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_kept(
    state: Path, content: bytes, error: type[Exception], advice: str
) -> None:
    """Neither making a budget nor using one touches it; the error names the file and what to do."""
    budget = budget_on(state)
    state.parent.mkdir()
    state.write_bytes(content)
    for use in (lambda: budget_on(state), lambda: budget.get_balance("s"), lambda: budget.allocate_swarm("s", 5)):
        with pytest.raises(error) as caught:
            use()
        assert str(state) in str(caught.value)
        assert advice in str(caught.value)
    assert state.read_bytes() == content


def test_a_folder_in_place_of_the_file_is_named(state: Path) -> None:
    """What cannot be read is a StateError with the file's name."""
    state.mkdir(parents=True)
    with pytest.raises(StateError, match="cannot be read"):
        budget_on(state)


def test_a_file_in_place_of_the_folder_is_named(state: Path) -> None:
    """The folder that cannot be made is named at the first change, at the latest."""
    state.parent.write_text("")
    with pytest.raises(StateError) as caught:
        budget_on(state).allocate_swarm("s", 5)
    assert str(state) in str(caught.value)


@POSIX
@pytest.mark.parametrize("kind", ["link", "folder"])
def test_a_lock_file_that_is_none_is_named(state: Path, kind: str) -> None:
    """A link in the lock's place is not followed: it could empty or lock anything."""
    state.parent.mkdir()
    lock = Path(f"{state}.lock")
    target = state.parent / "precious"
    target.write_text("content")
    if kind == "link":
        lock.symlink_to(target)
    else:
        lock.mkdir()
    with pytest.raises(StateError, match="cannot be opened") as caught:
        budget_on(state).allocate_swarm("s", 5)
    assert str(lock) in str(caught.value)
    assert target.read_text() == "content"
