"""The arguments and options that several commands take."""

from __future__ import annotations

import click

from moai_flow.core.amounts import read_tokens
from moai_flow.core.errors import TokenBudgetError
from moai_flow.core.names import is_swarm_name


def _read_swarm(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not is_swarm_name(value):
        raise click.BadParameter("a swarm's name is 1-64 characters of A-Z a-z 0-9 . _ -", ctx, param)
    return value


def _read_tokens(ctx: click.Context, param: click.Parameter, value: str) -> int:
    try:
        return read_tokens(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def _complete_swarm(ctx: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Return the swarms of the session that begin so."""
    from moai_flow.cli import ledgers, sessions

    try:
        state = ledgers.state_folder(ctx.params.get("state_dir"))
        ledger = ledgers.read(state, sessions.find(state, ctx.params.get("session")))
    except TokenBudgetError:
        return []
    return [name for name in ledger.swarms if name.startswith(begun)]


def _complete_session(ctx: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Return the sessions that begin so, the latest first."""
    from moai_flow.cli import ledgers

    try:
        known = ledgers.listed(ledgers.state_folder(ctx.params.get("state_dir")))
    except TokenBudgetError:
        return []
    return [one.session_id for one in known if one.has_worked and one.session_id.startswith(begun)]


swarm = click.argument("swarm", callback=_read_swarm, shell_complete=_complete_swarm)
swarm_or_all = click.argument("swarm", callback=_read_swarm, shell_complete=_complete_swarm, required=False)
tokens = click.argument("tokens", callback=_read_tokens)
session = click.option(
    "--session",
    metavar="ID",
    shell_complete=_complete_session,
    help="The session, or how its id begins [default: this project's].",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
state_dir = click.option("--state-dir", metavar="DIR", help="Where the ledgers are [default: as for the hooks].")
scope = click.option(
    "--scope",
    type=click.Choice(["user", "project", "local"]),
    default="user",
    show_default=True,
    help="Which settings: yours, the project's, or yours in the project.",
)
show_diff = click.option("--diff", "show_diff", is_flag=True, help="Show every line of the change, and ask.")
dry_run = click.option("--dry-run", is_flag=True, help="Show every line of the change and write nothing.")
yes = click.option("--yes", "-y", is_flag=True, help="Do not ask.")
