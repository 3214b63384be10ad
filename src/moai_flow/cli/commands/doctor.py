"""`token-budget doctor`: is everything as it should be here, and if not, what to do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from moai_flow.cli import options, projects
from moai_flow.cli.checks import config, enforcement, registration, runtime, state, waiting
from moai_flow.cli.checks.finding import BROKEN, OK, WARNING
from moai_flow.cli.client import environment
from moai_flow.cli.program import examples
from moai_flow.cli.view.as_json import print_json
from moai_flow.cli.view.console import colour
from moai_flow.core.errors import TokenBudgetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moai_flow.cli.checks.finding import Finding

_LEVELS = (OK, WARNING, BROKEN)
_WIDTH = 17


@click.command(
    "doctor",
    epilog=examples(
        ("doctor", "check everything, and say what to do"),
        ("doctor --json | jq '.findings[] | select(.level != \"ok\")'", "what is not well, for a script"),
    ),
)
@options.as_json
def command(*, as_json: bool) -> None:
    """Check the set-up: interpreter, hooks, registration, state folder, lock, settings.

    Nothing is changed. Ends with 1 if something is broken; a warning alone is no failure.
    """
    if os.name != "posix":
        raise TokenBudgetError("the hooks run on Linux and macOS only; on Windows, run Claude Code in WSL")
    found = []
    for finding in _findings():
        found.append(finding)
        if not as_json:
            _show(finding)
    count = sum(finding.level == BROKEN for finding in found)
    if as_json:
        print_json({"ok": not count, "findings": [finding._asdict() for finding in found]})
    else:
        warnings = sum(finding.level == WARNING for finding in found)
        click.echo(f"\n{count} broken, {warnings} to look at" if count or warnings else "\nAll is well.")
    if count:
        raise click.exceptions.Exit(1)


def _findings() -> Iterator[Finding]:
    """Yield what each check finds, the cheap ones first within a subject."""
    project = projects.here()
    yield from runtime.versions()
    yield runtime.python_on_path()
    yield runtime.hook()
    yield waiting.waiting(os.environ, project)
    yield from registration.registered(os.environ, project)
    yield from enforcement.enforcement(os.environ, project)
    yield from state.state()
    yield from config.config(environment.as_hooks_see_it(os.environ, project), project)


def _show(finding: Finding) -> None:
    level = colour(f"{finding.level:<8}", _LEVELS.index(finding.level))
    click.echo(f"{level} {finding.check:<{_WIDTH}} {finding.text}")
    if finding.advice:
        click.echo(f"{'':<8} {'':<{_WIDTH}} -> {finding.advice}")
