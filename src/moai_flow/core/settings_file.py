"""A settings file's bytes as the settings in it: one parser for the hooks, the library and the commands. Pure.

What is wrong is one line that names the file and the line, with the same words wherever it is shown.
"""

from __future__ import annotations

from moai_flow.core import compact_json
from moai_flow.core.names import preview

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SECTION = "token_budget"
MAX_BYTES = 1 << 18
"""Bytes of a settings file that is read."""

NOT_REGULAR = "not a regular file"
TOO_LARGE = f"larger than {MAX_BYTES // 1024} KB"
A_LINK = "a link, which is followed in your own settings only"

_BOM = "\ufeff"


class Section(dict):  # type: ignore[type-arg] # a plain dict at run time, on the hook's path
    """The `token_budget` object of a settings file, which can tell where its keys stand.

    Args:
        values: the object.
        path: the file.
        text: the file's content.
    """

    __slots__ = ("_text", "path")

    def __init__(self, values: dict[str, Any], path: str, text: str) -> None:
        super().__init__(values)
        self.path = path
        self._text = text

    def place(self, *keys: str) -> str:
        """Return "FILE:LINE" of the last of some nested keys, as far as they are found in this order."""
        return f"{self.path}:{line_of(self._text, SECTION, *keys)}"


def line_of(text: str, *keys: str) -> int:
    """Return the line on which the last of some nested keys stands, as far as they are found in this order."""
    position = 0
    for key in keys:
        found = text.find(compact_json.encode(key), position)
        if found < 0:
            break
        position = found
    return text.count("\n", 0, position) + 1


def unreadable(path: str, reason: str) -> str:
    """Return the line for a file that cannot be read."""
    return f"{path}: cannot be read ({reason})"


def parse(data: bytes, path: str) -> tuple[Section, str]:
    """Return the `token_budget` object of a settings file, and what is wrong with the file or "".

    A byte order mark is no part of it; a file without the object has an empty one.

    Args:
        data: the file's bytes.
        path: the file, to be named.
    """
    nothing = Section({}, path, "")
    try:
        text = data.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        return nothing, f"{path}:{data.count(bytes([10]), 0, error.start) + 1}: not JSON (not UTF-8)"
    try:
        document = compact_json.decode(text)
    except RecursionError:
        return nothing, f"{path}: not JSON (nested too deeply)"
    except ValueError as error:
        return nothing, f"{path}{_where(error, text)}"
    if not isinstance(document, dict):
        return nothing, f"{path}: must be an object, not {type(document).__name__}"
    section = document.get(SECTION, {})
    if not isinstance(section, dict):
        return nothing, f"{path}:{line_of(text, SECTION)}: {SECTION}: must be an object, not {preview(section)}"
    return Section(section, path, text), ""


def _where(error: ValueError, text: str) -> str:
    """Return what is not JSON, with line and column where the decoder tells them."""
    position, document = getattr(error, "pos", -1), getattr(error, "doc", text)
    if position < 0:
        return f": not JSON ({error})"
    # The decoder is given the text without the blanks around it.
    position += len(text) - len(text.lstrip(compact_json.WHITESPACE)) if len(document) < len(text) else 0
    line = text.count("\n", 0, position) + 1
    return f":{line}:{position - text.rfind(chr(10), 0, position)}: not JSON ({getattr(error, 'msg', error)})"
