"""The periods of a pool, as numbers that every machine and the server compute alike. Pure.

A period's number is floor((seconds since the epoch + shift) / length): plain enough for a script in the server,
and the same everywhere. A pool on one machine shifts by the local clock's offset, so that days begin at midnight
and weeks on Monday there; one between machines does so in UTC.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SESSION, DAY, WEEK = "session", "day", "week"
MAX_HOURS = 8_760

_HOUR_SECONDS = 3_600
_DAY_SECONDS = 86_400
_WEEK_SECONDS = 7 * _DAY_SECONDS
_MONDAY_SHIFT = 3 * _DAY_SECONDS
"""The epoch was a Thursday, three days after a Monday."""


def check_per(value: Any) -> str:
    """Return the setting `per`: "session", "day", "week", or hours like "5h".

    Raises:
        TypeError, ValueError: it is none of them.
    """
    if not isinstance(value, str):
        raise TypeError('must be "session", "day", "week" or hours like "5h"')
    if value not in (SESSION, DAY, WEEK) and not 0 < _hours(value) <= MAX_HOURS:
        raise ValueError('must be "session", "day", "week" or hours like "5h"')
    return value


def _hours(per: str) -> int:
    digits = per.removesuffix("h")
    is_hours = per.endswith("h") and digits.isascii() and digits.isdigit() and len(digits) <= len(str(MAX_HOURS))
    return int(digits) if is_hours else 0


def length(per: str) -> int:
    """Return the seconds of a period, 0 for one that only a reset ends."""
    return {SESSION: 0, DAY: _DAY_SECONDS, WEEK: _WEEK_SECONDS}.get(per, _hours(per) * _HOUR_SECONDS)


def shift(per: str, utc_offset: int = 0) -> int:
    """Return what is added to the seconds since the epoch before they are divided into periods.

    Args:
        per: the setting.
        utc_offset: seconds that the clock which days follow is ahead of UTC.
    """
    if per == WEEK:
        return _MONDAY_SHIFT + utc_offset
    return utc_offset if per == DAY else 0


def number(per: str, now: float, utc_offset: int = 0) -> int:
    """Return the number of the period at `now` (seconds since the epoch); 0 where only a reset ends it."""
    seconds = length(per)
    return int((now + shift(per, utc_offset)) // seconds) if seconds else 0


def end(per: str, period: int, utc_offset: int = 0) -> float | None:
    """Return when a period is over (seconds since the epoch), None where only a reset ends it."""
    seconds = length(per)
    return float((period + 1) * seconds - shift(per, utc_offset)) if seconds else None


def words(per: str) -> str:
    """Return a period as a sentence ends with it: "today", "this week", "in 5 hours", "so far"."""
    hours = _hours(per)
    if hours:
        return "this hour" if hours == 1 else f"in these {hours} hours"
    return {DAY: "today", WEEK: "this week"}.get(per, "so far")
