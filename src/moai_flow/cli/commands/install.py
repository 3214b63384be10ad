"""`token-budget install`: register the hooks and the status line in the client's settings."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from moai_flow.cli import options, projects
from moai_flow.cli.client import entry_points, environment, registration, status_line
from moai_flow.cli.client.settings_file import SettingsFile
from moai_flow.cli.program import examples
from moai_flow.core.errors import TokenBudgetError

if TYPE_CHECKING:
    from collections.abc import Iterable


@click.command(
    "install",
    epilog=examples(
        ("install", "for all of your sessions"),
        ("install --scope local", "in this project, for you alone"),
        ("install --enforce", "and stop agents of a spent swarm"),
        ("install --dry-run", "show what would be changed"),
    ),
)
@options.scope
@click.option("--wrap", is_flag=True, help="Show the status line that is there above this package's.")
@click.option("--enforce", is_flag=True, help="Register the hook too that stops agents of a spent swarm.")
@options.dry_run
@options.yes
def command(*, scope: str, wrap: bool, enforce: bool, dry_run: bool, yes: bool) -> None:
    """Register the hooks, and the status line if there is none yet, in Claude Code's settings.

    Shows the change first. Everything else in the file keeps its bytes, and what was there is kept in a backup beside
    it. Running it again brings the registration up to date. Sessions that start afterwards are metered.

    --enforce adds a hook that runs before each tool. It stops nothing until `enforce` is "ask" or "deny" in the config
    file. Where the plugin is enabled, --enforce adds that hook alone.
    """
    if os.name != "posix":
        raise TokenBudgetError("the hooks run on Linux and macOS only; on Windows, run Claude Code in WSL")
    path = environment.settings_file(os.environ, projects.here(), scope)
    file = SettingsFile(path)
    before = file.document.read()
    if enforce and _has_plugin():
        registration.register_enforcing(file.document, entry_points.command())
    else:
        registration.register(file.document, entry_points.command(), enforce=enforce)
        is_shown = status_line.put(file.document, entry_points.status_line_command(), wrap=wrap)
        _warn(path, scope, before)
        if not is_shown:
            click.echo(f"Note: the status line stays as it is: {status_line.others_in(before)[:120]}", err=True)
            click.echo("`token-budget install --wrap` shows it above this package's.", err=True)
    data = file.changed
    if data is None:
        click.echo(f"{path}: registered already, nothing to change")
        return
    show_diff(file.diff(data))
    if not proceed(dry_run=dry_run, yes=yes):
        return
    had_ours = registration.hooks_in(before) or status_line.is_ours(before)
    if file.exists and not (had_ours and file.read_backup() is not None):
        file.write_backup()
    elif not file.exists:
        file.remove_backup()
    file.write(data)
    click.echo(f"Registered in {path}; sessions that start from now on are metered.")
    if file.exists:
        click.echo(f"What was there before is in {file.backup}")
    click.echo("`token-budget doctor` checks the set-up, `token-budget uninstall` takes it back.")


def _has_plugin() -> bool:
    """Return whether the plugin, which has all the other hooks, is enabled in any settings."""
    for path in environment.settings_files(os.environ, projects.here()).values():
        with suppress(TokenBudgetError):
            if registration.plugins_in(SettingsFile(path).document.read()):
                return True
    return False


def _warn(path: str, scope: str, before: dict[str, Any]) -> None:
    """Say what else would meter the same sessions, or keep the hooks from running."""
    for other, found in environment.settings_files(os.environ, projects.here()).items():
        try:
            settings = before if found == path else SettingsFile(found).document.read()
        except TokenBudgetError:
            continue
        for plugin in registration.plugins_in(settings):
            click.echo(
                f"Note: {found} enables the plugin {plugin}, whose hooks do the same: each would run twice. "
                f"Keep one: `claude plugin disable {plugin}`, or `token-budget uninstall --scope {scope}`.",
                err=True,
            )
        if found != path and registration.hooks_in(settings):
            click.echo(
                f"Note: {found} registers the hooks too: each would run twice. "
                f"Keep one: `token-budget uninstall --scope {other}`.",
                err=True,
            )
        if settings.get("disableAllHooks") is True:
            click.echo(f"Note: disableAllHooks in {found} keeps every hook from running.", err=True)


def show_diff(lines: Iterable[str]) -> None:
    """Print a unified diff, in colours on a terminal."""
    from moai_flow.cli.view.terminal import colour

    for line in lines:
        if line.startswith(("+", "-")) and not line.startswith(("+++", "---")):
            click.echo(colour(line, 0 if line.startswith("+") else 2))
        else:
            click.echo(line)


def proceed(*, dry_run: bool, yes: bool) -> bool:
    """Return whether the change is to be written; at a terminal the person is asked."""
    if dry_run:
        click.echo("Nothing was written (--dry-run).")
        return False
    if not yes and sys.stdin.isatty() and not click.confirm("Write this?", default=True):
        click.echo("Nothing was written.")
        return False
    return True
