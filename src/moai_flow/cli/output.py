"""What the terminal can show."""

from __future__ import annotations

import os
import sys

import click

_COLOURS = ("green", "yellow", "red")


def colour(text: str, level: int) -> str:
    """Return a text in the colour of a level (0-2), as it is where NO_COLOR is set; click strips it in a pipe."""
    return text if os.environ.get("NO_COLOR") else click.style(text, fg=_COLOURS[level])


def ascii_only() -> bool:
    """Return whether standard output can show no more than ASCII."""
    return not (sys.stdout.encoding or "ascii").lower().startswith("utf")
