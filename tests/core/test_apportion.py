"""Dividing whole tokens loses none and prefers nobody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moai_flow.core.apportion import apportion, fit

NAMES = st.text("abcdefgh", min_size=1, max_size=3)
WEIGHTS = st.dictionaries(NAMES, st.integers(0, 10**6), max_size=8)


@given(amount=st.integers(0, 10**9), weights=WEIGHTS)
def test_parts_add_up_and_follow_the_weights(amount: int, weights: dict[str, int]) -> None:
    """The parts add up to the amount, and each is its exact share, rounded down or up."""
    parts = apportion(amount, weights)
    total = sum(weights.values())
    assert parts.keys() == weights.keys()
    assert sum(parts.values()) == (amount if total else 0)
    for name, part in parts.items():
        assert total == 0 or 0 <= part - amount * weights[name] // total <= 1
        assert weights[name] or not part


# Small weights, so that remainders are equal in nearly every example.
@given(
    amount=st.integers(0, 30),
    weights=st.dictionaries(NAMES, st.integers(0, 2), min_size=2, max_size=8),
    random=st.randoms(),
)
def test_parts_do_not_depend_on_the_order(amount: int, weights: dict[str, int], random: object) -> None:
    """The same weights in another order give the same parts."""
    names = list(weights)
    random.shuffle(names)  # type: ignore[attr-defined]
    assert apportion(amount, weights) == apportion(amount, {name: weights[name] for name in names})


@pytest.mark.parametrize(
    ("amount", "weights", "expected"),
    [
        pytest.param(10, {"a": 1, "b": 1, "c": 1}, {"a": 4, "b": 3, "c": 3}, id="equal remainders go by name"),
        pytest.param(10, {"c": 1, "b": 1, "a": 1}, {"a": 4, "b": 3, "c": 3}, id="whatever their order"),
        pytest.param(10, {"a": 1, "b": 2}, {"a": 3, "b": 7}, id="the larger remainder first"),
        pytest.param(5, {"a": 0, "b": 0}, {"a": 0, "b": 0}, id="no weight divides nothing"),
        pytest.param(5, {}, {}, id="nobody"),
    ],
)
def test_parts(amount: int, weights: dict[str, int], expected: dict[str, int]) -> None:
    """Largest remainder method."""
    assert apportion(amount, weights) == expected


@given(
    pool=st.integers(0, 2_000),
    floors=st.dictionaries(NAMES, st.integers(0, 400), max_size=8),
    weights=WEIGHTS,
    data=st.data(),
)
def test_limits_fit(pool: int, floors: dict[str, int], weights: dict[str, int], data: st.DataObject) -> None:
    """Nobody below its floor or above its cap, the sum never above the pool, nothing left that somebody may have."""
    capped = data.draw(st.sets(st.sampled_from(sorted(floors)))) if floors else set()
    caps = {name: floors[name] + data.draw(st.integers(0, 300)) for name in capped}
    limits = fit(pool, floors, weights, caps)
    if sum(floors.values()) > pool:
        assert limits is None
        return
    assert limits is not None
    assert limits.keys() == floors.keys()
    assert sum(limits.values()) <= pool
    for name, limit in limits.items():
        assert floors[name] <= limit <= caps.get(name, pool)
    if sum(limits.values()) < pool:
        assert all(limits[name] == caps.get(name) for name in limits)
