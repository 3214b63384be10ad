"""Periods are numbers that every machine computes alike."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moai_flow.pool import period

MONDAY = datetime(2026, 11, 23, tzinfo=timezone.utc).timestamp()


@pytest.mark.parametrize(
    ("per", "offset", "first", "last"),
    [
        pytest.param("week", 0, MONDAY, MONDAY + 7 * 86_400 - 1, id="weeks begin on Monday"),
        pytest.param("week", 3_600, MONDAY - 3_600, MONDAY + 6 * 86_400, id="by the local clock"),
        pytest.param("day", 0, MONDAY, MONDAY + 86_399, id="days begin at midnight"),
        pytest.param("day", -18_000, MONDAY + 18_000, MONDAY + 18_000 + 86_399, id="midnight five hours later"),
        pytest.param("1h", 0, MONDAY, MONDAY + 3_599, id="an hour"),
    ],
)
def test_a_period_begins_and_ends_where_the_clock_says(per: str, offset: int, first: float, last: float) -> None:
    """One second earlier is the one before, one after its last second the next."""
    number = period.number(per, first, offset)
    assert period.number(per, last, offset) == number
    assert period.number(per, first - 1, offset) == number - 1
    assert period.end(per, number, offset) == pytest.approx(last + 1 if per != "week" or not offset else last + 82_800)


@given(
    per=st.sampled_from(["day", "week", "5h", "1h"]),
    now=st.floats(0, 4e9),
    offset=st.integers(-12, 14).map(lambda hours: hours * 3_600),
)
def test_every_moment_is_in_its_period(per: str, now: float, offset: int) -> None:
    """It ends after the moment, and no later than its length after it."""
    end = period.end(per, period.number(per, now, offset), offset)
    assert end is not None
    assert 0 < end - now <= period.length(per)


def test_days_are_those_of_the_calendar() -> None:
    """The same as `datetime` says, in any zone."""
    zone = timezone(timedelta(hours=9))
    moment = datetime(2026, 11, 24, 0, 0, 1, tzinfo=zone)
    before = moment - timedelta(seconds=2)
    assert period.number("day", moment.timestamp(), 32_400) == period.number("day", before.timestamp(), 32_400) + 1


def test_only_a_reset_ends_the_period_of_a_session() -> None:
    """It has one number and no end."""
    assert period.number("session", 1e9) == period.number("session", 2e9) == 0
    assert period.end("session", 0) is None


@pytest.mark.parametrize(
    ("per", "expected"),
    [("day", "today"), ("week", "this week"), ("5h", "in these 5 hours"), ("1h", "this hour"), ("session", "so far")],
)
def test_sentences_name_the_period(per: str, expected: str) -> None:
    """As a sentence ends with it."""
    assert period.words(period.check_per(per)) == expected
