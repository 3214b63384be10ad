"""`token-budget status`: the session's budget, measured anew."""

from __future__ import annotations

import click

from moai_flow.cli import document, parameters, sessions
from moai_flow.cli.group import examples


@click.command(
    "status",
    epilog=examples(
        ("status", "the session of this project"),
        ("status --all", "every session that runs now"),
        ("status --json | jq .total_consumed", "one figure, for a script"),
    ),
)
@parameters.as_json
@click.option("--all", "every", is_flag=True, help="Show every session that runs now.")
@parameters.session
@parameters.state_dir
def command(*, as_json: bool, every: bool, session: str | None, state_dir: str | None) -> None:
    """Measure the session anew and show its budget.

    Occupancy comes from the client's own transcript; `~` stands before a figure that is estimated in part. Without
    --session the session is the one this runs in, else the latest of this project, else the latest of all.
    """
    if every and session:
        raise click.UsageError("--all and --session exclude each other.")
    state = sessions.state_folder(state_dir)
    chosen = sessions.live(state) if every else [sessions.find(state, session)]
    shown = []
    for session_id in chosen:
        with sessions.opened(state, session_id) as ledger:
            shown.append(ledger)
    if as_json:
        documents = [document.of(ledger) for ledger in shown]
        document.show({"sessions": documents} if every else documents[0])
        return
    from moai_flow.cli.shown import lines

    if not shown:
        click.echo("No session runs now.")
    for number, ledger in enumerate(shown):
        if number:
            click.echo()
        for line in lines(ledger):
            click.echo(line)
