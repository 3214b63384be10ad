"""Which project a command was started in, and which one a session belongs to."""

from __future__ import annotations

import os

_HEAD_BYTES = 1 << 16


def here() -> str:
    """Return the folder of the project this command was started in."""
    return os.environ.get("CLAUDE_PROJECT_DIR") or os.getcwd()


def around() -> list[str]:
    """Return that folder and those above it, up to the home folder but without it: each may be a project."""
    folders = [here()]
    home = os.path.realpath(os.path.expanduser("~"))
    while True:
        above = os.path.dirname(folders[-1])
        if above in (folders[-1], home) or not above.startswith(home + os.sep):
            return folders
        folders.append(above)


def distance(transcript: str, folders: list[str]) -> int | None:
    """Return which of some folders is a session's project: the client names the transcripts' folder after it."""
    name = os.path.basename(os.path.dirname(transcript))
    for number, folder in enumerate(folders):
        if name == "".join([c if c.isascii() and c.isalnum() else "-" for c in folder]):
            return number
    return None


def of(transcript: str) -> str:
    """Return the project's folder of a session, "" if unknown: its settings are part of the budget.

    Args:
        transcript: the session's main transcript; "" for a session that never named one, which is of this project.
    """
    if not transcript:
        return here()
    folders = around()
    near = distance(transcript, folders)
    if near is not None:
        return folders[near]
    from moai_flow.hook.records import project_in
    from moai_flow.hook.state import files

    return project_in(files.read_start(transcript, _HEAD_BYTES))
