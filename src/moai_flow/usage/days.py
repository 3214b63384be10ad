"""Days by the local clock."""

from __future__ import annotations

import time
from datetime import date, timedelta

from moai_flow.core.errors import TokenBudgetError


def local_day(at: int) -> str:
    """Return the local day (`2026-11-24`) of a moment in seconds since the epoch, "" for 0, which is none."""
    return time.strftime("%Y-%m-%d", time.localtime(at)) if at else ""


def day_begins(day: date) -> int:
    """Return the seconds since the epoch at which a local day begins."""
    return int(time.mktime((day.year, day.month, day.day, 0, 0, 0, 0, 0, -1)))


def day_ends(day: date) -> int:
    """Return the seconds since the epoch at which a local day ends: the next one's beginning."""
    return day_begins(day + timedelta(days=1))


def read_day(text: str) -> date:
    """Return the day that a text names: `2026-11-24` or `20261124`.

    Raises:
        TokenBudgetError: it names none.
    """
    plain = text if "-" in text else f"{text[:4]}-{text[4:6]}-{text[6:]}"
    try:
        return date.fromisoformat(plain)
    except ValueError:
        raise TokenBudgetError(f"{text!r} is not a day; write it like 2026-11-24") from None
