"""Horizontal bars as HTML: labels wrap and figures stay readable at any width. Pure; all text is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from moai_flow.report.charts import SERIES

if TYPE_CHECKING:
    from collections.abc import Sequence


class Bar(NamedTuple):
    """One bar.

    Attributes:
        label: what it is of.
        tokens: its length.
        note: what is said beside the figure.
        series: the number of its colour.
        limit: tokens at which a tick stands, 0 for none.
        measured: whether the figure is measured; else `~` stands before it.
    """

    label: str
    tokens: int
    note: str = ""
    series: int = 0
    limit: int = 0
    measured: bool = True


def bars(rows: Sequence[Bar], label: str) -> str:
    """Return bars with their figures, and a tick at each limit.

    Args:
        rows: at least one.
        label: what they show, in words.
    """
    most = max(max(row.tokens, row.limit) for row in rows) or 1
    lines = "\n".join(_bar(row, most) for row in rows)
    return f'<div class="bars" role="list" aria-label="{escape(label)}">\n{lines}\n</div>'


def _bar(row: Bar, most: int) -> str:
    over = " over" if row.limit and row.tokens > row.limit else ""
    fill = f'<i class="s{min(row.series, SERIES - 1)}{over}" style="width:{_percent(row.tokens, most)}%"></i>'
    tick = f'<b style="left:{_percent(row.limit, most)}%"></b>' if row.limit else ""
    mark = "" if row.measured else "~"
    note = f" <small>{escape(row.note)}</small>" if row.note else ""
    return (
        f'<div class="bar" role="listitem"><span class="label">{escape(row.label)}</span>'
        f'<span class="track">{fill}{tick}</span><span class="figure">{mark}{row.tokens:,}{note}</span></div>'
    )


def _percent(tokens: int, most: int) -> float:
    return round(max(0.3, tokens * 100 / most), 1)
