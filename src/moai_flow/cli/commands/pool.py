"""`token-budget pool`: budgets that several sessions, worktrees or machines share."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from moai_flow.cli import options, projects, sessions
from moai_flow.cli.program import examples
from moai_flow.cli.view.as_json import print_json
from moai_flow.core.errors import TokenBudgetError
from moai_flow.core.names import is_swarm_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from moai_flow.pool.definition import Pool
    from moai_flow.pool.settings import PoolSettings
    from moai_flow.pool.stores import Store

    Result = TypeVar("Result")

SECONDS = 2.0
"""Seconds between two looks."""

KEYS = "q quit   r now"


def _read_name(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not is_swarm_name(value):
        raise click.BadParameter("a pool's name is 1-64 characters of A-Z a-z 0-9 . _ -", ctx, param)
    return value


def _complete_name(ctx: click.Context, _: click.Parameter, begun: str) -> list[str]:
    try:
        state = sessions.state_folder(ctx.params.get("state_dir"))
        return [pool.name for pool in _all(_settings(), state) if pool.name.startswith(begun)]
    except TokenBudgetError:
        return []


_name = click.argument("name", callback=_read_name, shell_complete=_complete_name, required=False)


@click.group(
    "pool",
    epilog=examples(
        ("pool list", "every pool that is defined, or was used on this machine"),
        ("pool status", "the pool of this project"),
        ("pool status team --json | jq .available", "one figure, for a script"),
        ("pool reset team", "the pool's consumption starts again at zero"),
    ),
)
def command() -> None:
    """Show and reset budgets that several sessions, worktrees or machines share.

    Without NAME it is the pool that a session of this project joins: the setting `pool`, or TOKEN_BUDGET_POOL.
    """


@command.command("list")
@options.as_json
@options.state_dir
def list_pools(*, as_json: bool, state_dir: str | None) -> None:
    """Show every pool that is defined, or was used on this machine, in one line each."""
    state = sessions.state_folder(state_dir)
    documents = []
    for pool in _all(_settings(), state):
        try:
            documents.append(_document(pool, state))
        except TokenBudgetError as error:
            # One server that is away does not hide the other pools.
            click.echo(str(error), err=True)
    if as_json:
        print_json({"pools": documents})
        return
    if not documents:
        click.echo('No pool yet: "pool": "NAME" in the settings joins one (docs/pools.md).')
    for document in documents:
        limit = "no limit" if document["limit"] is None else f"of {document['limit']:,}"
        leased = f", {document['leased']:,} leased" if document["leased"] else ""
        count = len(document["sessions"])
        members = "1 session" if count == 1 else f"{count} sessions"
        click.echo(f"{document['pool']}: {document['consumed']:,} {limit}{leased}, {members}, {document['store']}")


@command.command("status")
@_name
@options.as_json
@options.state_dir
def status(*, name: str | None, as_json: bool, state_dir: str | None) -> None:
    """Show a pool: its total, swarms, leases, machines and sessions."""
    state = sessions.state_folder(state_dir)
    document = _document(_chosen(name, state), state)
    if as_json:
        print_json(document)
        return
    for line in _lines(document):
        click.echo(line)


@command.command("watch")
@_name
@click.option(
    "--interval",
    type=click.FloatRange(0.1),
    default=SECONDS,
    metavar="SECONDS",
    help=f"Seconds between two looks [default: {SECONDS:g}].",
)
@options.as_json
@options.state_dir
def watch(*, name: str | None, interval: float, as_json: bool, state_dir: str | None) -> None:
    """Show a pool, again and again, until q is pressed.

    With --json there is one line of JSON for each look, until the command is ended. Into a pipe the table is printed
    once.
    """
    state = sessions.state_folder(state_dir)
    pool = _chosen(name, state)
    if as_json:
        with suppress(KeyboardInterrupt):
            while True:
                click.echo(json.dumps(_document(pool, state)))
                time.sleep(interval)
        return
    if not sys.stdout.isatty():
        for line in _lines(_document(pool, state)):
            click.echo(line)
        return
    from rich.text import Text

    from moai_flow.cli.view.live import Screen

    with Screen() as screen, suppress(KeyboardInterrupt):
        while True:
            shown = Text.from_ansi("\n".join(_lines_or_problem(pool, state)), overflow="fold")
            screen.draw([shown], f"{time.strftime('%H:%M:%S')}   {KEYS}")
            if screen.key(interval) in ("q", "\x04"):
                return


@command.command("reset")
@_name
@options.as_json
@options.state_dir
def reset(*, name: str | None, as_json: bool, state_dir: str | None) -> None:
    """Take a pool's consumption back to zero, on every machine; leases go on.

    What sessions have spent and not yet published counts from then on.
    """
    state = sessions.state_folder(state_dir)
    pool = _chosen(name, state)
    freed = _with_store(pool, state, lambda store: store.reset(time.time()))
    if as_json:
        print_json(_document(pool, state))
        return
    click.echo(f"{pool.name}: {freed:,} tokens taken back")


def _settings() -> PoolSettings:
    from moai_flow.hook.state.settings import read_layers
    from moai_flow.pool.settings import PoolSettings

    layers, _ = read_layers(os.environ, sys.platform, projects.here())
    return PoolSettings(layers, os.environ)


def _chosen(name: str | None, state: str) -> Pool:
    """Return the pool of that name, else the one that a session here joins.

    Raises:
        TokenBudgetError: there is none.
    """
    from moai_flow.pool import folder, stores

    settings = _settings()
    if name is None:
        if settings.problems:
            raise TokenBudgetError("\n".join(settings.problems))
        if not settings.name:
            raise TokenBudgetError('no pool here: "pool": "NAME" in the settings joins one, TOKEN_BUDGET_POOL too')
        return stores.named(settings.name, settings.pools, projects.here())
    pool = stores.named(name, settings.pools, projects.here())
    if name not in {known.name for known in settings.pools} and pool.name not in folder.names(state):
        problems = "".join([f"\n{problem}" for problem in settings.problems])
        raise TokenBudgetError(f"no pool {name}; `token-budget pool list` shows those there are{problems}")
    return pool


def _all(settings: PoolSettings, state: str) -> list[Pool]:
    from moai_flow.pool import folder, stores
    from moai_flow.pool.definition import PROJECT

    found = {pool.name for pool in settings.pools if pool.name != PROJECT} | set(folder.names(state))
    return [stores.defined(name, settings.pools) for name in sorted(found)]


def _document(pool: Pool, state: str) -> dict[str, Any]:
    from moai_flow.pool import overview

    return _with_store(pool, state, lambda store: overview.of(pool, *store.view(time.time())))


def _with_store(pool: Pool, state: str, work: Callable[[Store], Result]) -> Result:
    """Return what `work` makes of the pool's store.

    Raises:
        TokenBudgetError: the store gives no answer, or cannot be read or written.
    """
    from moai_flow.hook.state import files
    from moai_flow.pool import stores
    from moai_flow.pool.accounts import Away
    from moai_flow.pool.definition import public_address

    offset = time.localtime().tm_gmtoff
    try:
        return work(stores.open_store(pool, state, "", os.environ, offset))
    except Away as error:
        address = public_address(pool.store)
        raise TokenBudgetError(
            f"pool {pool.name}: {address} gives no answer ({error}); sessions go on meanwhile"
        ) from error
    except files.Busy as error:
        raise TokenBudgetError(f"pool {pool.name}: another process keeps it; try again, or see what hangs") from error
    except OSError as error:
        raise TokenBudgetError(f"pool {pool.name}: {state} cannot be used ({error.strerror})") from error


def _lines(document: dict[str, Any]) -> list[str]:
    from moai_flow.cli.view.budget import bar_text
    from moai_flow.cli.view.console import colour
    from moai_flow.cli.view.pool_table import lines

    return lines(document, time.time(), style=colour, bar=bar_text)


def _lines_or_problem(pool: Pool, state: str) -> list[str]:
    try:
        return _lines(_document(pool, state))
    except TokenBudgetError as error:
        return str(error).splitlines()
