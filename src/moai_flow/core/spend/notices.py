"""Notices about limits of spend: the levels, the sentences, and which is due to the person and to the model. Pure.

A notice is given once for each crossing in a period. A period that begins later arms it again; a clock that was set
back does not.
"""

from __future__ import annotations

from moai_flow.core.spend.figures import SESSION, WHOLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from moai_flow.core.spend.figures import Spend

WARNING_PERCENT, CRITICAL_PERCENT = 75.0, 90.0
_WORDS = ("", "WARNING", "CRITICAL")
_PERIODS = {SESSION: "in this session", "day": "today", "week": "this week", "5h": "in these 5 hours"}
_KINDS = {
    "billed": "tokens",
    "fresh": "tokens outside the cache",
    "output": "output tokens",
    "weighted": "tokens by weight",
}
_PERSON, _MODEL = 1, 2


def percent(spend: Spend, name: str) -> float:
    """Return the spend in percent (0-100, more when past the limit) of a limit."""
    return spend.spent(name) * 100.0 / spend.limits[name].tokens


def level(spend: Spend, name: str) -> int:
    """Return the level (0-2) of a limit: WARNING from 75%, CRITICAL from 90%."""
    used = percent(spend, name)
    return 2 if used >= CRITICAL_PERCENT else 1 if used >= WARNING_PERCENT else 0


def to_next_level(spend: Spend, name: str) -> float:
    """Return the tokens that a limit's spend is below its next threshold, infinity past the last one."""
    its_level = level(spend, name)
    if its_level > 1:
        return float("inf")
    threshold = (WARNING_PERCENT, CRITICAL_PERCENT)[its_level]
    return spend.limits[name].tokens * threshold / 100.0 - spend.spent(name)


def highest_level(spend: Spend) -> int:
    """Return the highest level of all limits, 0 without any."""
    return max([level(spend, name) for name in spend.limits], default=0)


def figures_text(spend: Spend, name: str) -> str:
    """Return the figures of a limit: "1,526,000 of 2,000,000 tokens today"."""
    limit = spend.limits[name]
    return f"{spend.spent(name):,} of {limit.tokens:,} {_KINDS[limit.count]} {_PERIODS[limit.per]}"


def sentence(spend: Spend, name: str, its_level: int) -> str:
    """Return the sentence of a limit that is crossed."""
    whose = (
        f"Swarm {name} at {percent(spend, name):.1f}% of its spend"
        if name != WHOLE
        else (f"Spend at {percent(spend, name):.1f}% of its limit")
    )
    return f"{_WORDS[its_level]}: {whose} ({figures_text(spend, name)})"


def due_to_person(spend: Spend) -> list[str]:
    """Return the lines the person was not notified of yet, and take them as given."""
    return _due(spend, sorted(spend.limits), _PERSON)


def due_to_model(spend: Spend, names: Iterable[str]) -> list[str]:
    """Return the lines about some limits that the model has not received yet, and take them as given."""
    return _due(spend, [name for name in sorted(spend.limits) if name in names], _MODEL)


def _due(spend: Spend, names: list[str], reader: int) -> list[str]:
    lines = []
    for name in names:
        limit = spend.limits[name]
        begin = spend.begins.get(limit.per, 0)
        known = spend.notified.setdefault(name, [begin, 0, 0])
        its_level = level(spend, name)
        if begin > known[0] or (limit.per == SESSION and its_level < known[reader]):
            # Another period, or a limit that was raised.
            known[1], known[2] = (0, 0) if begin > known[0] else [min(its_level, told) for told in known[1:]]
        known[0] = begin
        if its_level > known[reader]:
            known[reader] = its_level
            lines.append(sentence(spend, name, its_level))
    return lines
