"""The guide's convenience functions: one budget for the whole program, made at first use."""

from __future__ import annotations

from typing import Any

from moai_flow.resource.forking import held_lock
from moai_flow.resource.token_budget import TokenBudget

_lock = held_lock()
_budgets: list[TokenBudget] = []


def get_budget() -> TokenBudget:
    """Return the program's budget, made at the first call from the current folder's settings.

    Raises:
        ConfigError: the project's configuration is malformed.
    """
    with _lock:
        if not _budgets:
            _budgets.append(TokenBudget())
        return _budgets[0]


def allocate_swarm(swarm_id: str, token_limit: int | None = None) -> bool:
    """Allocate tokens to a new swarm of the program's budget; see `TokenBudget.allocate_swarm`."""
    return get_budget().allocate_swarm(swarm_id, token_limit)


def consume_tokens(swarm_id: str, tokens: int) -> bool:
    """Count tokens if they are allowed; see `TokenBudget.consume`."""
    return get_budget().consume(swarm_id, tokens)


def get_swarm_balance(swarm_id: str) -> int:
    """Return the tokens a swarm has left, -1 if it is unknown; see `TokenBudget.get_balance`."""
    return get_budget().get_balance(swarm_id)


def reset_swarm(swarm_id: str) -> bool:
    """Start a swarm again at 0; see `TokenBudget.reset`."""
    return get_budget().reset(swarm_id)


def get_budget_status() -> dict[str, Any]:
    """Return the status of the program's budget; see `TokenBudget.get_global_status`."""
    return get_budget().get_global_status()
