"""The report's charts as SVG. Pure; everything that comes from a session is escaped.

Colours are CSS variables of the page (`--s0` to `--s7` for series), so one drawing fits light and dark.
"""

from __future__ import annotations

from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from moai_flow.report.text import when

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moai_flow.analysis.trace import Point, Trace

SERIES = 8
"""Colours for series; what is beyond shares the last one."""

MAX_POINTS = 480
"""Points that are drawn; of more, each group's highest is."""

_WIDTH, _HEIGHT = 960, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 26, 34
_LABEL_WIDTH = 72
_TICK_WIDTH = 130
_BAR_HEIGHT, _BAR_LABEL, _BAR_FIGURE = 24, 250, 220


class Scale(NamedTuple):
    """Where a point is drawn: `points` along the width, tokens up to `top` along the height."""

    points: int
    top: int

    def x(self, index: float) -> float:
        """Return the position of the point with that number."""
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * index / max(1, self.points - 1), 1)

    def y(self, tokens: float) -> float:
        """Return the position of that many tokens."""
        return round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * tokens / self.top, 1)


def occupancy(traces: Sequence[Trace], order: Sequence[str]) -> str:
    """Return the main window's occupancy over time, stacked by swarm, with thresholds and what emptied it.

    Args:
        traces: sessions that follow each other; they stand side by side.
        order: the swarms in the order of their colours.
    """
    highest = max(trace.highest for trace in traces)
    budget = max(trace.total_budget for trace in traces)
    lowest = min(trace.warning for trace in traces)
    # Far below every threshold, the thresholds would flatten what there is to see.
    top = max(int(highest * 1.25), 1) if highest * 2 < lowest else max(int(highest * 1.05), int(budget * 1.02))
    scale = Scale(sum(len(trace.points) for trace in traces), top)
    parts = [*_grid(scale)]
    start = 0
    for trace in traces:
        parts += _areas(trace, start, scale, order)
        start += len(trace.points)
    start = 0
    for trace in traces:
        parts += _thresholds(trace, start, scale)
        start += len(trace.points)
    parts += _marks(traces, scale)
    parts += _times(traces, scale)
    parts += _hovers(traces, scale)
    label = f"Main window over time: highest {highest:,} of {budget:,} tokens"
    return _svg(_HEIGHT, label, parts)


def _svg(height: int, label: str, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(label)}">\n{body}\n</svg>'


def _grid(scale: Scale) -> Iterator[str]:
    step = _round_step(scale.top / 5)
    for tokens in range(0, scale.top + 1, step):
        y = scale.y(tokens)
        yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
        yield f'<text class="tick" x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{short(tokens)}</text>'


def _round_step(rough: float) -> int:
    """Return the next number of the form 1, 2 or 5 times a power of ten."""
    power = 1
    while power * 10 <= rough:
        power *= 10
    return next(int(power * factor) for factor in (1, 2, 5, 10) if power * factor >= rough)


def short(tokens: int) -> str:
    """Return tokens as an axis shows them: 850, 40K, 1.5M."""
    for unit, size in (("M", 1_000_000), ("K", 1_000)):
        if tokens >= size:
            return f"{tokens / size:.1f}".removesuffix(".0") + unit
    return str(tokens)


def _sampled(points: Sequence[Point], of_all: int) -> list[int]:
    """Return the numbers of the points that are drawn: all, or the ends and the highest of each group."""
    group = max(1, -(-of_all // MAX_POINTS))
    chosen = {0, len(points) - 1}
    for begin in range(0, len(points), group):
        chosen.add(max(range(begin, min(begin + group, len(points))), key=lambda index: points[index].occupancy))
    return sorted(chosen)


def _areas(trace: Trace, start: int, scale: Scale, order: Sequence[str]) -> Iterator[str]:
    """Yield one area a swarm, for each stretch between two moments at which the window was emptied."""
    edges = [0, *[mark.index for mark in trace.marks], len(trace.points)]
    drawn = _sampled(trace.points, scale.points) if trace.points else []
    for begin, end in pairwise(edges):
        numbers = (
            sorted({begin, *[number for number in drawn if begin <= number < end], end - 1}) if begin < end else []
        )
        base = [0] * len(numbers)
        for series, name in enumerate(order):
            tops = [low + trace.points[number].shares.get(name, 0) for low, number in zip(base, numbers, strict=True)]
            if tops != base:
                xs = [scale.x(start + number) for number in numbers]
                upper = [f"{x},{scale.y(top)}" for x, top in zip(xs, tops, strict=True)]
                lower = [f"{x},{scale.y(low)}" for x, low in zip(xs, base, strict=True)]
                shape = " ".join([*upper, *reversed(lower)])
                yield f'<polygon class="s{min(series, SERIES - 1)}" points="{shape}"/>'
            base = tops


def _thresholds(trace: Trace, start: int, scale: Scale) -> Iterator[str]:
    """Yield the lines at which a warning was due, as far as they are in the picture."""
    left, right = scale.x(start), scale.x(start + max(1, len(trace.points) - 1))
    for name, word, tokens in (
        ("warning", "warning", trace.warning),
        ("critical", "critical", trace.critical),
        ("budget", "budget", trace.total_budget),
    ):
        if 0 < tokens <= scale.top:
            y = scale.y(tokens)
            yield f'<line class="{name}" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>'
            if start == 0:
                yield f'<text class="{name}-text" x="{left + 6}" y="{y - 5}">{word} {tokens:,}</text>'


def _marks(traces: Sequence[Trace], scale: Scale) -> Iterator[str]:
    """Yield a line where the window was emptied, labelled where there is room."""
    start, free = 0, 0.0
    for number, trace in enumerate(traces):
        if number:
            word = "/clear" if trace.after_clear else "new session"
            yield from _mark(scale.x(start - 0.5), word, "clear", is_labelled=scale.x(start) >= free)
            free = max(free, scale.x(start) + _LABEL_WIDTH)
        for mark in trace.marks:
            x = scale.x(start + mark.index - 0.5)
            word = "auto-compact" if mark.automatic else "/compact"
            yield from _mark(x, f"{word}", "compaction", is_labelled=x >= free)
            free = max(free, x + _LABEL_WIDTH)
        start += len(trace.points)


def _mark(x: float, word: str, kind: str, *, is_labelled: bool) -> Iterator[str]:
    bottom = _HEIGHT - _BOTTOM
    yield f'<line class="{kind}" x1="{x}" x2="{x}" y1="{_TOP - 6}" y2="{bottom}"><title>{word}</title></line>'
    if is_labelled:
        yield f'<text class="mark" x="{x}" y="{_TOP - 11}" text-anchor="middle">{word}</text>'


def _times(traces: Sequence[Trace], scale: Scale) -> Iterator[str]:
    """Yield the times at which points were taken, where there is room."""
    points = [point for trace in traces for point in trace.points]
    free = 0.0
    for index, point in enumerate(points):
        x = scale.x(index)
        if x >= free and x <= _WIDTH - _RIGHT - _TICK_WIDTH / 2:
            anchor = "start" if index == 0 else "middle"
            yield f'<text class="tick" x="{x}" y="{_HEIGHT - 12}" text-anchor="{anchor}">{when(point.at)}</text>'
            free = x + _TICK_WIDTH * (1.5 if index == 0 else 1)


def _hovers(traces: Sequence[Trace], scale: Scale) -> Iterator[str]:
    """Yield a column over each drawn point that tells its figures under the pointer."""
    start = 0
    width = max(2.0, round((_WIDTH - _LEFT - _RIGHT) / max(1, min(scale.points, MAX_POINTS)), 1))
    for trace in traces:
        for number in _sampled(trace.points, scale.points) if trace.points else ():
            point = trace.points[number]
            shares = "".join(f"\n{name} {tokens:,}" for name, tokens in point.shares.items() if tokens)
            text = escape(f"{when(point.at)}\n{point.occupancy:,} tokens{shares}")
            x = round(scale.x(start + number) - width / 2, 1)
            yield (
                f'<rect class="hover" x="{x}" y="{_TOP}" width="{width}" height="{_HEIGHT - _TOP - _BOTTOM}">'
                f"<title>{text}</title></rect>"
            )
        start += len(trace.points)


class Bar(NamedTuple):
    """One bar: its label, tokens, what is said beside them, the number of its colour, and a limit (0: none)."""

    label: str
    tokens: int
    note: str = ""
    series: int = 0
    limit: int = 0


def bars(rows: Sequence[Bar], label: str) -> str:
    """Return horizontal bars with their figures, and a tick at each limit."""
    most = max(max(row.tokens, row.limit) for row in rows) or 1
    room = _WIDTH - _BAR_LABEL - _BAR_FIGURE
    parts = []
    for number, row in enumerate(rows):
        y = number * _BAR_HEIGHT
        width = round(max(1.5, room * row.tokens / most), 1)
        middle = y + _BAR_HEIGHT / 2 + 4
        over = " over" if row.limit and row.tokens > row.limit else ""
        title = f"<title>{escape(row.label)}\n{row.tokens:,} tokens {escape(row.note)}</title>"
        shown = row.label if len(row.label) <= 36 else "\N{HORIZONTAL ELLIPSIS}" + row.label[-35:]  # noqa: PLR2004
        color = f"s{min(row.series, SERIES - 1)}{over}"
        parts.append(f'<g>{title}<text class="label" x="{_BAR_LABEL - 10}" y="{middle}" text-anchor="end">')
        parts.append(f"{escape(shown)}</text>")
        height = _BAR_HEIGHT - 8
        parts.append(f'<rect class="{color}" x="{_BAR_LABEL}" y="{y + 4}" width="{width}" height="{height}" rx="2"/>')
        if row.limit:
            x = round(_BAR_LABEL + room * row.limit / most, 1)
            parts.append(f'<line class="limit" x1="{x}" x2="{x}" y1="{y + 2}" y2="{y + _BAR_HEIGHT - 2}"/>')
        end = _BAR_LABEL + round(max(width, room * row.limit / most), 1) + 8
        parts.append(
            f'<text class="figure" x="{end}" y="{middle}">{row.tokens:,} <tspan class="note">{escape(row.note)}</tspan>'
            "</text></g>"
        )
    return _svg(len(rows) * _BAR_HEIGHT, label, parts)
