"""Warnings of a pool: each session warns once for each level that the pool, or a swarm in it, crosses upwards. Pure."""

from __future__ import annotations

from moai_flow.core.notices import CRITICAL, NORMAL, SWARM_CRITICAL_PERCENT, SWARM_WARNING_PERCENT, WARNING
from moai_flow.pool.period import words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from moai_flow.pool.definition import Pool

WHOLE = ""
"""The key of the pool itself among its swarms; no swarm can be called so."""

_WORDS = ("", "WARNING", "CRITICAL")


def level(consumed: int, limit: int | None) -> int:
    """Return the level of a consumption: 1 from 75% of the limit, 2 from 90%; 0 without a limit."""
    if not limit:
        return NORMAL
    percent = consumed * 100.0 / limit
    if percent >= SWARM_CRITICAL_PERCENT:
        return CRITICAL
    return WARNING if percent >= SWARM_WARNING_PERCENT else NORMAL


def crossings(pool: Pool, consumed: Mapping[str, int], notified: dict[str, int]) -> list[str]:
    """Return a sentence for each crossing that is news, and take them as notified.

    A level that usage has fallen below (a reset, another period, a higher limit) is armed again.

    Args:
        pool: its limits.
        consumed: tokens by swarm.
        notified: the levels this session has warned of, by swarm; "" is the pool. Changed.
    """
    figures = {WHOLE: (sum(consumed.values()), pool.limit)}
    figures |= {swarm: (consumed.get(swarm, 0), limit) for swarm, limit in pool.swarms.items()}
    sentences = []
    for key, (tokens, limit) in figures.items():
        reached = level(tokens, limit)
        if limit and reached > notified.get(key, NORMAL):
            sentences.append(_sentence(pool, key, tokens, limit, reached))
        notified[key] = reached
    return sentences


def _sentence(pool: Pool, swarm: str, tokens: int, limit: int, reached: int) -> str:
    subject = f"Swarm {swarm} in pool {pool.name}" if swarm else f"Pool {pool.name}"
    share = tokens * 100.0 / limit
    return (
        f"{_WORDS[reached]}: {subject} at {share:.1f}% of its spend ({tokens:,} of {limit:,} tokens {words(pool.per)})"
    )
