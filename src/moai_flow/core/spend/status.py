"""A session's spend as `status` shows it, as plain values. Pure."""

from __future__ import annotations

from moai_flow.core.spend.limits import CLASSES
from moai_flow.core.spend.notices import level, percent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from moai_flow.core.ledger import SessionLedger

_FIELDS = ("requests", *CLASSES)


def spend_status(ledger: SessionLedger) -> dict[str, Any] | None:
    """Return what a session was billed: requests and tokens by class, and its limits; None where nothing counts it.

    The limit of all swarms together has the name "".
    """
    spend = ledger.spend
    if spend is None:
        return None
    return {
        "swarms": {name: dict(zip(_FIELDS, figures, strict=True)) for name, figures in spend.sums.items()},
        "limits": {
            name: {
                **limit.as_dict(),
                "spent": spend.spent(name),
                "percent": percent(spend, name),
                "level": level(spend, name),
            }
            for name, limit in spend.limits.items()
        },
    }


def headroom(ledger: SessionLedger) -> float:
    """Return the share (0.0-1.0) of the nearest limit of spend that is still free; 1.0 without one."""
    spend = ledger.spend
    if spend is None or not spend.limits:
        return 1.0
    return max(0.0, 1.0 - max([percent(spend, name) for name in spend.limits]) / 100.0)
