"""`token-budget deallocate`: remove a swarm."""

from __future__ import annotations

import time

import click

from moai_flow.cli import document, parameters, sessions
from moai_flow.cli.group import examples
from moai_flow.cli.known import require
from moai_flow.resource import notices
from moai_flow.resource.errors import TokenBudgetError


@click.command("deallocate", epilog=examples(("deallocate backend", "swarm backend gives up its allocation")))
@parameters.swarm
@parameters.as_json
@parameters.session
@parameters.state_dir
def command(*, swarm: str, as_json: bool, session: str | None, state_dir: str | None) -> None:
    """Remove SWARM and what it was promised from the running session.

    It comes back, with the limit of the settings, when one of its agents does something.
    """
    state = sessions.state_folder(state_dir)
    with sessions.opened(state, sessions.find(state, session)) as ledger:
        found = require(ledger, swarm)
        consumed = found.consumed
        if not ledger.deallocate(swarm, time.time()):
            raise TokenBudgetError(f"{swarm}: is the main window's own swarm, which always exists")
        notices.rearm(ledger)
    if as_json:
        document.show(document.of(ledger))
        return
    click.echo(f"{swarm}: removed, {found.allocated:,} tokens are free to promise")
    if consumed and not found.isolated:
        click.echo(f"Its {consumed:,} tokens stay in the main window and count for main; /clear empties it.")
