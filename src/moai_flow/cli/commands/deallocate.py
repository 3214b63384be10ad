"""`token-budget deallocate`: remove a swarm."""

from __future__ import annotations

import time

import click

from moai_flow.cli import ledgers, options, sessions
from moai_flow.cli.limits import require_swarm
from moai_flow.cli.program import examples
from moai_flow.cli.view.as_json import budget_document, print_json
from moai_flow.core import notices
from moai_flow.core.errors import TokenBudgetError


@click.command("deallocate", epilog=examples(("deallocate backend", "swarm backend gives up its allocation")))
@options.swarm
@options.as_json
@options.session
@options.state_dir
def command(*, swarm: str, as_json: bool, session: str | None, state_dir: str | None) -> None:
    """Remove SWARM and what it was promised from the running session.

    It comes back, with the limit of the settings, when one of its agents does something.
    """
    state = sessions.state_folder(state_dir)
    target = sessions.look_up(state, session, to_change=True)
    with ledgers.opened(state, target.session_id) as ledger:
        found = require_swarm(ledger, swarm)
        consumed = found.consumed
        if not ledger.deallocate(swarm, time.time()):
            raise TokenBudgetError(f"{swarm}: is the main window's own swarm, which always exists")
        notices.rearm(ledger)
    if as_json:
        print_json(budget_document(ledger, target))
        return
    click.echo(target.line)
    click.echo(f"{swarm}: removed, {found.allocated:,} tokens are free to promise")
    if consumed and not found.isolated:
        click.echo(f"Its {consumed:,} tokens stay in the main window and count for main; /clear empties it.")
