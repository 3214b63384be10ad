"""`token-budget demo`: a recorded session through the real hooks, and a check that they say what they should."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from moai_flow.cli.client import entry_points
from moai_flow.cli.program import examples
from moai_flow.core.errors import TokenBudgetError
from moai_flow.core.setting_checks import CRITICAL_SHARE, WARNING_SHARE
from moai_flow.replay import tape

if TYPE_CHECKING:
    from moai_flow.replay.tape import Moment

EXPECTED = (
    ("Stop", "WARNING: Global token usage at 152,050/200,000 (76.0%) - Monitor closely"),
    ("Stop", "CRITICAL: Global token usage at 186,050/200,000 (93.0%) - Execute /clear recommended"),
    ("SessionStart", "Token budget reset by /clear: 186,050 tokens freed, limits kept"),
)
"""What the person sees, and at which event: the first line of each message."""

OCCUPANCY_AT_THE_END = 21_050


@click.command("demo", epilog=examples(("demo", "see what the hooks say, and check that they work here")))
def command() -> None:
    """Play a recorded session through the hooks and show what they say.

    Each event goes to the hook command that Claude Code would run, in a temporary folder: nothing of yours is read
    or changed. Ends with 1 if the hooks do not say what they should.
    """
    if sys.platform == "win32":
        raise TokenBudgetError("the hooks run on Linux and macOS only; on Windows, try this in WSL")
    recording = tape.load()
    click.echo(f"A recorded session goes through the hooks in {entry_points.folder()}")
    moments: list[Moment] = []
    with tempfile.TemporaryDirectory(prefix="token-budget-") as place:
        played = tape.play(recording, entry_points.command, Path(place))
        if sys.stdout.isatty():
            with click.progressbar(
                played, length=len(recording), label="Events", item_show_func=_name, show_eta=False
            ) as shown:
                moments.extend(shown)
        else:
            moments.extend(played)
    click.echo()
    for moment in moments:
        _show(moment)
    click.echo()
    problems = check(moments)
    if problems:
        raise TokenBudgetError("\n".join(["the hooks do not work as they should:", *problems]))
    milliseconds = sorted(moment.seconds for moment in moments)[len(moments) // 2] * 1000
    click.echo(
        "As it should be: warned at 150,000 tokens, /clear recommended at 180,000, started again after /clear.\n"
        f"{len(moments)} hooks took {milliseconds:.0f} ms each (median)."
    )


def check(moments: list[Moment]) -> list[str]:
    """Return a line for everything that is not as it should be."""
    problems = [f"{_name(moment)}: {moment.failure}" for moment in moments if moment.failure]
    said = [(moment.event["hook_event_name"], moment.person.split("\n")[0]) for moment in moments if moment.person]
    problems += [f"missing at {event}: {text}" for event, text in EXPECTED if (event, text) not in said]
    problems += [f"not expected at {event}: {text}" for event, text in said if (event, text) not in EXPECTED]
    if not problems and said != list(EXPECTED):
        problems.append("the messages came in another order, or twice")
    if moments[-1].occupancy != OCCUPANCY_AT_THE_END:
        problems.append(
            f"the main window should end with {OCCUPANCY_AT_THE_END:,} tokens, not {moments[-1].occupancy:,}"
        )
    return problems


def _name(moment: Moment | None) -> str:
    if moment is None:
        return ""
    event = moment.event
    detail = event.get("tool_name") or event.get("source") or event.get("reason") or ""
    return f"{event['hook_event_name']} {detail}".rstrip()


def _show(moment: Moment) -> None:
    from moai_flow.cli.view.budget import bar_text

    ledger = moment.ledger
    total = ledger.config.total_budget if ledger is not None else 200_000
    percent = moment.occupancy * 100.0 / total
    level = (percent >= WARNING_SHARE * 100) + (percent >= CRITICAL_SHARE * 100)
    click.echo(
        f"{_name(moment):<29}{moment.occupancy:>9,} / {total:,} {percent:5.1f}%  {bar_text(percent, level)}".rstrip()
    )
    if "prompt" in moment.event:
        click.echo(f"    you type     > {moment.event['prompt']}")
    _show_text("you see", moment.person, 2 if moment.person.startswith("CRITICAL") else 1)
    _show_text("Claude reads", moment.model)
    if moment.event.get("reason") == "clear":
        click.echo("    you type     > /clear")


def _show_text(label: str, text: str, level: int | None = None) -> None:
    """Print what one reader gets: the label before its first line only."""
    from moai_flow.cli.view.console import colour

    for number, line in enumerate(text.splitlines()):
        shown = line if level is None else colour(line, level)
        click.echo(f"    {'' if number else label:<12} {shown}")
