"""No test reads or writes the real home or state folder."""

from __future__ import annotations

import os
import posix
import pwd
import subprocess
import sys
from pathlib import Path

import pytest
from support import isolation
from support.isolation import Guard, Touched


def test_a_test_has_folders_of_its_own(empty_home: Path, tmp_path: Path) -> None:
    """Home, state and working folder are neither the caller's nor another test's; nor is any variable the caller's."""
    home = Path.home()
    assert home not in isolation.real_homes() - {home}
    assert home != empty_home
    assert Path.cwd().parent == home.parent == Path(os.environ["TOKEN_BUDGET_STATE_DIR"]).parent
    assert home.parent.parent == tmp_path.parent
    assert isolation.foreign_variables() == ["TOKEN_BUDGET_STATE_DIR"]


def test_a_process_that_a_test_starts_has_them_too(empty_home: Path) -> None:
    """It inherits the test's environment."""
    code = "from platformdirs import user_state_path; print(user_state_path())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).is_relative_to(Path.home())
    assert list(empty_home.iterdir()) == []


@pytest.mark.parametrize("name", isolation.PRIVATE)
def test_the_real_home_is_out_of_reach(guard: Guard, name: str) -> None:
    """Whoever finds it by another way, such as the password file, is stopped before anything happens."""
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    with pytest.raises(Touched):
        (home / name).open("a")
    with pytest.raises(Touched):
        posix.open(f"{home}/{name}", os.O_WRONLY | os.O_CREAT)
    guard.touched.clear()


def test_what_is_guarded_is_refused_and_remembered(tmp_path: Path) -> None:
    """Whoever swallows the exception is found out at the end of the test."""
    (tmp_path / ".claude-not").mkdir()
    (tmp_path / ".config").mkdir()
    guard = Guard({tmp_path})
    (tmp_path / ".claude-not" / "file").write_text("x")
    assert guard.touched == []
    for touch in (
        (tmp_path / ".claude").mkdir,
        lambda: (tmp_path / ".config/token-budget/config.json").write_text("{}"),
        lambda: list((tmp_path / ".local/state/token-budget").iterdir()),
    ):
        with pytest.raises(Touched):
            touch()
    assert len(guard.touched) == 3
    assert not (tmp_path / ".claude").exists()
