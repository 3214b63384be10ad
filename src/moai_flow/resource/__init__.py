"""Token budgets for swarms of agents: the library."""

from __future__ import annotations

from moai_flow.core.config import BudgetConfig
from moai_flow.core.errors import (
    ConfigError,
    ConnectionLostError,
    CorruptStateError,
    LockTimeoutError,
    NewerStateError,
    StateError,
    TokenBudgetError,
)
from moai_flow.core.setting_checks import SwarmRule
from moai_flow.resource.program import (
    allocate_swarm,
    consume_tokens,
    get_budget_status,
    get_swarm_balance,
    reset_swarm,
)
from moai_flow.resource.token_budget import TokenBudget

__all__ = [
    "BudgetConfig",
    "ConfigError",
    "ConnectionLostError",
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
