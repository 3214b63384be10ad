"""Billed tokens by class: what the API charges for at prices of their own. Pure.

`input` is what was read outside the cache, `cache_write_5m` and `cache_write_1h` what was written to the cache for
five minutes or an hour, `cache_read` what was read from it, `output` the reply, thinking included.
"""

from __future__ import annotations

from moai_flow.core.apportion import apportion
from moai_flow.core.spend import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

CLASSES = limits.CLASSES
"""The classes of billed tokens, in the order in which they are shown."""

FIELDS = ("requests", *CLASSES)
"""The fields of a usage: the number of requests, then tokens by class."""

MAX_TOKENS = 1 << 40
"""Tokens of one class in one record from which on the figure is taken for none."""


class Usage:  # noqa: PLW1641 - it is added to, so it is no key
    """Requests, and the tokens billed for them by class; all counts are at least 0."""

    __slots__ = FIELDS

    def __init__(
        self,
        requests: int = 0,
        input: int = 0,  # noqa: A002 - the field's name in the API and in the JSON form
        cache_write_5m: int = 0,
        cache_write_1h: int = 0,
        cache_read: int = 0,
        output: int = 0,
    ) -> None:
        self.requests = requests
        self.input = input
        self.cache_write_5m = cache_write_5m
        self.cache_write_1h = cache_write_1h
        self.cache_read = cache_read
        self.output = output

    @property
    def total(self) -> int:
        """The tokens of all classes."""
        return self.input + self.cache_write_5m + self.cache_write_1h + self.cache_read + self.output

    def add(self, other: Usage) -> None:
        """Add another usage to this one, field by field."""
        self.requests += other.requests
        self.input += other.input
        self.cache_write_5m += other.cache_write_5m
        self.cache_write_1h += other.cache_write_1h
        self.cache_read += other.cache_read
        self.output += other.output

    def divided(self, weights: Mapping[str, int]) -> dict[str, Usage]:
        """Return this usage divided in proportion to `weights`; each field's parts add up to it exactly.

        Weights of 0 throughout divide nothing: every part is 0.
        """
        parts = {name: Usage() for name in weights}
        for field in FIELDS:
            for name, amount in apportion(getattr(self, field), weights).items():
                setattr(parts[name], field, amount)
        return parts

    def as_dict(self) -> dict[str, int]:
        """Return the fields by name: the JSON form."""
        return {field: getattr(self, field) for field in FIELDS}

    def as_tuple(self) -> tuple[int, ...]:
        """Return the fields in their order."""
        return (
            self.requests,
            self.input,
            self.cache_write_5m,
            self.cache_write_1h,
            self.cache_read,
            self.output,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Usage) and self.as_tuple() == other.as_tuple()

    def __repr__(self) -> str:
        return f"Usage({', '.join(f'{field}={getattr(self, field)}' for field in FIELDS)})"


def usage_of(stated: Mapping[str, Any], requests: int = 1) -> Usage:
    """Return what one `usage` object of the API bills.

    The API tells the lifetimes of cache writes in `cache_creation`; what it leaves untold of
    `cache_creation_input_tokens` was written for five minutes, the default.
    """
    written = _tokens(stated.get("cache_creation_input_tokens"))
    told = stated.get("cache_creation")
    five_minutes = hour = 0
    if isinstance(told, dict):
        five_minutes = _tokens(told.get("ephemeral_5m_input_tokens"))
        hour = _tokens(told.get("ephemeral_1h_input_tokens"))
    return Usage(
        requests,
        _tokens(stated.get("input_tokens")),
        max(written - hour, five_minutes),
        hour,
        _tokens(stated.get("cache_read_input_tokens")),
        _tokens(stated.get("output_tokens")),
    )


def _tokens(value: object) -> int:
    return value if type(value) is int and 0 <= value < MAX_TOKENS else 0
