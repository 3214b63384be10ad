"""Billed usage as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moai_flow.core.names import printable
from moai_flow.usage.classes import CLASSES
from moai_flow.usage.grouping import UNKNOWN, group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moai_flow.usage.classes import Usage
    from moai_flow.usage.machine import MachineUsage
    from moai_flow.usage.prices import Cost, Prices
    from moai_flow.usage.tally import Entry

_HEADS = {
    "input": "input",
    "cache_write_5m": "write 5m",
    "cache_write_1h": "write 1h",
    "cache_read": "cache read",
    "output": "output",
}
_NAME_WIDTH = 44
_FIGURE_WIDTH = 15


def lines(usage: MachineUsage, by: str, key: Callable[[Entry], str], prices: Prices | None = None) -> Iterator[str]:
    """Yield the table: a line for each key, then the sum, then what the figures rest on."""
    sums = group(usage.entries, key, in_order=by == "day")
    costs = prices.cost(usage.entries, key) if prices is not None else None
    width = min(_NAME_WIDTH, max([len(printable(name)) for name in [*sums, by, "all"]]))
    heads = ["requests", *_HEADS.values(), "total", *(["cost"] if costs is not None else [])]
    yield f"{by:<{width}}" + "".join([f"{head:>{_FIGURE_WIDTH}}" for head in heads])
    for name, part in sums.items():
        yield _row(name, part, width, costs.get(name if name != UNKNOWN else "") if costs is not None else None)
    all_costs = prices.cost(usage.entries).get("") if prices is not None else None
    yield _row("all", usage.totals, width, all_costs)
    if usage.unrecorded is not None and usage.unrecorded.total:
        yield ""
        yield (
            f"Beyond these messages, the clients' own totals name {usage.unrecorded.total:,} tokens: "
            "requests that compact a window, titles."
        )
    if prices is not None and all_costs is not None:
        yield ""
        by_class = ", ".join(f"{_HEADS[name]} ${all_costs.dollars[name]:,.2f}" for name in CLASSES)
        yield f"By class: {by_class}."
        changed = f", last changed {prices.changed}" if prices.changed else ""
        yield f"List prices of the API: genai-prices {prices.version}{changed}. A subscription is not billed like this."
        if prices.unknown:
            names = ", ".join(sorted(printable(name or UNKNOWN) for name in prices.unknown))
            yield f"No price is known for {names}: {all_costs.unpriced:,} tokens are left out."


def _row(name: str, part: Usage, width: int, cost: Cost | None) -> str:
    figures = [part.requests, *(getattr(part, token_class) for token_class in CLASSES), part.total]
    row = f"{printable(name):<{width}}" + "".join([f"{figure:>{_FIGURE_WIDTH},}" for figure in figures])
    return row + (f"{f'${cost.total:,.2f}':>{_FIGURE_WIDTH}}" if cost is not None else "")
