"""A session's budget as a table for the terminal, drawn by `rich`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from moai_flow.cli.view.console import COLOURS, NARROW, console
from moai_flow.core import overview
from moai_flow.core.names import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import RenderableType

    from moai_flow.cli.sessions import Found
    from moai_flow.core.ledger import SessionLedger

BAR_CELLS = 20
_SMALLEST_NAME = 14


def parts(found: Found, ledger: SessionLedger, *, width: int) -> Iterator[RenderableType]:
    """Yield what is shown of a session: which one it is, its table, and how long the main window will do.

    Args:
        found: the session.
        ledger: its ledger, measured anew.
        width: columns of the terminal. In a narrow one the bars go; the level is always there, and no word is cut.
    """
    # Imported here: no hook runs on Windows, where its modules cannot be loaded.
    from moai_flow.hook.agent_names import descriptions

    yield Text(found.line, overflow="fold")
    about = overview.window_text(ledger)
    if about:
        yield Text(printable(about), overflow="fold")
    yield Text("")
    rows = overview.rows(ledger, descriptions(ledger))
    yield _table(rows, has_bars=width >= NARROW)
    notes = [_spend_text(ledger), overview.outlook(ledger), overview.ESTIMATED if any(row.mark for row in rows) else ""]
    for note in filter(None, notes):
        yield Text("")
        yield Text(note, overflow="fold")


def _spend_text(ledger: SessionLedger) -> str:
    """Return a line for each limit of spend, "" without any."""
    from moai_flow.core.spend.notices import figures_text, percent

    spend = ledger.spend
    if spend is None:
        return ""
    return "\n".join(
        f"spend of {printable(name) or 'all swarms'}: {figures_text(spend, name)} ({percent(spend, name):.1f}%)"
        for name in sorted(spend.limits)
    )


def problem(found: Found, text: str) -> Text:
    """Return the one line that stands for a session whose ledger cannot be read."""
    return Text(f"session {printable(found.session_id)}: {printable(text)}", style=COLOURS[2], overflow="fold")


def show(shown: Iterable[RenderableType]) -> None:
    """Print parts one below the other, without the blanks that fill up a table's last column."""
    terminal = console()
    for part in shown:
        with terminal.capture() as captured:
            terminal.print(part)
        for line in captured.get().splitlines():
            click.echo(line.rstrip())


def bar_text(percent: float, level: int) -> str:
    """Return a bar as text, coloured as far as the terminal is."""
    terminal = console()
    with terminal.capture() as captured:
        terminal.print(_bar(percent, level), end="")
    return captured.get().rstrip("\n")


def _table(rows: list[overview.Row], *, has_bars: bool) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(overflow="fold", min_width=_SMALLEST_NAME)
    for _ in range(3):
        table.add_column(justify="right", no_wrap=True)
    if has_bars:
        table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    for row in rows:
        if row.used is None:
            table.add_row()
            table.add_row(Text(row.name))
            continue
        cells: list[RenderableType] = [Text("  " * row.depth + printable(row.name)), *map(Text, row.figures)]
        cells[2].justify = "left"  # type: ignore[union-attr] # the three figures are texts
        if has_bars:
            cells.append(_bar(row.percent, row.level) if row.limit else Text(""))
        table.add_row(*cells, Text(row.word, style=COLOURS[row.level]))
    return table


def _bar(percent: float, level: int) -> ProgressBar:
    style = COLOURS[level]
    shown = min(max(percent, 0.0), 100.0)
    return ProgressBar(100, shown, width=BAR_CELLS, complete_style=style, finished_style=style)
