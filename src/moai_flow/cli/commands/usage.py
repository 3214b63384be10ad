"""`token-budget usage`: what was billed, on all transcripts of this machine."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from moai_flow.cli import cache, options
from moai_flow.cli.program import examples
from moai_flow.core.errors import TokenBudgetError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from moai_flow.usage.machine import MachineUsage
    from moai_flow.usage.prices import Prices


def _read_day(ctx: click.Context, param: click.Parameter, value: str | None) -> date | None:
    if value is None:
        return None
    from moai_flow.usage.days import read_day

    try:
        return read_day(value)
    except TokenBudgetError as error:
        raise click.BadParameter(str(error), ctx, param) from error


@click.command(
    "usage",
    epilog=examples(
        ("usage", "what was billed, day by day"),
        ("usage --by swarm --since 2026-11-01", "which swarm of agents it was billed for, this month"),
        ("usage --by agent --session 6fdfdff9", "the windows of one session"),
        ("usage --by model --cost", "with the API's list prices"),
    ),
)
@click.option(
    "--by",
    type=click.Choice(["swarm", "agent", "model", "day", "project", "session"]),
    default="day",
    show_default=True,
    help="What to sum up by.",
)
@click.option("--since", metavar="DAY", callback=_read_day, help="The first day, like 2026-11-01.")
@click.option("--until", metavar="DAY", callback=_read_day, help="The last day.")
@click.option("--session", metavar="ID", help="Only this session, or those whose ids begin so.")
@click.option("--cost", is_flag=True, help="Show the API's list prices too (needs the extra `prices`).")
@options.as_json
def command(*, by: str, since: date | None, until: date | None, session: str | None, cost: bool, as_json: bool) -> None:
    """Show what was billed: each API message of every transcript on this machine once, by class of tokens.

    The transcripts are where CLAUDE_CONFIG_DIR says (several folders are separated by commas), else in
    ~/.config/claude/projects and ~/.claude/projects. What was found is kept, so the next run reads only what is new.
    """
    from moai_flow.usage.machine import key_function, read_usage

    prices = _prices() if cost else None
    usage = read_usage(cache=cache.folder("usage"), since=since, until=until, session=session or "")
    for path, problem in usage.problems.items():
        click.echo(f"{path}: cannot be read ({problem}); left out", err=True)
    if session and not usage.entries:
        raise TokenBudgetError(f"no usage of a session {session}{' in these days' if since or until else ''}")
    key = key_function(by, swarm_names() if by == "swarm" else None)
    if as_json:
        import json

        click.echo(json.dumps(document(usage, by, key, prices), indent=2))
        return
    from moai_flow.cli.view.usage import lines

    if not usage.files:
        raise TokenBudgetError("no transcript on this machine; Claude Code keeps them in ~/.claude/projects")
    for line in lines(usage, by, key, prices):
        click.echo(line)


def document(usage: MachineUsage, by: str, key: Callable[[Any], str], prices: Prices | None = None) -> dict[str, Any]:
    """Return the usage as JSON: totals and sums, requests and tokens by class; with prices, dollars too."""
    from moai_flow.usage.grouping import group

    sums = group(usage.entries, key, in_order=by == "day")
    found: dict[str, Any] = {
        "totals": usage.totals.as_dict(),
        "by": {name: part.as_dict() for name, part in sums.items()},
    }
    if prices is not None:
        costs = prices.cost(usage.entries, key)
        all_of_it = prices.cost(usage.entries).get("")
        found["cost"] = {
            "currency": "USD",
            "prices": {"package": "genai-prices", "version": prices.version, "changed": prices.changed},
            "unknown_models": sorted(prices.unknown),
            "totals": all_of_it.as_dict() if all_of_it else None,
            "by": {name: costs[name].as_dict() for name in sums if name in costs},
        }
    return found


def swarm_names() -> Callable[[str, str], str]:
    """Return what names the swarm of a project (first) and an agent's type (second), as the hooks there would."""
    from moai_flow.usage.attribution import swarm_of_agent

    if os.name != "posix":
        return lambda _, agent_type: swarm_of_agent(agent_type)
    from moai_flow.cli.client import environment
    from moai_flow.core.config import BudgetConfig
    from moai_flow.hook.attribution import matches
    from moai_flow.hook.state import settings

    rules: dict[str, list[tuple[str, Any]]] = {}
    names: dict[tuple[str, str], str] = {}

    def name(project: str, agent_type: str) -> str:
        if project not in rules:
            seen = environment.as_hooks_see_it(os.environ, project)
            config, _ = BudgetConfig.merged(settings.read_layers(seen, sys.platform, project)[0], None)
            rules[project] = [(rule.name, rule.agents) for rule in config.swarms]
        known = names.get((project, agent_type))
        if known is None:
            known = names[project, agent_type] = swarm_of_agent(agent_type, rules[project], matches)
        return known

    return name


def _prices() -> Prices:
    from moai_flow.usage.prices import Prices

    return Prices()
