"""`token-budget allocate`: promise a swarm tokens."""

from __future__ import annotations

import time

import click

from moai_flow.cli import ledgers, options, sessions
from moai_flow.cli.limits import promise
from moai_flow.cli.program import examples
from moai_flow.cli.view.as_json import budget_document, print_json


@click.command(
    "allocate",
    epilog=examples(
        ("allocate backend 60K", "agents of type backend may use 60,000 tokens"),
        ("allocate docs 20000 --shared", "20,000 tokens of the main window for swarm docs"),
    ),
)
@options.swarm
@options.tokens
@click.option("--shared", is_flag=True, help="A new swarm works in the main window, not in windows of its own.")
@options.as_json
@options.session
@options.state_dir
def command(
    *, swarm: str, tokens: int, shared: bool, as_json: bool, session: str | None, state_dir: str | None
) -> None:
    """Promise SWARM so many TOKENS in the running session, or change its limit.

    A promise is never cut, and outlives /clear. A swarm is named after the type of its agents, unless the settings
    say otherwise; to give one a limit in every session, put it into the settings (`swarms`).
    """
    state = sessions.state_folder(state_dir)
    target = sessions.look_up(state, session, to_change=True)
    with ledgers.opened(state, target.session_id) as ledger:
        said = promise(ledger, swarm, tokens, time.time(), shared=shared)
    if as_json:
        print_json(budget_document(ledger, target))
    else:
        click.echo(f"{target.line}\n{said}")
