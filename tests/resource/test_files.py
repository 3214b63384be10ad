"""Files of the library: a regular one or an error, replaced in one step, and nothing else written to."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from moai_flow.resource import BudgetConfig, ConfigError, StateError, TokenBudget
from moai_flow.resource.files import read_regular, write_atomically
from moai_flow.resource.settings import MAX_BYTES, load_config

pytestmark = pytest.mark.skipif(os.name != "posix", reason="FIFOs, links and the syncing of folders are POSIX")

SECTION = '{"token_budget": {"total_budget": 100000}}'


# -- reading -------------------------------------------------------------------------------------------------


@pytest.mark.timeout(10)
def test_a_fifo_is_an_error_and_no_wait(tmp_path: Path) -> None:
    """As settings, as state and in the lock's place: a FIFO that nothing writes to would keep its reader for ever."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(ConfigError, match="not a regular file") as caught:
        TokenBudget(fifo)
    assert str(fifo) in str(caught.value)
    with pytest.raises(StateError, match="not a regular file"):
        TokenBudget(config=BudgetConfig(), state_path=fifo)
    os.mkfifo(tmp_path / "state.json.lock")
    budget = TokenBudget(config=BudgetConfig(), state_path=tmp_path / "state.json")
    with pytest.raises(StateError, match=r"state\.json\.lock: cannot be opened \(not a regular file\)"):
        budget.allocate_swarm("s")


def test_settings_may_be_a_link_and_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    """Dotfiles are often links into a folder that is under version control."""
    (tmp_path / "real.json").write_text("\ufeff" + SECTION, encoding="utf-8")
    (tmp_path / "link.json").symlink_to("real.json")
    assert load_config(str(tmp_path / "link.json")).total_budget == 100_000


def test_settings_have_the_hooks_limit(tmp_path: Path) -> None:
    """The library refuses what the hooks do not read, and says why."""
    path = tmp_path / "config.json"
    path.write_text(SECTION + " " * (MAX_BYTES - len(SECTION)))
    assert load_config(str(path)).total_budget == 100_000
    path.write_text(SECTION + " " * (MAX_BYTES - len(SECTION) + 1))
    with pytest.raises(ConfigError, match="larger than 256 KB"):
        load_config(str(path))


def test_a_state_that_was_replaced_by_a_link_is_not_followed(tmp_path: Path) -> None:
    """The budget's own path was resolved when it was made; a link that comes later is somebody else's."""
    budget = TokenBudget(config=BudgetConfig(), state_path=tmp_path / "state.json")
    budget.allocate_swarm("s", 5)
    (tmp_path / "state.json").rename(tmp_path / "elsewhere.json")
    (tmp_path / "state.json").symlink_to("elsewhere.json")
    with pytest.raises(StateError, match="cannot be read"):
        budget.get_balance("s")


def test_a_size_that_is_not_known_before_is_bounded_too(tmp_path: Path) -> None:
    """Files of the system tell no size; reading ends at the limit all the same."""
    status = Path("/proc/self/status")
    if status.exists():
        assert read_regular(str(status), 1 << 20, follow=True)
    (tmp_path / "file").write_bytes(b"12345")
    with pytest.raises(OSError, match="larger than 4 bytes"):
        read_regular(str(tmp_path / "file"), 4, follow=False)


# -- writing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["hard link", "link", "dangling link"])
def test_what_is_planted_at_the_temporary_files_name_is_not_written_through(tmp_path: Path, kind: str) -> None:
    """Somebody who may write into the folder cannot make this process write into another file."""
    precious = tmp_path / "precious"
    if kind != "dangling link":
        precious.write_bytes(b"content")
    planted = tmp_path / "state.json.tmp"
    if kind == "hard link":
        os.link(precious, planted)
    else:
        planted.symlink_to(precious)
    write_atomically(str(tmp_path / "state.json"), b"state", sync=True)
    assert (tmp_path / "state.json").read_bytes() == b"state"
    if kind == "dangling link":
        assert not precious.exists()
    else:
        assert precious.read_bytes() == b"content"


@pytest.mark.parametrize("step", ["open", "fsync"])
def test_a_folder_that_cannot_be_synced_fails_no_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Some file systems cannot sync a folder, and some folders cannot be opened: the change is made and counts once."""
    real_open, real_sync = os.open, os.fsync

    def cannot_open(path: str, flags: int, *mode: int) -> int:
        if Path(path).is_dir():
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real_open(path, flags, *mode)

    def cannot_sync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        real_sync(descriptor)

    budget = TokenBudget(config=BudgetConfig(), state_path=tmp_path / "state.json")
    monkeypatch.setattr(os, step, cannot_open if step == "open" else cannot_sync)
    assert budget.allocate_swarm("s", 100)
    assert budget.consume("s", 40)
    assert budget.get_balance("s") == 60
