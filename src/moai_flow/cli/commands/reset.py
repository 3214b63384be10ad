"""`token-budget reset`: consumption back to zero."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from moai_flow.cli import ledgers, options, sessions
from moai_flow.cli.limits import require_swarm
from moai_flow.cli.program import examples
from moai_flow.cli.view.as_json import budget_document, print_json
from moai_flow.core import notices

if TYPE_CHECKING:
    from moai_flow.core.ledger import Ledger


@click.command(
    "reset",
    epilog=examples(
        ("reset backend", "swarm backend starts at zero again"),
        ("reset", "every swarm does"),
    ),
)
@options.swarm_or_all
@options.as_json
@options.session
@options.state_dir
def command(*, swarm: str | None, as_json: bool, session: str | None, state_dir: str | None) -> None:
    """Take the consumption, reservations and warnings of SWARM, or of all swarms, back to zero.

    What stands in the main window stays there: those tokens go to swarm main, and only /clear or /compact in Claude
    Code empties the window.
    """
    state = sessions.state_folder(state_dir)
    lines = []
    target = sessions.look_up(state, session, to_change=True)
    with ledgers.opened(state, target.session_id) as ledger:
        now = time.time()
        chosen = [require_swarm(ledger, swarm)] if swarm else list(ledger.swarms.values())
        for found in chosen:
            counted, consumed = _counted(ledger), found.consumed
            ledger.reset(found.swarm_id, now)
            freed = counted - _counted(ledger)
            stays = consumed - found.consumed - freed
            if not found.open_ended:
                if freed or not stays:
                    lines.append(f"{found.swarm_id}: {freed:,} tokens taken back, {found.available:,} left")
                if stays:
                    lines.append(f"{found.swarm_id}: {stays:,} tokens stay in the main window and count for main")
        notices.rearm(ledger)
        if any(found.open_ended for found in chosen):
            lines.append(f"main: holds {ledger.total_consumed:,} tokens until /clear or /compact empties the window")
    if as_json:
        print_json(budget_document(ledger, target))
        return
    click.echo(target.line)
    for line in lines:
        click.echo(line)


def _counted(ledger: Ledger) -> int:
    """Return the tokens that all swarms have consumed."""
    return ledger.total_consumed + ledger.isolated_consumed
