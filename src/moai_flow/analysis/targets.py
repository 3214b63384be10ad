"""What a tool call was about, in a few words. Pure."""

from __future__ import annotations

from typing import Any

MAX_CHARACTERS = 80

_FILE_FIELDS = ("file_path", "notebook_path", "path")
_OTHER_FIELDS = ("command", "url", "query", "pattern", "skill", "subagent_type", "description")
_PART_FIELDS = ("offset", "limit", "pages", "head_limit")


def target_of(tool_input: Any, project: str) -> str:
    """Return the file, relative to the project, or else the command, address or pattern of a tool call.

    Args:
        tool_input: what the tool was given, any JSON value.
        project: the folder that paths are shown relative to, "" for none.
    """
    if not isinstance(tool_input, dict):
        return ""
    for field in _FILE_FIELDS:
        path = tool_input.get(field)
        if isinstance(path, str) and path:
            return _cut(path.removeprefix(project.rstrip("/") + "/") if project else path)
    for field in _OTHER_FIELDS:
        text = tool_input.get(field)
        if isinstance(text, str) and text:
            return _cut(text)
    return ""


def is_part(tool_input: Any) -> bool:
    """Return whether only a part of the target was asked for."""
    return isinstance(tool_input, dict) and any(tool_input.get(field) is not None for field in _PART_FIELDS)


def printable(text: str) -> str:
    """Return a text without what a terminal would take for a command: names come from somebody else."""
    return "".join([c if c.isprintable() else "?" for c in text])


def _cut(text: str) -> str:
    line = printable(" ".join(text.split()))
    return line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 3] + "..."
