"""`token-budget report`: where the tokens went, and what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from moai_flow.cli import chosen, options
from moai_flow.cli.program import examples
from moai_flow.core.errors import TokenBudgetError

if TYPE_CHECKING:
    from datetime import date

    from moai_flow.analysis.trace import Trace
    from moai_flow.cli.chosen import Period
    from moai_flow.replay.recorded import Recorded
    from moai_flow.report.spend import Spend


@click.command(
    "report",
    epilog=examples(
        ("report", "today in this project"),
        ("report --days 7", "its last week"),
        ("report --days 30 --project all --html month.html", "every project's month, as a page for a browser"),
        ("report --session 0f3c", "one session, by how its id begins"),
    ),
)
@click.option("--html", metavar="FILE", help="Write a page for a browser: one file, no network.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@chosen.options
@options.session
@click.option("--no-cache", is_flag=True, help="Play every session anew, and keep nothing.")
@options.state_dir
def command(
    *,
    html: str | None,
    as_json: bool,
    project: str | None,
    since: date | None,
    until: date | None,
    days: float | None,
    session: str | None,
    no_cache: bool,
    state_dir: str | None,
) -> None:
    """Show where the tokens went, by tool, file, swarm and agent, and what could be done about it.

    It works on Claude Code's own transcripts, whether the hooks ran or not: each session is played again through the
    hooks' code, so the figures are those that the hooks keep; `~` stands before one that was never measured. A session
    that was active in the chosen days is shown whole. Values that look like secrets are masked in commands.
    """
    when = chosen.period(since, until, days)
    if session and (when or project):
        raise click.UsageError("--session excludes --project, --since, --until and --days.")
    everything = chosen.every(state_dir)
    found = [chosen.named(everything, session)] if session else chosen.of_project(everything, project)
    is_default = when is None and not session
    if is_default:
        when = chosen.today()
    some = found if when is None else chosen.within(found, when)
    traces = chosen.traces(some, when, state_dir=state_dir, with_cache=not no_cache)
    if not traces and is_default:
        if not as_json:
            click.echo("No session today; this is the last one.\n")
        some, when = found[:1], None
        traces = chosen.traces(some, state_dir=state_dir, with_cache=not no_cache)
    if not traces:
        raise TokenBudgetError("no session in these days; --days 30 looks further back")
    _print(traces, _spend(some, when), html=html, as_json=as_json)


def _spend(found: list[Recorded], when: Period | None) -> Spend | None:
    """Return what was billed in the sessions, by day and by swarm; None where that cannot be read."""
    from moai_flow.cli import cache
    from moai_flow.core.errors import StateError
    from moai_flow.report.spend import spend
    from moai_flow.usage import grouping
    from moai_flow.usage.machine import key_function, read_usage

    ids = {one.session_id for one in found}
    try:
        usage = read_usage(cache=cache.folder("usage"))
    except StateError:
        return None
    begin, end = (when.begin, when.end) if when is not None else (None, None)
    entries = [
        entry
        for entry in usage.entries
        if entry.session in ids and (begin is None or entry.at >= begin) and (end is None or entry.at < end)
    ]
    by_day = grouping.group(entries, key_function("day"), in_order=True)
    return spend(by_day, grouping.group(entries, key_function("swarm")))


def _print(traces: list[Trace], spend: Spend | None, *, html: str | None, as_json: bool) -> None:
    from moai_flow.report.document import document

    if html:
        _write_page(html, traces, spend, is_quiet=as_json)
    if as_json:
        import json

        click.echo(json.dumps(document(traces, spend), indent=2))
    elif not html:
        from moai_flow.cli.view.console import ascii_only, colour
        from moai_flow.report.text import lines

        for line in lines(document(traces, spend), style=colour, ascii_only=ascii_only()):
            click.echo(line)


def _write_page(path: str, traces: list[Trace], spend: Spend | None, *, is_quiet: bool) -> None:
    from moai_flow.report.page import page

    try:
        Path(path).write_text(page(traces, spend), encoding="utf-8")
    except OSError as error:
        raise TokenBudgetError(f"{path}: cannot be written ({error.strerror})") from error
    click.echo(f"{path}: {len(traces)} session{'s' if len(traces) > 1 else ''}; open it in a browser", err=is_quiet)
