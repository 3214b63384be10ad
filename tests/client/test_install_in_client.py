"""`token-budget install` and `uninstall` around real sessions."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from driver import client_version
from standin import plan_prompt

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from driver import Client

SETTINGS = '{\n    "permissions": {"allow": []},\n    "cleanupPeriodDays": 20\n}'


@pytest.fixture
def command(client: Client, tmp_path: Path) -> Callable[..., str]:
    """Run the command line as the client's user would; return what it prints."""

    def run(*arguments: str) -> str:
        code = "from moai_flow.cli import main; main()"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(client.home),
            "TOKEN_BUDGET_STATE_DIR": str(tmp_path / "state"),
        }
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=client.project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_installed_hooks_warn_and_uninstalled_ones_do_not(client: Client, command: Callable[..., str]) -> None:
    """A session after `install` is metered and warned, one after `uninstall` is not, and the settings are as before."""
    path = client.home / ".claude" / "settings.json"
    path.write_text(SETTINGS)
    prompt = plan_prompt(
        "work", [{"tool": "Bash", "input": {"command": "echo a"}, "ctx": 60_000}, {"text": "done", "ctx": 760_000}]
    )
    command("install", "--yes")
    metered = client.run(prompt)
    if client_version(client.binary) >= "2.1.300":
        # Older clients show what is for the person in a terminal only.
        [message] = metered.messages_for_person
        assert "WARNING: Global token usage at 760,050/1,000,000" in message
    assert "760,050" in command("status")
    command("uninstall", "--yes")
    assert path.read_text() == SETTINGS
    assert client.run(prompt).session_id not in command("status")
