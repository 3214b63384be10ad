"""`token-budget install`: register the hooks, the status line and the slash commands with the client."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from moai_flow.cli import options, projects
from moai_flow.cli.client import entry_points, environment, registration, slash_commands, status_line
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
@options.show_diff
@options.dry_run
@options.yes
def command(*, scope: str, wrap: bool, enforce: bool, show_diff: bool, dry_run: bool, yes: bool) -> None:
    """Register the hooks, the slash commands, and the status line if there is none yet, with Claude Code.

    Says first what is added to which file, and asks. Everything else in the settings keeps its bytes, and what was
    there is kept in a backup beside it. Running it again brings the registration up to date. Sessions that start
    afterwards are metered.

    --enforce adds a hook that runs before each tool. It stops nothing until `enforce` is "ask" or "deny" in the config
    file. Where the plugin is enabled, --enforce adds that hook alone.
    """
    if os.name != "posix":
        raise TokenBudgetError("the hooks run on Linux and macOS only; on Windows, run Claude Code in WSL")
    path = environment.settings_file(os.environ, projects.here(), scope)
    file = SettingsFile(path)
    before = file.document.read()
    commands: dict[str, bytes] = {}
    if enforce and _has_plugin():
        registration.register_enforcing(file.document, entry_points.command)
    else:
        registration.register(file.document, entry_points.command, enforce=enforce)
        status_line.put(file.document, entry_points.status_line_command(), wrap=wrap)
        commands = slash_commands.changed(path)
        _warn(path, scope, before)
    data = file.changed
    if data is None and not commands:
        click.echo(f"{path}: registered already, nothing to change")
        return
    for line in _summary(file, before, commands):
        click.echo(line)
    if show_diff or dry_run:
        print_diff([*(file.diff(data) if data is not None else ()), *_new_files(commands)])
    if not proceed(dry_run=dry_run, yes=yes):
        return
    if data is not None:
        _write(file, data, before)
    slash_commands.write(commands)
    click.echo("Registered; sessions that start from now on are metered.")
    click.echo("`token-budget doctor` checks the set-up, `token-budget uninstall` takes it back.")


def _write(file: SettingsFile, data: bytes, before: dict[str, Any]) -> None:
    had_ours = registration.hooks_in(before) or status_line.is_ours(before)
    if file.exists and not (had_ours and file.read_backup() is not None):
        file.write_backup()
    elif not file.exists:
        file.remove_backup()
    file.write(data)


def _summary(file: SettingsFile, before: dict[str, Any], commands: dict[str, bytes]) -> list[str]:
    """Return what is changed, where, and where what was there before is kept."""
    after = file.document.read()
    lines = []
    if after != before:
        lines.append(file.path)
        had = registration.hooks_in(before)
        events = [place.event for place in registration.hooks_in(after)]
        verb = "brought up to date" if had else "added"
        if [place.hook for place in had] != [place.hook for place in registration.hooks_in(after)]:
            lines.append(f"  hooks            {verb}: {', '.join(events)}")
    theirs = status_line.others_in(after)
    if theirs:
        lines.append(f"  status line      yours stays as it is ({_short(theirs)}); --wrap shows it above this one's")
    elif after.get(status_line.KEY) != before.get(status_line.KEY):
        wrapped = status_line.wrapped_in(after[status_line.KEY]["command"])
        lines.append(f"  status line      {f'added below yours ({_short(wrapped)})' if wrapped else 'added'}")
    if commands:
        folder = os.path.dirname(next(iter(commands)))
        names = ", ".join([f"/token-budget:{os.path.basename(path).removesuffix('.md')}" for path in commands])
        lines += [folder, f"  slash commands   {names}"]
    if file.exists and after != before:
        lines.append(f"What is there now is kept in {file.backup}")
    return lines


def _short(command: str) -> str:
    return command if len(command) <= _MAX_SHOWN else command[: _MAX_SHOWN - 3] + "..."


_MAX_SHOWN = 40


def _new_files(commands: dict[str, bytes]) -> list[str]:
    """Return the lines of files that are written whole, as a diff has them."""
    lines = []
    for path, data in commands.items():
        lines += [f"--- {os.devnull}", f"+++ {path}", *(f"+{line}" for line in data.decode().splitlines())]
    return lines


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


def print_diff(lines: Iterable[str]) -> None:
    """Print a unified diff, in colours on a terminal."""
    from moai_flow.cli.view.console import colour

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
    if not yes and sys.stdin.isatty() and not click.confirm("Write this? (--diff shows every line)", default=True):
        click.echo("Nothing was written.")
        return False
    return True
