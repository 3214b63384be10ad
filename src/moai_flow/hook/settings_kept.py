"""The settings that a session's ledger keeps, for those who read it outside of a hook.

Only hooks are told the plugin's options and the session's project; a status line or a command in another folder
shows the budget that the hooks count against.
"""

from __future__ import annotations

from moai_flow.resource.config import BudgetConfig
from moai_flow.resource.keys import AUTO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.resource.session import Session

_KEPT = (
    "total_budget",
    "warning_threshold_1",
    "warning_threshold_2",
    "default_swarm_limit",
    "reserve_buffer",
    "subagents",
)


def keep(session: Session, config: BudgetConfig) -> None:
    """Write the settings in force into the session."""
    session.settings = {key: getattr(config, key) for key in _KEPT}
    if config.auto:
        session.settings["total_budget"] = AUTO


def recall(session: Session) -> BudgetConfig | None:
    """Return the settings that were in force at the session's last event, None if none are kept."""
    if not session.settings:
        return None
    return BudgetConfig.merged([("ledger", session.settings)], session.window_size or None)[0]
