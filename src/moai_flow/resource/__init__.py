"""Token budgets for swarms of agents: the library.

The names are loaded at first use, because the hooks import modules of this package hundreds of times a day
and need none of them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.resource.config import BudgetConfig
    from moai_flow.resource.errors import (
        ConfigError,
        CorruptStateError,
        LockTimeoutError,
        NewerStateError,
        StateError,
        TokenBudgetError,
    )
    from moai_flow.resource.keys import SwarmRule
    from moai_flow.resource.shared import (
        allocate_swarm,
        consume_tokens,
        get_budget_status,
        get_swarm_balance,
        reset_swarm,
    )
    from moai_flow.resource.token_budget import TokenBudget

_HOMES = {
    "BudgetConfig": "config",
    "ConfigError": "errors",
    "CorruptStateError": "errors",
    "LockTimeoutError": "errors",
    "NewerStateError": "errors",
    "StateError": "errors",
    "SwarmRule": "keys",
    "TokenBudget": "token_budget",
    "TokenBudgetError": "errors",
    "allocate_swarm": "shared",
    "consume_tokens": "shared",
    "get_budget_status": "shared",
    "get_swarm_balance": "shared",
    "reset_swarm": "shared",
}

__all__ = [
    "BudgetConfig",
    "ConfigError",
    "CorruptStateError",
    "LockTimeoutError",
    "NewerStateError",
    "StateError",
    "SwarmRule",
    "TokenBudget",
    "TokenBudgetError",
    "allocate_swarm",
    "consume_tokens",
    "get_budget_status",
    "get_swarm_balance",
    "reset_swarm",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
