"""Makes a transcript fit to be kept: no texts, no paths of the machine, every byte where it was."""

from __future__ import annotations

import re

LONGEST_VALUE = 60
LONGEST_PHRASE = 16

# A JSON string, and the colon that makes it a key.
_STRING = re.compile(rb'"((?:[^"\\]|\\.)*)"(\s*:)?')


def redact(line: bytes) -> bytes:
    """Overwrite a JSON line's long values, and its shorter ones with a space, by as many x."""

    def cover(match: re.Match[bytes]) -> bytes:
        value, colon = match.groups()
        phrase = b" " in value and len(value) > LONGEST_PHRASE
        if colon or not (phrase or len(value) > LONGEST_VALUE):
            return match.group()
        return b'"' + b"x" * len(value) + b'"'

    return _STRING.sub(cover, line)


class Disguise:
    """Replaces a folder's path by one under /home/dev of the same length.

    Args:
        root: the folder, at least as long as the replacement's fixed part.
    """

    def __init__(self, root: str) -> None:
        start = "/home/dev/"
        self.root = start + "_" * (len(root) - len(start))
        self._pairs = [
            (root.encode(), self.root.encode()),
            (dashed(root).encode(), dashed(self.root).encode()),
        ]

    def __call__(self, data: bytes) -> bytes:
        for old, new in self._pairs:
            data = data.replace(old, new)
        return data


def dashed(path: str) -> str:
    """Return a path as the client writes it into the name of a folder."""
    return re.sub(r"[^A-Za-z0-9]", "-", path)
