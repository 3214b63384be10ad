"""Names and values as messages and files may show them. Pure."""

from __future__ import annotations

NAME_LENGTH = 64
NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
MAX_PREVIEW = 40
MAX_ID_LENGTH = 128
"""Characters that are kept of an id or a model's name that comes from a transcript; real ones have 20 to 45."""


def is_swarm_name(name: object) -> bool:
    """Return whether `name` may stand in messages and files: 1-64 of `A-Z a-z 0-9 . _ -`."""
    return isinstance(name, str) and 0 < len(name) <= NAME_LENGTH and NAME_CHARACTERS.issuperset(name)


def safe_name(name: str) -> str:
    """Return `name` with every character a swarm name cannot have replaced by `-`, 64 at most."""
    safe = "".join([c if c in NAME_CHARACTERS else "-" for c in name[:NAME_LENGTH]])
    return safe or "-"


def preview(value: object) -> str:
    """Return a value as messages show it: short, printable, one line."""
    try:
        text = ascii(value)
    except ValueError:
        # Python writes no integer beyond 4,300 digits in decimal, not even inside a list.
        bits = f" of {value.bit_length():,} bits" if isinstance(value, int) else ""
        return f"{type(value).__name__}{bits}"
    if "://" in text:
        # An address may carry a password.
        return "an address"
    return text if len(text) <= MAX_PREVIEW else text[: MAX_PREVIEW - 3] + "..."


def printable(text: str, most: int = 512) -> str:
    """Return a text that came from a file as a terminal may show it: on one line, without control characters.

    The one filter before a terminal. Escape sequences, line ends, characters that turn the direction of writing or
    have no width, and bytes that are no text become `?`; beyond `most` characters it is cut.
    """
    if len(text) > most:
        text = text[: most - 3] + "..."
    return text if text.isprintable() else "".join([c if c.isprintable() else "?" for c in text])
