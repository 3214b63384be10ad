"""Limits of spend as the settings state them. Pure."""

from __future__ import annotations

from moai_flow.core.setting_checks import MAX_TOKENS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

CLASSES = ("input", "cache_write_5m", "cache_write_1h", "cache_read", "output")
"""The classes of billed tokens, in the order in which figures hold them after the number of requests."""

PERIODS = ("session", "day", "week", "5h")
COUNTS = ("billed", "fresh", "output", "weighted")

DEFAULT_WEIGHTS = (1.0, 1.25, 2.0, 0.1, 5.0)
"""What the classes cost relative to input, by the API's list prices."""

MAX_WEIGHT = 1_000.0


class SpendLimit:
    """A limit of spend.

    Args:
        tokens: the limit, in tokens as `count` counts them.
        per: the period, one of `PERIODS`.
        count: which tokens count, one of `COUNTS`: all that are billed, all but those read from the cache, the
            output alone, or all by their weights.
    """

    __slots__ = ("count", "per", "tokens")

    def __init__(self, tokens: int, per: str = "session", count: str = "billed") -> None:
        self.tokens = tokens
        self.per = per
        self.count = count

    def as_dict(self) -> dict[str, Any]:
        """Return the limit as the settings state it."""
        return {"limit": self.tokens, "per": self.per, "count": self.count}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SpendLimit) and self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        return hash((self.tokens, self.per, self.count))

    def __repr__(self) -> str:
        return f"SpendLimit({self.tokens!r}, {self.per!r}, {self.count!r})"


def check_limit(value: Any) -> SpendLimit:
    """Return the limit that a setting states: an object, or the tokens alone (a number, or "2M").

    Raises:
        TypeError, ValueError: it states none; the message says what it has to be.
    """
    if isinstance(value, SpendLimit):
        return value
    stated = value if isinstance(value, dict) else {"limit": value}
    unknown = sorted([str(key) for key in stated if key not in ("limit", "per", "count")])
    if unknown or "limit" not in stated:
        raise ValueError("must be an object with limit, per, count")
    per, count = stated.get("per", PERIODS[0]), stated.get("count", COUNTS[0])
    if per not in PERIODS:
        raise ValueError(f"per: must be one of {', '.join(PERIODS)}")
    if count not in COUNTS:
        raise ValueError(f"count: must be one of {', '.join(COUNTS)}")
    return SpendLimit(_tokens(stated["limit"]), per, count)


def check_weights(value: Any) -> tuple[float, ...]:
    """Return the weights of the classes that a setting states; a class that it leaves out has the default weight.

    Raises:
        TypeError, ValueError: it states none; the message says what it has to be.
    """
    if isinstance(value, tuple) and len(value) == len(CLASSES):
        return value
    if not isinstance(value, dict) or any(name not in CLASSES for name in value):
        raise TypeError(f"must be an object of weights for {', '.join(CLASSES)}")
    weights = dict(zip(CLASSES, DEFAULT_WEIGHTS, strict=True))
    for name, weight in value.items():
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight <= MAX_WEIGHT:
            raise ValueError(f"{name}: must be a number from 0 to 1,000")
        weights[name] = float(weight)
    return tuple(weights.values())


def _tokens(value: Any) -> int:
    if isinstance(value, str):
        # Imported here: a number needs no reading.
        from moai_flow.core.amounts import read_tokens

        return read_tokens(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError('limit: must be a whole number of tokens, or a text like "2M"')
    if not 0 < value <= MAX_TOKENS:
        raise ValueError("limit: must be at least 1 token and at most 1,000,000,000,000")
    return value


def counted(figures: Sequence[int], count: str, weights: Sequence[float] = DEFAULT_WEIGHTS) -> int:
    """Return the tokens of some figures (requests, then tokens by class) that a limit counts."""
    _, *classes = figures
    if count == "output":
        return classes[4]
    if count == "fresh":
        return sum(classes) - classes[3]
    if count == "weighted":
        return round(sum([tokens * weight for tokens, weight in zip(classes, weights, strict=True)]))
    return sum(classes)
