"""`token-budget accuracy`: how far the estimates were from what was then measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from moai_flow.cli import chosen, options
from moai_flow.cli.program import examples
from moai_flow.core.errors import TokenBudgetError

if TYPE_CHECKING:
    from datetime import date

    from moai_flow.analysis.accuracy import Errors
    from moai_flow.replay.recorded import Recorded


@click.command(
    "accuracy",
    epilog=examples(
        ("accuracy", "this project's last session"),
        ("accuracy --days 30 --project all", "all sessions of a month"),
        ("accuracy ~/transcripts", "the transcripts in a folder"),
        ("accuracy --json", "the same, for a script"),
    ),
)
@click.argument("target", required=False)
@options.as_json
@chosen.options
@options.session
@options.state_dir
def command(
    *,
    target: str | None,
    as_json: bool,
    project: str | None,
    since: date | None,
    until: date | None,
    days: float | None,
    session: str | None,
    state_dir: str | None,
) -> None:
    """Show how far the estimates were from what was then measured, by kind of text.

    Between two measurements the hooks estimate what a prompt or a tool's result adds; sessions are played again from
    Claude Code's own transcripts, so that everybody can check the figures on sessions of their own. TARGET is a
    transcript, a folder of transcripts, or how a session's id begins. Percentages are of what was measured: for a kind
    of text, of what the window grew by; for the next request, of all that it read.
    """
    when = chosen.period(since, until, days)
    if (target or session) and (when or project or (target and session)):
        raise click.UsageError("TARGET, --session and the choice of a project's days exclude each other.")
    if target or session:
        found = chosen.pointed_at(target or session, state_dir)
    else:
        own = chosen.of_project(chosen.every(state_dir), project)
        found = own[:1] if when is None else chosen.within(own, when)
    if not found:
        raise TokenBudgetError("no session in these days; --days 30 looks further back")
    _print(found, _play(found, state_dir), as_json=as_json)


def _play(found: list[Recorded], state_dir: str | None) -> Errors:
    from moai_flow.analysis.accuracy import Errors
    from moai_flow.analysis.load import load_errors, size_of, tasks_of
    from moai_flow.analysis.parallel import over
    from moai_flow.cli.view.progress import progress

    errors = Errors()
    tasks = tasks_of(found, chosen.environment(), chosen.state_of(state_dir))
    with progress("Sessions", sum(one.size for one in found)) as advance:
        for done in over(tasks, load_errors, size_of):
            advance(size_of(done[0]) if done is not None else 0)
            if done is not None:
                errors.add(done[1])
    return errors


def _print(found: list[Recorded], errors: Errors, *, as_json: bool) -> None:
    from moai_flow.analysis.accuracy import by_kind, summary

    table, request = by_kind(errors), summary(errors.requests)
    if as_json:
        import json

        from moai_flow.hook.estimate.rates import characters_per_token

        document: dict[str, Any] = {"sessions": len(found), "kinds": table, "next_request": request}
        if len(found) == 1:
            rates = characters_per_token(errors.factors)
            document |= {"session_id": found[0].session_id, "characters_per_token": rates}
        click.echo(json.dumps(document, indent=2))
        return
    if not table and not request:
        click.echo("No estimate was compared with a measurement yet.")
        return
    click.echo(f"{'kind':14} {'count':>8} {'median':>8} {'p95':>8} {'worst':>8}")
    for kind, row in [*table.items(), *([("next request", request)] if request else [])]:
        click.echo(
            f"{kind:14} {row['count']:>8,} {row['median_percent']:>7.2f}% {row['p95_percent']:>7.2f}% "
            f"{row['worst_percent']:>7.2f}%"
        )
