"""`token-budget allocate`: promise a swarm tokens."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from moai_flow.cli import parameters, sessions
from moai_flow.cli.group import examples
from moai_flow.resource import notices
from moai_flow.resource.errors import TokenBudgetError
from moai_flow.resource.ledger import Swarm

if TYPE_CHECKING:
    from moai_flow.resource.ledger import Ledger


@click.command(
    "allocate",
    epilog=examples(
        ("allocate backend 60K", "agents of type backend may use 60,000 tokens"),
        ("allocate docs 20000 --shared", "20,000 tokens of the main window for swarm docs"),
    ),
)
@parameters.swarm
@parameters.tokens
@click.option("--shared", is_flag=True, help="A new swarm works in the main window, not in windows of its own.")
@parameters.session
@parameters.state_dir
def command(*, swarm: str, tokens: int, shared: bool, session: str | None, state_dir: str | None) -> None:
    """Promise SWARM so many TOKENS in the running session, or change its limit.

    A promise is never cut, and outlives /clear. A swarm is named after the type of its agents, unless the settings
    say otherwise; to give one a limit in every session, put it into the settings (`swarms`).
    """
    state = sessions.state_folder(state_dir)
    with sessions.opened(state, sessions.find(state, session)) as ledger:
        now = time.time()
        if swarm in ledger.swarms:
            _resize(ledger, swarm, tokens, now)
        elif shared or _works_in_main_window(ledger, swarm):
            if not ledger.allocate(swarm, tokens, now):
                raise TokenBudgetError(f"{swarm}: {tokens:,} tokens do not fit; {_room(ledger, swarm)}")
        else:
            ledger.add(Swarm(swarm, tokens, now, promised=tokens, isolated=True))
            ledger.note(now, swarm, "allocate", tokens)
        notices.rearm(ledger)
        found = ledger.swarms[swarm]
    where = "windows of its own" if found.isolated else "the main window"
    click.echo(f"{swarm}: {found.allocated:,} tokens in {where}, {found.available:,} left")


def _works_in_main_window(ledger: Ledger, swarm: str) -> bool:
    """Return whether the hooks would make a new swarm of that name a shared one."""
    if ledger.config.subagents == "shared":
        return True
    return any(rule.name == swarm and rule.paths and not rule.agents for rule in ledger.config.swarms)


def _resize(ledger: Ledger, swarm_id: str, tokens: int, now: float) -> None:
    if ledger.resize(swarm_id, tokens, now):
        return
    swarm = ledger.swarms[swarm_id]
    if swarm.open_ended:
        raise TokenBudgetError(
            f"{swarm_id}: has no limit of its own; it may use what the others have not been promised. "
            "total_budget in the settings limits the main window"
        )
    needed = swarm.consumed + swarm.reserved
    if tokens < needed:
        raise TokenBudgetError(
            f"{swarm_id}: {tokens:,} tokens are less than the {needed:,} it has consumed and reserved; "
            f"`token-budget reset {swarm_id}` takes that back to zero"
        )
    raise TokenBudgetError(f"{swarm_id}: {tokens:,} tokens do not fit; {_room(ledger, swarm_id)}")


def _room(ledger: Ledger, swarm_id: str) -> str:
    """Return how much the main window has left to promise, at most, to this swarm."""
    taken = 0
    for other in ledger.swarms.values():
        if not (other.isolated or other.open_ended) and other.swarm_id != swarm_id:
            may_give_way = ledger.config.enable_auto_rebalance
            taken += min(other.floor, other.allocated) if may_give_way else other.allocated
    left = max(0, ledger.config.pool - taken)
    return (
        f"{left:,} are left to promise (total {ledger.config.total_budget:,}, "
        f"reserve buffer {ledger.config.reserve_buffer:,}, other swarms {taken:,})"
    )
