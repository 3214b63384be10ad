"""`token-budget config`: the settings, where each comes from, and changing them."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from moai_flow.cli import options, projects
from moai_flow.cli.client import budget_settings
from moai_flow.cli.program import examples
from moai_flow.core.errors import TokenBudgetError
from moai_flow.core.names import printable

MOAI_FILE = ".moai/config/sections/workflow.yaml"
_MAX_YAML = 1 << 18

of_project = click.option("--project", "of_project", is_flag=True, help="In the project's file, not in yours.")


@click.group(
    "config",
    invoke_without_command=True,
    epilog=examples(
        ("config", "every setting, and where it comes from"),
        ("config set total_budget 200K", "in your own settings"),
        ("config set swarms.backend.limit 60K", "a limit for one swarm"),
        ("config unset total_budget", "the default again"),
        ("config import-moai --project", "take over MoAI-ADK's figures"),
    ),
)
@options.as_json
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Show the settings that are in force here with their sources, or change them.

    Settings are read at every event, so a change counts from the next one on.
    """
    if ctx.invoked_subcommand is None:
        _show(as_json=as_json)


def _show(*, as_json: bool) -> None:
    settings, problems = budget_settings.in_force(os.environ, projects.here())
    if as_json:
        values = {one.key: {"value": one.value, "source": one.source} for one in settings}
        click.echo(json.dumps({"settings": values, "problems": problems}, indent=2))
        return
    from rich.table import Table
    from rich.text import Text

    from moai_flow.cli.view.budget import show
    from moai_flow.cli.view.console import COLOURS

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for one in settings:
        table.add_row(Text(one.key), Text(printable(_shown(one.value))), Text(printable(one.source)))
    show([table, *(Text(printable(problem, 1000), style=COLOURS[2]) for problem in problems)])


def _shown(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return value if isinstance(value, str) else json.dumps(value)


@command.command("get", epilog=examples(("config get total_budget", "one value, for a script")))
@click.argument("key")
def get(*, key: str) -> None:
    """Print the value of KEY that is in force."""
    settings, _ = budget_settings.in_force(os.environ, projects.here())
    values = {one.key: one.value for one in settings}
    name, *below = key.split(".")
    if not below and name in values and values[name] is None:
        click.echo("null")
        return
    found = values.get(name)
    for part in below:
        found = found.get(part) if isinstance(found, dict) else None
    if found is None:
        raise TokenBudgetError(f"{printable(key)}: no such setting; `token-budget config` shows all")
    click.echo(found if isinstance(found, str) else json.dumps(found))


@command.command(
    "set",
    epilog=examples(
        ("config set total_budget 200K", "tokens, also as 200000 or 200,000"),
        ("config set warning_threshold_1 0.6", "a fraction of the budget"),
        ("config set swarms.research.agents Explore,Plan", "a list"),
    ),
)
@click.argument("key")
@click.argument("value")
@of_project
def set_value(*, key: str, value: str, of_project: bool) -> None:
    """Set KEY to VALUE in your settings file, or in the project's."""
    path = budget_settings.file_for(os.environ, projects.here(), of_project=of_project)
    budget_settings.change(path, key, budget_settings.value_of(key, value))
    _say_done(path, key)


@command.command("unset", epilog=examples(("config unset notify", "the default again")))
@click.argument("key")
@of_project
def unset(*, key: str, of_project: bool) -> None:
    """Remove KEY from your settings file, or from the project's."""
    path = budget_settings.file_for(os.environ, projects.here(), of_project=of_project)
    budget_settings.change(path, key, None)
    _say_done(path, key)


def _say_done(path: str, key: str) -> None:
    """Say what is in force now: a stronger source may hide the change."""
    name = key.partition(".")[0]
    settings, problems = budget_settings.in_force(os.environ, projects.here())
    one = next(one for one in settings if one.key == name)
    click.echo(f"{path}\n{name} is {_shown(one.value)} now ({one.source})")
    for problem in problems:
        click.echo(printable(problem, 1000), err=True)


@command.command("edit", epilog=examples(("config edit", "with $EDITOR")))
@of_project
def edit(*, of_project: bool) -> None:
    """Open your settings file, or the project's, in your editor, and check it afterwards."""
    path = budget_settings.file_for(os.environ, projects.here(), of_project=of_project)
    if not os.path.lexists(path):
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write('{"token_budget": {\n}}\n')
    click.edit(filename=path)
    _, problems = budget_settings.in_force(os.environ, projects.here())
    if problems:
        raise TokenBudgetError("\n".join(problems))
    click.echo(f"{path}: no mistake found")


@command.command("import-moai", epilog=examples(("config import-moai --project", "into the project's own file")))
@of_project
def import_moai(*, of_project: bool) -> None:
    """Take over MoAI-ADK 3's figures: when to clear, and the budgets of its phases.

    They are read from `.moai/config/sections/workflow.yaml`. `workflow.auto_clear.token_threshold` becomes the critical
    threshold, and the first warning comes at five sixths of it, as with the defaults; `workflow.token_budget` becomes
    `phase_budgets`.
    """
    source = os.path.join(projects.here(), MOAI_FILE)
    workflow = _moai_workflow(source)
    threshold = _whole(source, workflow, "auto_clear", "token_threshold")
    budgets = {phase: _whole(source, workflow, "token_budget", phase) for phase in ("plan", "run", "sync")}
    found = {phase: tokens for phase, tokens in budgets.items() if tokens is not None}
    if threshold is None and not found:
        raise TokenBudgetError(f"{source}: neither workflow.auto_clear.token_threshold nor workflow.token_budget in it")
    path = budget_settings.file_for(os.environ, projects.here(), of_project=of_project)
    changes: list[tuple[str, Any]] = []
    if threshold is not None:
        changes += [("warning_threshold_1", threshold * 5 // 6), ("warning_threshold_2", threshold)]
    if found:
        changes.append(("phase_budgets", found))
    for key, value in changes:
        budget_settings.change(path, key, value)
        _say_done(path, key)


def _whole(source: str, workflow: dict[str, Any], section: str, key: str) -> int | None:
    """Return a figure of MoAI-ADK's in tokens, None where the file does not have it.

    Raises:
        TokenBudgetError: it is no whole number above 0.
    """
    inside = workflow.get(section)
    value = inside.get(key) if isinstance(inside, dict) else None
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise TokenBudgetError(f"{source}: workflow.{section}.{key} is no number of tokens")
    return value


def _moai_workflow(source: str) -> dict[str, Any]:
    """Return the object `workflow` of MoAI-ADK's file.

    Raises:
        TokenBudgetError: the file is missing, no YAML, or has no such object.
    """
    import yaml

    from moai_flow.cli.client import regular_file

    try:
        data = regular_file.read(source, _MAX_YAML)
    except OSError as error:
        raise TokenBudgetError(f"{source}: cannot be read ({error.strerror})") from error
    if data is None:
        raise TokenBudgetError(f"{source}: no such file; MoAI-ADK 3 keeps its settings there")
    try:
        found = yaml.safe_load(data)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        raise TokenBudgetError(f"{source}{line}: not YAML ({getattr(error, 'problem', error)})") from error
    workflow = found.get("workflow") if isinstance(found, dict) else None
    if not isinstance(workflow, dict):
        raise TokenBudgetError(f"{source}: no object `workflow` in it")
    return workflow
