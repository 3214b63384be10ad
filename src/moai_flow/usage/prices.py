"""What usage costs by the API's list prices: an estimate, in US dollars.

The prices are those of the package `genai-prices` (extra `prices`): they come with it, nothing is fetched. A
subscription is not billed like this.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timezone
from decimal import Decimal
from importlib import metadata
from typing import TYPE_CHECKING, Any

from moai_flow.core.errors import TokenBudgetError
from moai_flow.usage.classes import CLASSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from moai_flow.usage.tally import Entry

PACKAGE = "genai-prices"
_SHORT, _LONG = 100_000, 1_000_000
"""Input tokens of the request whose prices are asked for: some models have others above 200,000."""


class Cost:
    """Dollars by class of tokens.

    Attributes:
        dollars: what each class costs.
        unpriced: tokens of models without a price.
    """

    __slots__ = ("dollars", "unpriced")

    def __init__(self) -> None:
        self.dollars: dict[str, Decimal] = dict.fromkeys(CLASSES, Decimal(0))
        self.unpriced = 0

    @property
    def total(self) -> Decimal:
        """The dollars of all classes."""
        return sum(self.dollars.values(), Decimal(0))

    def as_dict(self) -> dict[str, Any]:
        """Return the dollars by class and in all, and the tokens that no price is known for."""
        by_class = {name: float(round(amount, 6)) for name, amount in self.dollars.items()}
        return {**by_class, "total": float(round(self.total, 6)), "unpriced_tokens": self.unpriced}


class Prices:
    """The installed price table.

    Attributes:
        version: the package's version.
        changed: the last day (`2026-11-09`) on which a price in it changed, "" where it tells none.
        unknown: models that were asked for and have no price.

    Raises:
        TokenBudgetError: the package is not installed.
    """

    def __init__(self) -> None:
        try:
            import genai_prices  # noqa: PLC0415 - an extra, loaded by those who ask for money
            from genai_prices import data_snapshot  # noqa: PLC0415 - the same
        except ImportError as error:
            raise TokenBudgetError(
                "money needs the price table: pip install 'moai-flow-token-budget[prices]'; "
                "without --cost, usage is shown in tokens"
            ) from error
        self._package = genai_prices
        self.version = metadata.version(PACKAGE)
        self.changed = _last_change(data_snapshot.get_snapshot().providers)
        self.unknown: set[str] = set()
        self._known: dict[tuple[str, int, bool], dict[str, Decimal] | None] = {}

    def of_token(self, model: str, at: int, *, is_long: bool = False) -> dict[str, Decimal] | None:
        """Return the dollars of one token by class, None for a model without a price.

        Args:
            model: the model's name as the API tells it.
            at: seconds since the epoch at which the request was made: prices change.
            is_long: whether the request had more than 200,000 input tokens.
        """
        key = model, at // 86_400, is_long
        if key not in self._known:
            self._known[key] = self._looked_up(model, at, _LONG if is_long else _SHORT)
        if self._known[key] is None:
            self.unknown.add(model)
        return self._known[key]

    def cost(self, entries: Iterable[Entry], key: Callable[[Entry], str] | None = None) -> dict[str, Cost]:
        """Return what some usage costs by a key; without one, all of it under ""."""
        found: dict[str, Cost] = {}
        for entry in entries:
            name = key(entry) if key is not None else ""
            cost = found.setdefault(name, Cost())
            prices = self.of_token(entry.model, entry.at, is_long=entry.is_long)
            if prices is None:
                cost.unpriced += entry.usage.total
                continue
            for token_class in CLASSES:
                cost.dollars[token_class] += prices[token_class] * getattr(entry.usage, token_class)
        return found

    def _looked_up(self, model: str, at: int, tokens: int) -> dict[str, Decimal] | None:
        moment = datetime.fromtimestamp(at, timezone.utc) if at else None

        def price(provider: str | None, **more: int) -> Any:
            usage = self._package.Usage(input_tokens=tokens, **more)
            return self._package.calc_price(
                usage, model_ref=model, provider_id=provider, genai_request_timestamp=moment
            )

        def prices(provider: str | None) -> dict[str, Decimal]:
            five_minutes = {"cache_write_tokens": tokens, "cache_write_5m_tokens": tokens}
            hour = {"cache_write_tokens": tokens, "cache_write_1h_tokens": tokens}
            return {
                "input": price(provider).input_price / tokens,
                "cache_write_5m": price(provider, **five_minutes).input_price / tokens,
                "cache_write_1h": price(provider, **hour).input_price / tokens,
                "cache_read": price(provider, cache_read_tokens=tokens).input_price / tokens,
                "output": price(provider, output_tokens=tokens).output_price / tokens,
            }

        # A model of Anthropic's by its own name first; then whatever the table knows under that name.
        with suppress(LookupError, ValueError):
            return prices("anthropic")
        with suppress(LookupError, ValueError):
            return prices(None)
        return None


def _last_change(providers: Iterable[Any]) -> str:
    """Return the last day, today at most, from which on a price of the table holds."""
    today = datetime.now(timezone.utc).date()
    days = []
    for provider in providers:
        for model in provider.models:
            for prices in model.prices if isinstance(model.prices, list) else ():
                day = getattr(getattr(prices, "constraint", None), "start_date", None)
                if day is not None and day <= today:
                    days.append(day)
    return max(days).isoformat() if days else ""
