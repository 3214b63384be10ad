"""The client's `statusLine` setting: ours put in, another one wrapped, and put back. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from moai_flow.cli.client.command_line import runs, words_of

if TYPE_CHECKING:
    from moai_flow.cli.client.jsontext import Document

KEY = "statusLine"
WRAP = "--wrap"
"""The status line's option that names another one, to be shown above it."""

_ENDS = ("/moai_flow/entry/statusline.py", "/hooks/statusline.py")


def is_ours(settings: dict[str, Any]) -> bool:
    """Return whether the status line is this package's."""
    return runs(words_of(settings.get(KEY)), "statusline", _ENDS)


def wrapped_in(command: str) -> str:
    """Return the command line that our status line wraps, "" for none."""
    words = words_of({"command": command})
    return words[words.index(WRAP) + 1] if WRAP in words[:-1] else ""


def others_in(settings: dict[str, Any]) -> str:
    """Return the command line of a status line that is not ours, "" for none."""
    present = settings.get(KEY)
    if present is None or is_ours(settings):
        return ""
    command = present.get("command") if isinstance(present, dict) else None
    return command if isinstance(command, str) and command else str(present)


def put(document: Document, command: list[str], *, wrap: bool) -> bool:
    """Put our status line in, or bring it up to date; return False where another's was left as it is.

    Args:
        document: the settings.
        command: our command line.
        wrap: whether another's is shown above ours; else it stays alone. One that is wrapped already stays wrapped.
    """
    settings = document.read()
    line = shlex.join(command)
    if settings.get(KEY) is None:
        value = {"type": "command", "command": line}
        if KEY in settings:
            document.replace((KEY,), value)
        else:
            document.add((), KEY, value)
        return True
    present = settings[KEY]
    theirs = wrapped_in(present["command"]) if is_ours(settings) else others_in(settings)
    if not is_ours(settings) and not (wrap and isinstance(present, dict) and present.get("command") == theirs):
        return False
    wanted = _wrapping(command, theirs) if theirs else line
    if present["command"] != wanted:
        document.replace((KEY, "command"), wanted)
    return True


def _wrapping(command: list[str], theirs: str) -> str:
    """Return the shell's line that shows another status line above ours, and the other alone once ours has gone.

    The package may be removed without `uninstall`, and the plugin's folder with it.
    """
    ours, wrapped = shlex.join(command), shlex.quote(theirs)
    entry = shlex.quote(command[-1])
    return f"[ -r {entry} ] && {ours} {WRAP} {wrapped} || exec /bin/sh -c {wrapped}"


def take_away(document: Document) -> bool:
    """Take our status line away and put back the one it wraps; return False where there is none of ours."""
    settings = document.read()
    if not is_ours(settings):
        return False
    theirs = wrapped_in(settings[KEY]["command"])
    if theirs:
        document.replace((KEY, "command"), theirs)
    else:
        document.remove((KEY,))
    return True
