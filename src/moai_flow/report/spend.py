"""What was billed, as the report shows it: by day and by swarm. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moai_flow.usage.classes import Usage


@dataclass(frozen=True, slots=True)
class Row:
    """Billed tokens of one day or swarm, of all classes together, and the percent of them read from the cache."""

    name: str
    tokens: int
    requests: int
    cache_read_percent: int


@dataclass(frozen=True, slots=True)
class Spend:
    """The rows by day, in their order, and by swarm, the largest first."""

    by_day: list[Row] = field(default_factory=list)
    by_swarm: list[Row] = field(default_factory=list)


def spend(by_day: Mapping[str, Usage], by_swarm: Mapping[str, Usage]) -> Spend:
    """Return what the report shows of usage summed up by day and by swarm."""
    return Spend(_rows(by_day), _rows(by_swarm))


def _rows(sums: Mapping[str, Usage]) -> list[Row]:
    return [
        Row(name, usage.total, usage.requests, usage.cache_read * 100 // usage.total)
        for name, usage in sums.items()
        if usage.total
    ]
