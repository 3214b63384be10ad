"""What a tool call was about, in a few words. Pure."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from moai_flow.analysis.secrets import mask

MAX_CHARACTERS = 80

_FILE_FIELDS = ("file_path", "notebook_path", "path")
_OTHER_FIELDS = ("command", "url", "query", "pattern", "skill", "subagent_type", "description")
_PART_FIELDS = ("offset", "limit", "pages", "head_limit")
_MAX_ASKED = 1 << 16
_FINGERPRINT_BYTES = 6


def target_of(tool_input: Any, project: str) -> str:
    """Return the file, relative to the project, or else the command, address or pattern of a tool call.

    What looks like a secret is masked, and the text is shortened.

    Args:
        tool_input: what the tool was given, any JSON value.
        project: the folder that paths are shown relative to, "" for none.
    """
    field, text = _subject(tool_input)
    if field in _FILE_FIELDS and project:
        text = text.removeprefix(project.rstrip("/") + "/")
    return _cut(text)


def asked_of(tool_input: Any) -> str:
    """Return a fingerprint of the whole target: two commands that begin alike are two commands."""
    _, text = _subject(tool_input)
    if not text:
        return ""
    data = text[:_MAX_ASKED].encode("utf-8", "surrogatepass")
    return blake2b(data, digest_size=_FINGERPRINT_BYTES).hexdigest()


def is_part(tool_input: Any) -> bool:
    """Return whether only a part of the target was asked for."""
    return isinstance(tool_input, dict) and any(tool_input.get(field) is not None for field in _PART_FIELDS)


def printable(text: str) -> str:
    """Return a text without what a terminal would take for a command: names come from somebody else."""
    return text if text.isprintable() else "".join([c if c.isprintable() else "?" for c in text])


def _subject(tool_input: Any) -> tuple[str, str]:
    """Return the field of a call's input that says what it is about, and its text; ("", "") for none."""
    if isinstance(tool_input, dict):
        for field in (*_FILE_FIELDS, *_OTHER_FIELDS):
            text = tool_input.get(field)
            if isinstance(text, str) and text:
                return field, text
    return "", ""


def _cut(text: str) -> str:
    line = mask(printable(" ".join(text[:_MAX_ASKED].split())))
    return line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 3] + "..."
