"""`token-budget watch`: the status, live."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from moai_flow.cli import options, sessions
from moai_flow.cli.commands.status import view
from moai_flow.cli.program import examples
from moai_flow.core.errors import TokenBudgetError

if TYPE_CHECKING:
    from rich.console import RenderableType

KEYS = "q quit   a all sessions   r now"
SECONDS = 2.0
"""Seconds between two looks."""


@click.command(
    "watch",
    epilog=examples(
        ("watch", "the session of this project"),
        ("watch --all", "every session that runs now"),
        ("watch --interval 0.5", "twice a second"),
    ),
)
@click.option("--all", "every", is_flag=True, help="Show every session that runs now.")
@click.option(
    "--interval",
    type=click.FloatRange(0.1),
    default=SECONDS,
    metavar="SECONDS",
    help=f"Seconds between two looks [default: {SECONDS:g}].",
)
@options.session
@options.state_dir
def command(*, every: bool, interval: float, session: str | None, state_dir: str | None) -> None:
    """Show the status, measured anew again and again, until q is pressed.

    Keys: q quits, a shows all running sessions or one, r looks at once. It only reads: no ledger is locked or written.
    Into a pipe the status is printed once.
    """
    if every and session:
        raise click.UsageError("--all and --session exclude each other.")
    state = sessions.state_folder(state_dir)
    if not sys.stdout.isatty():
        from moai_flow.cli.view import budget
        from moai_flow.cli.view.console import console

        budget.show(view(state, session, every=every, width=console().width))
        return
    from moai_flow.cli.view.live import Screen

    with Screen() as screen, suppress(KeyboardInterrupt):
        while True:
            parts = _or_problem(state, session, every=every, width=screen.width)
            screen.draw(parts, f"{time.strftime('%H:%M:%S')}   {KEYS}")
            key = screen.key(interval)
            if key in ("q", "\x04"):
                return
            if key == "a":
                every = not every


def _or_problem(state: str, session: str | None, *, every: bool, width: int) -> list[RenderableType]:
    """Return what is to be shown now; a session may begin or end while we watch, so an error is shown too."""
    from rich.text import Text

    from moai_flow.core.names import printable

    try:
        return list(view(state, session, every=every, width=width))
    except TokenBudgetError as error:
        return [Text("\n".join([printable(line) for line in str(error).splitlines()]), overflow="fold")]
