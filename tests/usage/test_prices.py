from __future__ import annotations

import sys
from datetime import datetime, timezone
from decimal import Decimal

import pytest

from moai_flow.core.errors import TokenBudgetError
from moai_flow.usage.classes import CLASSES, Usage
from moai_flow.usage.tally import Entry

AT = int(datetime(2026, 11, 20, tzinfo=timezone.utc).timestamp())


@pytest.fixture
def prices() -> object:
    pytest.importorskip("genai_prices", reason="the extra `prices` is not installed")
    from moai_flow.usage.prices import Prices  # noqa: PLC0415 - after the check for the extra

    return Prices()


def dollars(*millions: str) -> dict[str, Decimal]:
    return dict(zip(CLASSES, [Decimal(price) / 1_000_000 for price in millions], strict=True))


@pytest.mark.parametrize(
    ("model", "is_long", "expected"),
    [
        pytest.param("claude-opus-4-1-20250805", False, ["15", "18.75", "30", "1.5", "75"], id="Opus 4.1"),
        pytest.param("claude-haiku-4-5-20251001", False, ["1", "1.25", "2", "0.1", "5"], id="Haiku 4.5"),
    ],
)
def test_each_class_has_its_price(prices: object, model: str, is_long: bool, expected: list[str]) -> None:
    """Dollars a token, by the model and by how long the cache keeps what is written."""
    assert prices.of_token(model, AT, is_long=is_long) == dollars(*expected)  # type: ignore[attr-defined]


def test_a_long_request_has_other_prices_with_some_models(prices: object) -> None:
    """Sonnet 4.5 costs more above 200,000 input tokens, Opus 4.1 does not."""
    ratios = {}
    for model in ("claude-sonnet-4-5-20250929", "claude-opus-4-1-20250805"):
        short, long = [prices.of_token(model, AT, is_long=is_long) for is_long in (False, True)]  # type: ignore[attr-defined]
        ratios[model] = [long[name] / short[name] for name in CLASSES]
    assert min(ratios["claude-sonnet-4-5-20250929"]) > 1
    assert set(ratios["claude-opus-4-1-20250805"]) == {1}


def test_a_model_without_a_price_says_so(prices: object) -> None:
    """Its tokens are told apart and cost nothing that somebody made up."""
    entries = [
        Entry(Usage(1, 1_000_000), model="claude-haiku-4-5", at=AT),
        Entry(Usage(1, 7), model="model-of-somebody", at=AT),
    ]
    cost = prices.cost(entries)[""]  # type: ignore[attr-defined]
    assert (cost.total, cost.unpriced, prices.unknown) == (Decimal(1), 7, {"model-of-somebody"})  # type: ignore[attr-defined]
    assert cost.as_dict()["input"] == 1.0


def test_the_table_tells_its_date(prices: object) -> None:
    """The last day on which a price in it changed, and the package's version."""
    assert datetime.fromisoformat(prices.changed).year >= 2026  # type: ignore[attr-defined]
    assert prices.version  # type: ignore[attr-defined]


def test_without_the_package_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only those who ask for money need it."""
    from moai_flow.usage.prices import Prices  # noqa: PLC0415 - as above

    monkeypatch.setitem(sys.modules, "genai_prices", None)
    with pytest.raises(TokenBudgetError, match=r"pip install 'moai-flow-token-budget\[prices\]'"):
        Prices()
