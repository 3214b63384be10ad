"""Putting the status line into the client's settings: a plugin cannot bring one."""

from __future__ import annotations

import os

from moai_flow.cli import projects
from moai_flow.cli.client import entry_points, environment, status_line
from moai_flow.cli.client.settings_file import SettingsFile
from moai_flow.core.errors import TokenBudgetError


def set_up(*, wrap: bool) -> str:
    """Put our status line into the user's settings and return what was done, with the change as a diff.

    Args:
        wrap: whether a status line of somebody else's is kept, above ours.

    Raises:
        TokenBudgetError: there is one and it is not to be wrapped, or the settings cannot be read or written.
    """
    file = _settings()
    theirs = status_line.others_in(file.document.read())
    if not status_line.put(file.document, entry_points.status_line_command(), wrap=wrap):
        raise TokenBudgetError(
            f"{file.path} has a status line already: {theirs}\n"
            "/token-budget:setup --wrap keeps it and shows ours below it"
        )
    return _write(file, "The status line is set up; it appears with the next message.")


def take_away() -> str:
    """Take our status line out of the user's settings, and put back the one it wrapped.

    Raises:
        TokenBudgetError: there is none of ours, or the settings cannot be read or written.
    """
    file = _settings()
    if not status_line.take_away(file.document):
        raise TokenBudgetError(f"{file.path} has no status line of this package")
    return _write(file, "The status line is as it was before.")


def _settings() -> SettingsFile:
    return SettingsFile(environment.settings_files(os.environ, projects.here())["user"])


def _write(file: SettingsFile, said: str) -> str:
    data = file.changed
    if data is None:
        return f"{file.path}: set up already, nothing to change"
    diff = "\n".join(file.diff(data))
    if file.exists:
        if file.read_backup() is None:
            file.write_backup()
        said += f"\nWhat was there before is in {file.backup}"
    file.write(data)
    return f"{diff}\n\n{said}"
