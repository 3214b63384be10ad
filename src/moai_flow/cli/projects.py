"""Which project a command was started in, and which one a session belongs to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moai_flow.core.session import Session

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


def distance(session: Session, folders: list[str]) -> int | None:
    """Return which of some folders is the session's project: the client names the transcripts' folder after it."""
    name = os.path.basename(os.path.dirname(session.transcript))
    for number, folder in enumerate(folders):
        if name == "".join([c if c.isascii() and c.isalnum() else "-" for c in folder]):
            return number
    return None


def of(session: Session) -> str:
    """Return the project's folder of a session, "" if nobody can tell: its settings are part of the budget."""
    if not session.transcript:
        return here()
    folders = around()
    near = distance(session, folders)
    if near is not None:
        return folders[near]
    from moai_flow.hook.records import project_in

    try:
        with open(session.transcript, "rb") as file:
            return project_in(file.read(_HEAD_BYTES))
    except OSError:
        return ""
