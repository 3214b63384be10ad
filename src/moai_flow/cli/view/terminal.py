"""What the terminal can show."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from moai_flow.cli import projects
from moai_flow.cli.view import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moai_flow.core.ledger import SessionLedger

_COLOURS = ("green", "yellow", "red")


def colour(text: str, level: int) -> str:
    """Return a text in the colour of a level (0-2), as it is where NO_COLOR is set; click strips it in a pipe."""
    return text if os.environ.get("NO_COLOR") else click.style(text, fg=_COLOURS[level])


def ascii_only() -> bool:
    """Return whether standard output can show no more than ASCII."""
    return not (sys.stdout.encoding or "ascii").lower().startswith("utf")


def lines(ledger: SessionLedger) -> Iterator[str]:
    """Yield the lines, coloured as far as the terminal is."""
    session = ledger.session
    about = [f"session {session.session_id}", session.model, projects.of(session)]
    yield "  ".join([text for text in about if text])
    yield ""
    yield from table.lines(ledger, style=colour, ascii_only=ascii_only())
