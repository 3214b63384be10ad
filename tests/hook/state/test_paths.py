"""Where the state folder and the settings file are: `platformdirs`' rule, without importing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from platformdirs.macos import MacOS
from platformdirs.unix import Unix

from moai_flow.hook.state import paths

if TYPE_CHECKING:
    from pathlib import Path

VARIABLES = ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "TOKEN_BUDGET_STATE_DIR")
SYSTEMS = [pytest.param("linux", Unix, id="linux"), pytest.param("darwin", MacOS, id="macos")]


@pytest.mark.parametrize(("platform", "rule"), SYSTEMS)
@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param({}, id="nothing chosen"),
        pytest.param({"XDG_STATE_HOME": "/data/state", "XDG_CONFIG_HOME": "/data/config"}, id="elsewhere"),
        pytest.param({"XDG_STATE_HOME": "", "XDG_CONFIG_HOME": "  "}, id="empty"),
    ],
)
def test_folders_are_where_platformdirs_puts_them(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    platform: str,
    rule: type[Unix | MacOS],
    chosen: dict[str, str],
) -> None:
    """Hooks do not pay for the import, and find the same folders all the same."""
    environ = {"HOME": str(tmp_path), **chosen}
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    places = rule(paths.APPLICATION, appauthor=False)
    assert paths.state_folder(environ, platform) == places.user_state_dir
    assert paths.config_file(environ, platform) == f"{places.user_config_dir}/config.json"


def test_without_a_home_the_users_entry_tells() -> None:
    """A service may have no HOME."""
    assert paths.state_folder({}, "linux").endswith("/.local/state/token-budget")


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        pytest.param("/somewhere/else", "/somewhere/else", id="absolute"),
        pytest.param("/somewhere/else/", "/somewhere/else", id="with a slash behind"),
        pytest.param("relative", "", id="a relative one would differ with the folder it is used in"),
    ],
)
def test_a_chosen_state_folder_comes_first(chosen: str, expected: str) -> None:
    """`TOKEN_BUDGET_STATE_DIR` moves the ledgers, to an absolute path only."""
    environ = {"HOME": "/home/me", "XDG_STATE_HOME": "/data", "TOKEN_BUDGET_STATE_DIR": chosen}
    assert paths.state_folder(environ, "linux") == expected


def test_sessions_share_a_bounded_number_of_locks() -> None:
    """Lock files are permanent, so there must not be one for each session."""
    files = {paths.lock_file("/state", f"session-{number}") for number in range(1_000)}
    assert 10 < len(files) <= paths.LOCKS
    assert all(file.startswith("/state/sessions/") and file.endswith(".lock") for file in files)
