"""Numbers of tokens as people write them."""

from __future__ import annotations

import pytest

from moai_flow.core.amounts import read_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("60000", 60_000), ("60,000", 60_000), ("1,234,567", 1_234_567), ("60K", 60_000), ("1.5M", 1_500_000)],
)
def test_what_is_meant(text: str, tokens: int) -> None:
    """Plain, grouped, and with K or M."""
    assert read_tokens(text) == tokens


@pytest.mark.parametrize("text", ["60,5K", "6,0000", ",600", "60,", "1,23", "0", "x", "1.5"])
def test_what_is_no_number_of_tokens(text: str) -> None:
    """A comma stands between groups of three digits only."""
    with pytest.raises(ValueError, match="token"):
        read_tokens(text)
