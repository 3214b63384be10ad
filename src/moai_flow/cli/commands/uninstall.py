"""`token-budget uninstall`: take the hooks and the status line out of the client's settings."""

from __future__ import annotations

import json
import os

import click

from moai_flow.cli import options, projects
from moai_flow.cli.client import environment, registration, status_line
from moai_flow.cli.client.settings_file import SettingsFile
from moai_flow.cli.commands.install import proceed, show_diff
from moai_flow.cli.program import examples
from moai_flow.core.errors import TokenBudgetError


@click.command(
    "uninstall",
    epilog=examples(
        ("uninstall", "take back what `install` did"),
        ("uninstall --scope project", "in this project's settings"),
    ),
)
@options.scope
@options.dry_run
@options.yes
def command(*, scope: str, dry_run: bool, yes: bool) -> None:
    """Take the hooks and the status line out of Claude Code's settings.

    Where nothing else was changed since `install`, the file is byte for byte what it was. The ledgers stay; delete the
    state folder to remove them too.
    """
    file = SettingsFile(environment.settings_file(os.environ, projects.here(), scope))
    had_hooks = registration.unregister(file.document)
    had_line = status_line.take_away(file.document)
    if not (had_hooks or had_line):
        click.echo(f"{file.path}: not registered there, nothing to change")
        _say_where_else(file.path)
        return
    data, is_as_before = _without(file)
    show_diff(file.diff(data))
    if not proceed(dry_run=dry_run, yes=yes):
        return
    file.write(data)
    if is_as_before:
        file.remove_backup()
        click.echo(f"Removed; {file.path} is as it was.")
    else:
        click.echo(f"Removed from {file.path}; what else was changed there is kept.")
        if file.read_backup() is not None:
            click.echo(f"What was there before `install` is still in {file.backup}")
    _say_where_else(file.path)


def _without(file: SettingsFile) -> tuple[bytes | None, bool]:
    """Return the file without the registration, None for no file, and whether that is what `install` found."""
    left = registration.without_empty(file.document.read())
    backup = file.read_backup()
    if backup is None:
        return (None, True) if not left else (file.changed, False)
    try:
        before = json.loads(backup.decode("utf-8-sig") or "{}")
    except ValueError:
        return file.changed, False
    if isinstance(before, dict) and registration.without_empty(before) == left:
        return backup, True
    return file.changed, False


def _say_where_else(done: str) -> None:
    """Say what else meters sessions: other scopes, the plugin."""
    for scope, path in environment.settings_files(os.environ, projects.here()).items():
        try:
            settings = SettingsFile(path).document.read()
        except TokenBudgetError:
            continue
        if path != done and registration.hooks_in(settings):
            click.echo(f"Note: {path} registers the hooks too: `token-budget uninstall --scope {scope}`.", err=True)
        for plugin in registration.plugins_in(settings):
            click.echo(f"Note: {path} enables the plugin {plugin}: `claude plugin uninstall {plugin}`.", err=True)
