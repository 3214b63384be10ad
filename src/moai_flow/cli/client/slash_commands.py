"""The plugin's slash commands for those who use the package: files beside the client's settings.

The client names a command after its folder and file: `commands/token-budget/status.md` is `/token-budget:status`, as in
the plugin.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from moai_flow.cli.client import entry_points, regular_file
from moai_flow.core.errors import TokenBudgetError

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("status", "allocate", "report", "setup")

_OF_THE_PLUGIN = "${CLAUDE_PLUGIN_ROOT}/hooks/run"
_MAX_BYTES = 1 << 16


def folder_for(settings_path: str) -> str:
    """Return the folder of the commands that belongs to a settings file."""
    return os.path.join(os.path.dirname(settings_path), "commands", "token-budget")


def wanted(settings_path: str) -> dict[str, bytes]:
    """Return the files as they should be, by their paths."""
    folder = folder_for(settings_path)
    return {os.path.join(folder, f"{name}.md"): _content(name) for name in NAMES}


def changed(settings_path: str) -> dict[str, bytes]:
    """Return the files that are missing or of another installation; what a person wrote there is left alone."""
    return {
        path: data
        for path, data in wanted(settings_path).items()
        if (present := _read(path)) != data and (present is None or _is_ours(present))
    }


def present(settings_path: str) -> list[str]:
    """Return the paths of this package's commands that are there."""
    return [path for path in wanted(settings_path) if _is_ours(_read(path) or b"")]


def write(files: dict[str, bytes]) -> None:
    """Write the files.

    Raises:
        TokenBudgetError: one cannot be written; names it.
    """
    for path, data in files.items():
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            temporary = f"{path}.{os.getpid()}.tmp"
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
                file.write(data)
            os.replace(temporary, path)
        except OSError as error:
            raise TokenBudgetError(f"{path}: cannot be written ({error.strerror})") from error


def remove(paths: list[str]) -> None:
    """Remove files, and their folders where nothing else is in them."""
    for path in paths:
        with suppress(OSError):
            os.unlink(path)
    for folder in _folders(paths):
        with suppress(OSError):
            os.rmdir(folder)


def _folders(paths: list[str]) -> Iterator[str]:
    for folder in sorted({os.path.dirname(path) for path in paths}):
        yield folder
        yield os.path.dirname(folder)


def _content(name: str) -> bytes:
    """Return a command: the plugin's skill, started from where this package is."""
    source = os.path.join(entry_points.skills_folder(), name, "SKILL.md")
    try:
        with open(source, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise TokenBudgetError(f"{source}: cannot be read ({error.strerror}); install the package again") from error
    launcher = os.path.join(entry_points.folder(), "run")
    for quote in ('"', '\\"'):
        ours = f"/bin/sh {quote}{launcher}{quote} command {quote}{entry_points.interpreter()}{quote} -- "
        text = text.replace(f"{quote}{_OF_THE_PLUGIN}{quote} command -- ", ours)
    return text.encode()


def _is_ours(data: bytes) -> bool:
    return b'/run" command "' in data


def _read(path: str) -> bytes | None:
    try:
        return regular_file.read(path, _MAX_BYTES)
    except OSError:
        return b""
