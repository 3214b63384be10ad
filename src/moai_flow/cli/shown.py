"""A session as it is shown in a terminal: a line that names it, and its table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moai_flow.cli import projects, table
from moai_flow.cli.output import ascii_only, colour

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moai_flow.resource.ledger import Ledger


def lines(ledger: Ledger) -> Iterator[str]:
    """Yield the lines, coloured as far as the terminal is."""
    session = ledger.session
    if session is not None:
        about = [f"session {session.session_id}", session.model, projects.of(session)]
        yield "  ".join([text for text in about if text])
        yield ""
    yield from table.lines(ledger, style=colour, ascii_only=ascii_only())
