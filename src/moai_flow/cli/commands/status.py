"""`token-budget status`: the session's budget, measured anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from moai_flow.cli import ledgers, options, sessions
from moai_flow.cli.program import examples
from moai_flow.cli.view.as_json import budget_document, print_json
from moai_flow.core.errors import StateError, TokenBudgetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from moai_flow.core.ledger import SessionLedger

NOTHING_RUNS = "No session runs now."


@click.command(
    "status",
    epilog=examples(
        ("status", "the session of this project"),
        ("status --all", "every session that runs now"),
        ("status --json | jq .total_consumed", "one figure, for a script"),
    ),
)
@options.as_json
@click.option("--all", "every", is_flag=True, help="Show every session that runs now.")
@options.session
@options.state_dir
def command(*, as_json: bool, every: bool, session: str | None, state_dir: str | None) -> None:
    """Measure the session anew and show its budget.

    Occupancy comes from the client's own transcript; `~` stands before a figure that is estimated in part. It only
    reads: no ledger is locked or written. What could be done about the figures is in `token-budget report`.
    """
    if every and session:
        raise click.UsageError("--all and --session exclude each other.")
    state, is_usual = sessions.state_folder(state_dir), state_dir is None
    if as_json:
        if every:
            print_json({"sessions": [_document(state, found) for found in sessions.running(state)]})
        else:
            found, ledger = _one(state, session, is_usual=is_usual)
            print_json(budget_document(ledger, found))
        return
    from moai_flow.cli.view import budget
    from moai_flow.cli.view.console import console

    budget.show(view(state, session, every=every, is_usual=is_usual, width=console().width))


def _one(state: str, session: str | None, *, is_usual: bool) -> tuple[sessions.Found, SessionLedger]:
    """Return the session of the rule with its ledger, or one that no hook has metered, from its transcripts.

    Args:
        state: the folder of the ledgers.
        session: the wanted session, None for the one of the rule.
        is_usual: whether the folder is the hooks' own; in another one, ledgers alone are looked for.

    Raises:
        TokenBudgetError: there is none, or its ledger cannot be read.
    """
    try:
        found = sessions.look_up(state, session)
    except TokenBudgetError:
        if not is_usual:
            raise
        # Imported here: playing a session takes as long as all the rest of the command.
        from moai_flow.cli import unmetered

        unknown = unmetered.last(session)
        if unknown is None:
            raise
        return unknown
    return found, ledgers.measured(state, found.session_id)


def _document(state: str, found: sessions.Found) -> dict[str, Any]:
    """Return one session of many; one that cannot be read does not hide the others."""
    try:
        return budget_document(ledgers.measured(state, found.session_id), found)
    except StateError as error:
        return {**found.document, "error": str(error)}


def view(
    state: str, session: str | None, *, every: bool, width: int, is_usual: bool = True
) -> Iterator[RenderableType]:
    """Yield the parts that show the chosen session, or every one that runs, as it is now.

    Args:
        state: the folder of the ledgers.
        session: the wanted session, None for the one of the rule.
        every: whether to show all that run; one that cannot be read is one line then.
        width: columns of the terminal.
        is_usual: whether the folder is the hooks' own.

    Raises:
        TokenBudgetError: there is no such session, or its ledger cannot be read.
    """
    from rich.text import Text

    from moai_flow.cli.view import budget

    if not every:
        found, ledger = _one(state, session, is_usual=is_usual)
        yield from budget.parts(found, ledger, width=width)
        return
    chosen = sessions.running(state)
    if not chosen:
        yield Text(NOTHING_RUNS)
    for number, found in enumerate(chosen):
        if number:
            yield Text("")
        try:
            yield from budget.parts(found, ledgers.measured(state, found.session_id), width=width)
        except StateError as error:
            yield budget.problem(found, str(error))
