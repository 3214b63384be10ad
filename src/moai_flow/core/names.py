"""Names and values as messages and files may show them. Pure."""

from __future__ import annotations

NAME_LENGTH = 64
NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
MAX_PREVIEW = 40


def is_swarm_name(name: object) -> bool:
    """Return whether `name` may stand in messages and files: 1-64 of `A-Z a-z 0-9 . _ -`."""
    return isinstance(name, str) and 0 < len(name) <= NAME_LENGTH and NAME_CHARACTERS.issuperset(name)


def safe_name(name: str) -> str:
    """Return `name` with every character a swarm name cannot have replaced by `-`, 64 at most."""
    safe = "".join([c if c in NAME_CHARACTERS else "-" for c in name[:NAME_LENGTH]])
    return safe or "-"


def preview(value: object) -> str:
    """Return a value as messages show it: short, printable, one line."""
    text = ascii(value)
    return text if len(text) <= MAX_PREVIEW else text[: MAX_PREVIEW - 3] + "..."
