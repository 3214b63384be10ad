"""A session warns once for each level that its pool crosses."""

from __future__ import annotations

from moai_flow.pool.definition import Pool
from moai_flow.pool.thresholds import crossings, level

POOL = Pool("team", 2_000_000, "day", {"backend": 1_000})


def test_levels_begin_at_75_and_90_percent() -> None:
    """Without a limit there is none."""
    assert [level(tokens, 100) for tokens in (0, 74, 75, 89, 90, 1_000)] == [0, 0, 1, 1, 2, 2]
    assert level(10**9, None) == 0


def test_each_crossing_is_said_once() -> None:
    """The sentence has the guide's form and the figures."""
    notified: dict[str, int] = {}
    assert crossings(POOL, {"main": 1_000_000}, notified) == []
    assert crossings(POOL, {"main": 1_526_000}, notified) == [
        "WARNING: Pool team at 76.3% of its spend (1,526,000 of 2,000,000 tokens today)"
    ]
    assert crossings(POOL, {"main": 1_600_000}, notified) == []
    assert crossings(POOL, {"main": 1_800_000}, notified) == [
        "CRITICAL: Pool team at 90.0% of its spend (1,800,000 of 2,000,000 tokens today)"
    ]
    assert crossings(POOL, {"main": 3_000_000}, notified) == []


def test_a_swarm_of_the_pool_has_its_own() -> None:
    """Straight to the higher level if both are crossed at once."""
    notified: dict[str, int] = {}
    assert crossings(POOL, {"backend": 950}, notified) == [
        "CRITICAL: Swarm backend in pool team at 95.0% of its spend (950 of 1,000 tokens today)"
    ]
    assert crossings(POOL, {"backend": 960}, notified) == []


def test_a_fall_arms_again() -> None:
    """A reset, or another period."""
    notified: dict[str, int] = {}
    assert crossings(POOL, {"backend": 950}, notified)
    assert crossings(POOL, {}, notified) == []
    assert crossings(POOL, {"backend": 950}, notified)


def test_without_a_limit_nothing_is_said() -> None:
    """Nobody set one."""
    assert crossings(Pool("team"), {"main": 10**12}, {}) == []
