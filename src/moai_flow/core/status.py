"""What `get_global_status` tells, as plain values."""

from __future__ import annotations

from moai_flow.core.notices import LEVEL_NAMES, global_level

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from moai_flow.core.ledger import Ledger
    from moai_flow.core.swarm import Swarm


def global_status(ledger: Ledger) -> dict[str, Any]:
    """Return the whole budget's status; tokens as int, percentages 0-100, times in seconds since the epoch."""
    config = ledger.config
    consumed = ledger.total_consumed
    return {
        "total_budget": config.total_budget,
        "total_consumed": consumed,
        "isolated_consumed": ledger.isolated_consumed,
        "total_allocated": ledger.total_allocated,
        "total_available": max(0, config.total_budget - consumed),
        "global_usage_percent": consumed * 100.0 / config.total_budget,
        "warn_level": LEVEL_NAMES[global_level(ledger)],
        "active_swarms": len(ledger.swarms),
        "swarms": {swarm_id: swarm_status(ledger, swarm) for swarm_id, swarm in ledger.swarms.items()},
        "thresholds": {"warning_1": config.warning_threshold_1, "warning_2": config.warning_threshold_2},
    }


def swarm_status(ledger: Ledger, swarm: Swarm) -> dict[str, Any]:
    """Return one swarm's status.

    An open-ended swarm is shown with what no other swarm was promised as its allocation.
    """
    allocated = ledger.unallocated if swarm.open_ended else swarm.allocated
    return {
        "swarm_id": swarm.swarm_id,
        "allocated": allocated,
        "consumed": swarm.consumed,
        "reserved": swarm.reserved,
        "available": max(0, allocated - swarm.consumed - swarm.reserved),
        "usage_percent": swarm.consumed * 100.0 / max(1, allocated),
        "isolated": swarm.isolated,
        "has_limit": swarm.has_limit,
        "created_at": swarm.created_at,
        "last_updated": swarm.last_updated,
        "warnings_issued": swarm.warnings_issued,
    }
