"""`token-budget status`: the session's budget, measured anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from moai_flow.cli import options, sessions
from moai_flow.cli.program import examples
from moai_flow.cli.view.as_json import budget_document, print_json

if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger


@click.command(
    "status",
    epilog=examples(
        ("status", "the session of this project"),
        ("status --all", "every session that runs now"),
        ("status --advice", "with what could be done about it"),
        ("status --json | jq .total_consumed", "one figure, for a script"),
    ),
)
@options.as_json
@click.option("--all", "every", is_flag=True, help="Show every session that runs now.")
@click.option("--advice", is_flag=True, help="Add what could be done about it; plays the session again, so slower.")
@options.session
@options.state_dir
def command(*, as_json: bool, every: bool, advice: bool, session: str | None, state_dir: str | None) -> None:
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
        documents = [budget_document(ledger) | (_advice(ledger) if advice else {}) for ledger in shown]
        print_json({"sessions": documents} if every else documents[0])
        return
    from moai_flow.cli.view.terminal import lines

    if not shown:
        click.echo("No session runs now.")
    for number, ledger in enumerate(shown):
        if number:
            click.echo()
        found = _advice(ledger)["advice"] if advice else []
        advised = ["", "what could be done", *(f"  - {sentence}" for sentence in found)] if found else []
        for line in [*lines(ledger), *advised]:
            click.echo(line)


def _advice(ledger: SessionLedger) -> dict[str, list[str]]:
    """Return what the analysis recommends for this session, as sentences."""
    from moai_flow.analysis.load import load
    from moai_flow.analysis.recommend import recommend

    trace = load(ledger)
    return {"advice": [one.text for one in recommend([trace])] if trace is not None else []}
