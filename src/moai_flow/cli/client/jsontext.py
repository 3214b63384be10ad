"""Editing a JSON file as text: only what is changed changes, everything else keeps its bytes. Pure."""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined,unused-ignore]
from typing import Any, NamedTuple

Path = tuple[str | int, ...]

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class _Item(NamedTuple):
    """A member of an object or an item of an array: its key or index, and where it and its value stand."""

    key: str | int
    start: int
    value: int
    end: int


class Document:
    """A JSON object, edited as text.

    Args:
        text: the file's text.

    Raises:
        json.JSONDecodeError: it is not JSON; says in which line.
        TypeError: it is not an object.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        if not isinstance(self.read(), dict):
            raise TypeError("must be an object")

    def read(self) -> Any:
        """Return the value of the text as it is now."""
        return json.loads(self.text)

    def replace(self, path: Path, value: Any) -> None:
        """Put another value where `path` leads."""
        start, end = self._value(path)
        base = self._indentation(start)
        self.text = self.text[:start] + self._render(value, base) + self.text[end:]

    def add(self, path: Path, key: str | None, value: Any) -> None:
        """Add a member at the end of the object, or an item (`key` None) at the end of the array, at `path`."""
        start, end = self._value(path)
        items = self._items(start)
        name = "" if key is None else json.dumps(key, ensure_ascii=False) + ": "
        if items:
            gap = self.text[start + 1 : items[0].start]
            base = gap.rpartition("\n")[2] if "\n" in gap else None
            before = "," + (gap if base is not None else " ")
            at = items[-1].end
            self.text = self.text[:at] + before + name + self._render(value, base) + self.text[at:]
            return
        outer = self._indentation(start)
        if outer is None:
            inside = name + self._render(value, None)
        else:
            base = outer + self._unit
            inside = self._newline + base + name + self._render(value, base) + self._newline + outer
        self.text = self.text[: start + 1] + inside + self.text[end - 1 :]

    def remove(self, path: Path) -> None:
        """Take a member or an item away, with its comma."""
        start, end = self._value(path[:-1])
        items = self._items(start)
        number = self._index(items, path[-1])
        if len(items) == 1:
            first, last = start + 1, end - 1
        elif number == len(items) - 1:
            first, last = items[number - 1].end, items[number].end
        else:
            first, last = items[number].start, items[number + 1].start
        self.text = self.text[:first] + self.text[last:]

    # -- how the file is written -----------------------------------------------------------------------------

    @property
    def _newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    @property
    def _unit(self) -> str:
        """The indentation of one level, as the first member has it; two spaces where nothing tells."""
        found = re.match(r"\s*\{[^\S\n]*\r?\n([ \t]+)", self.text)
        return found.group(1) if found else "  "

    @property
    def _is_on_one_line(self) -> bool:
        return "\n" not in self.text.strip() and bool(self._items(self._value(())[0]))

    def _indentation(self, position: int) -> str | None:
        """Return the indentation of the line that a position is in; None in a file of one line."""
        if self._is_on_one_line:
            return None
        line = self.text[self.text.rfind("\n", 0, position) + 1 : position]
        return line[: len(line) - len(line.lstrip(" \t"))]

    def _render(self, value: Any, base: str | None) -> str:
        if base is None:
            return json.dumps(value, ensure_ascii=False)
        text = json.dumps(value, ensure_ascii=False, indent=self._unit)
        return text.replace("\n", self._newline + base)

    # -- where things stand ----------------------------------------------------------------------------------

    def _value(self, path: Path) -> tuple[int, int]:
        """Return where the value at `path` starts and ends."""
        start = self._skip(0)
        for key in path:
            items = self._items(start)
            start = items[self._index(items, key)].value
        return start, _DECODER.raw_decode(self.text, start)[1]

    @staticmethod
    def _index(items: list[_Item], key: str | int) -> int:
        """Return which item has the key; of members with the same name the last one counts."""
        return max(number for number, item in enumerate(items) if item.key == key)

    def _items(self, start: int) -> list[_Item]:
        """Return the members or items of the object or array that begins at `start`."""
        is_object = self.text[start] == "{"
        items: list[_Item] = []
        position = self._skip(start + 1)
        while self.text[position] not in "}]":
            first = position
            key: str | int = len(items)
            if is_object:
                key, position = scanstring(self.text, position + 1)
                position = self._skip(self._skip(position) + 1)
            end = _DECODER.raw_decode(self.text, position)[1]
            items.append(_Item(key, first, position, end))
            position = self._skip(end)
            if self.text[position] == ",":
                position = self._skip(position + 1)
        return items

    def _skip(self, position: int) -> int:
        """Return where the next character that is no space stands."""
        found = _SPACE.match(self.text, position)
        return found.end() if found else position
