"""`token-budget uninstall`: take the hooks and the status line out of the client's settings."""

from __future__ import annotations

import json
import os

import click

from moai_flow.cli import options, projects
from moai_flow.cli.client import environment, registration, slash_commands, status_line
from moai_flow.cli.client.settings_file import SettingsFile
from moai_flow.cli.commands.install import print_diff, proceed
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
@options.show_diff
@options.dry_run
@options.yes
def command(*, scope: str, show_diff: bool, dry_run: bool, yes: bool) -> None:
    """Take the hooks, the slash commands and the status line out of Claude Code's settings.

    Where nothing else was changed since `install`, the file is byte for byte what it was. The ledgers stay; delete the
    state folder to remove them too.
    """
    file = SettingsFile(environment.settings_file(os.environ, projects.here(), scope))
    had_hooks = registration.unregister(file.document)
    had_line = status_line.take_away(file.document)
    commands = slash_commands.present(file.path)
    if not (had_hooks or had_line or commands):
        click.echo(f"{file.path}: not registered there, nothing to change")
        _say_where_else(file.path)
        return
    data, is_as_before = _without(file) if had_hooks or had_line else (file.stored, True)
    if had_hooks or had_line:
        words = [word for word, had in (("hooks", had_hooks), ("status line", had_line)) if had]
        click.echo(f"{file.path}\n  {' and '.join(words)} removed{', as it was before' if is_as_before else ''}")
    if commands:
        click.echo(f"{slash_commands.folder_for(file.path)}\n  {len(commands)} slash commands removed")
    if show_diff or dry_run:
        print_diff(file.diff(data))
    if not proceed(dry_run=dry_run, yes=yes):
        return
    slash_commands.remove(commands)
    if data != file.stored:
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
    # As text: to Python `true` is 1, and an edit from one to the other is a person's.
    if isinstance(before, dict) and json.dumps(registration.without_empty(before)) == json.dumps(left):
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
