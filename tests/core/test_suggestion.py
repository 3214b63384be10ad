"""The word that was probably meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moai_flow.core.setting_checks import CHECKS
from moai_flow.core.suggestion import distance, nearest

WORDS = st.text("abc", max_size=6)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        pytest.param("totl_budget", "total_budget", id="left out"),
        pytest.param("total_budgte", "total_budget", id="swapped"),
        pytest.param("total_buddget", "total_budget", id="added"),
        pytest.param("notifi", "notify", id="changed"),
        pytest.param("event-log", "event_log", id="another sign"),
        pytest.param("colour", "", id="nothing like it"),
        pytest.param("", "", id="empty"),
        pytest.param("x" * 1000, "", id="very long"),
    ],
)
def test_the_nearest_key(word: str, meant: str) -> None:
    """A slip of a few letters finds the key, another word finds none."""
    assert nearest(word, CHECKS) == meant


@given(WORDS, WORDS)
def test_the_distance_counts_the_same_from_both_sides(one: str, other: str) -> None:
    """It is 0 for the same word only, and at most the longer word's length."""
    steps = distance(one, other)
    assert steps == distance(other, one)
    assert (steps == 0) == (one == other)
    assert abs(len(one) - len(other)) <= steps <= max(len(one), len(other))
