"""`token-budget watch`: the status, live."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from moai_flow.cli import options, sessions
from moai_flow.cli.program import examples
from moai_flow.core.errors import TokenBudgetError

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        for line in frame(state, session, every=every):
            click.echo(line)
        return
    from moai_flow.cli.view.screen import Screen

    with Screen() as screen, suppress(KeyboardInterrupt):
        while True:
            screen.draw([*_or_problem(state, session, every=every), "", f"{time.strftime('%H:%M:%S')}   {KEYS}"])
            key = screen.key(interval)
            if key in ("q", "\x04"):
                return
            if key == "a":
                every = not every


def _or_problem(state: str, session: str | None, *, every: bool) -> list[str]:
    """Return what is to be shown now; a session may begin or end while we watch, so an error is shown too."""
    try:
        return list(frame(state, session, every=every))
    except TokenBudgetError as error:
        return str(error).splitlines()


def frame(state: str, session: str | None, *, every: bool) -> Iterator[str]:
    """Yield the lines that show the sessions as they are now.

    Raises:
        TokenBudgetError: there is no such session, or its ledger cannot be read.
    """
    from moai_flow.cli.view.terminal import lines

    chosen = sessions.live(state) if every else [sessions.find(state, session)]
    if not chosen:
        yield "No session runs now."
    for number, session_id in enumerate(chosen):
        if number:
            yield ""
        yield from lines(sessions.measured(state, session_id))
