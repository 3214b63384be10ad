import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import Run

import moai_flow.cli
from moai_flow.cli.client import entry_points

MODULES = [
    module.name
    for module in pkgutil.walk_packages(moai_flow.cli.__path__, "moai_flow.cli.")
    if not module.name.endswith("__main__")
]
WITHOUT_POSIX = """
import sys, os, click, click.testing, click.shell_completion, pathlib, statistics, subprocess, tempfile, platform
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in ("posix", "fcntl", "pwd"):
            raise ImportError(name)
sys.meta_path.insert(0, Missing())
for name in ("posix", "fcntl", "pwd"):
    sys.modules.pop(name, None)
import importlib
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def test_no_command_needs_posix_to_be_loaded() -> None:
    """On Windows every command can at least say what it cannot do there."""
    subprocess.run([sys.executable, "-c", WITHOUT_POSIX, *MODULES], check=True, timeout=60)


@pytest.mark.parametrize("command", [["status"], ["reset"], ["allocate", "a", "1"], ["install"], ["doctor"], ["demo"]])
def test_says_where_sessions_are_metered(run: Run, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    """Elsewhere the error names the way out."""
    run(*command[:1], "--help")  # loaded before the system looks like another
    monkeypatch.setattr("os.name", "nt")
    monkeypatch.setattr("sys.platform", "win32")
    result = run(*command)
    monkeypatch.undo()
    assert result.exit_code == 1
    assert "WSL" in result.output


def test_commands_know_the_plugins_events() -> None:
    """`install` registers what the plugin's own hooks.json does."""
    registered = json.loads((Path(entry_points.folder()) / "hooks.json").read_text())["hooks"]
    assert tuple(registered) == entry_points.EVENTS
