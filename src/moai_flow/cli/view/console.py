"""The terminal, by `rich`: its width, its colours, whether it shows more than ASCII."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

COLOURS = ("green", "yellow", "red")
"""The colour of each level (0-2)."""

NARROW = 80
"""Columns below which a table has no bars."""

_UNLIMITED = 1000


def console() -> Console:
    """Return standard output. Into a pipe nothing is wrapped or coloured."""
    from rich.console import Console

    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else _UNLIMITED
    return Console(width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)


def colour(text: str, level: int) -> str:
    """Return a text in the colour of a level (0-2), as it is where NO_COLOR is set; click strips it in a pipe."""
    return text if os.environ.get("NO_COLOR") else click.style(text, fg=COLOURS[level])


def ascii_only() -> bool:
    """Return whether standard output can show no more than ASCII."""
    return not (sys.stdout.encoding or "ascii").lower().startswith("utf")
