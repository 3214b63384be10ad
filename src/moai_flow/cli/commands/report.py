"""`token-budget report`: where the tokens went, and what to do about it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from moai_flow.cli import options, sessions
from moai_flow.cli.program import examples
from moai_flow.core.errors import TokenBudgetError

if TYPE_CHECKING:
    from moai_flow.analysis.trace import Trace
    from moai_flow.core.ledger import SessionLedger


@click.command(
    "report",
    epilog=examples(
        ("report", "the session of this project"),
        ("report --days 7", "every session of the last week"),
        ("report --days 7 --html week.html", "the same, as a page for a browser"),
    ),
)
@click.option("--html", metavar="FILE", help="Write a page for a browser: one file, no network.")
@click.option("--days", type=click.FloatRange(0, min_open=True), metavar="N", help="Every session of the last N days.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@options.session
@options.state_dir
def command(*, html: str | None, days: float | None, as_json: bool, session: str | None, state_dir: str | None) -> None:
    """Show where the tokens went, by tool, file, swarm and agent, and what could be done about it.

    Each session is played again from its transcripts through the hooks' own code, so the figures are those that the
    hooks kept; `~` stands before one that was never measured. Names of files and commands are read from the
    transcripts when the report is made, and stored nowhere.
    """
    if days is not None and session:
        raise click.UsageError("--days and --session exclude each other.")
    from moai_flow.report.document import document

    state = sessions.state_folder(state_dir)
    traces = load(state, session=session, days=days)
    if not traces:
        raise TokenBudgetError(
            f"no session with a transcript in {state}; Claude Code deletes transcripts after a while"
        )
    if html:
        _write_page(html, traces, is_quiet=as_json)
    if as_json:
        import json

        click.echo(json.dumps(document(traces), indent=2))
    elif not html:
        from moai_flow.cli.view.terminal import ascii_only, colour
        from moai_flow.report.text import lines

        for line in lines(document(traces), style=colour, ascii_only=ascii_only()):
            click.echo(line)


def load(state: str, *, session: str | None, days: float | None) -> list[Trace]:
    """Return the traces of the chosen sessions: of the last days, or of one."""
    from moai_flow.analysis.load import ledgers, read_ledger
    from moai_flow.analysis.load import load as load_trace
    from moai_flow.hook.state import paths

    chosen: list[SessionLedger | None]
    if days is not None:
        chosen = list(ledgers(state, days))
    else:
        chosen = [read_ledger(Path(paths.ledger_file(state, sessions.find(state, session))))]
    traces = []
    with click.progressbar(
        chosen, label="Sessions", file=sys.stderr, hidden=not (days and sys.stderr.isatty())
    ) as shown:
        for ledger in shown:
            trace = load_trace(ledger) if ledger is not None else None
            if trace is not None and trace.points:
                traces.append(trace)
    return sorted(traces, key=lambda trace: trace.began)


def _write_page(path: str, traces: list[Trace], *, is_quiet: bool) -> None:
    from moai_flow.report.page import page

    try:
        Path(path).write_text(page(traces), encoding="utf-8")
    except OSError as error:
        raise TokenBudgetError(f"{path}: cannot be written ({error.strerror})") from error
    click.echo(f"{path}: {len(traces)} session{'s' if len(traces) > 1 else ''}; open it in a browser", err=is_quiet)
