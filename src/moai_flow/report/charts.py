"""The report's chart of the main window as SVG. Pure; everything that comes from a session is escaped.

Colours are CSS variables of the page (`--s0` to `--s7` for series), so one drawing fits light and dark. A drawing is
made for a width: scaled down, its labels could not be read.
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

WIDE, NARROW = 1040, 380
"""Widths (CSS pixels) that drawings are made for: a page on a screen, and on a phone."""

_HEIGHT = 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 36, 34
_LABEL_WIDTH = 84
_DATE_WIDTH, _TIME_WIDTH = 84, 48


class Scale(NamedTuple):
    """Where a point is drawn: `points` along the `width`, tokens up to `top` along the height."""

    points: int
    top: int
    width: int = WIDE

    @property
    def right(self) -> int:
        """Where the chart ends."""
        return self.width - _RIGHT

    @property
    def drawn(self) -> int:
        """Points that are drawn at most: two to a pixel are one too many."""
        return min(MAX_POINTS, self.width // 2)

    def x(self, index: float) -> float:
        """Return the position of the point with that number."""
        return round(_LEFT + (self.right - _LEFT) * index / max(1, self.points - 1), 1)

    def y(self, tokens: float) -> float:
        """Return the position of that many tokens."""
        return round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * tokens / self.top, 1)


def occupancy(traces: Sequence[Trace], order: Sequence[str], width: int = WIDE) -> str:
    """Return the main window's occupancy over time, stacked by swarm, with thresholds and what emptied it.

    Args:
        traces: sessions that follow each other; they stand side by side.
        order: the swarms in the order of their colours.
        width: what it is drawn for, in CSS pixels.
    """
    highest = max(trace.highest for trace in traces)
    budget = max(trace.total_budget for trace in traces)
    lowest = min(trace.warning for trace in traces)
    # Far below every threshold, the thresholds would flatten the curve.
    top = max(int(highest * 1.25), 1) if highest * 2 < lowest else max(int(highest * 1.05), int(budget * 1.02))
    scale = Scale(sum(len(trace.points) for trace in traces), top, width)
    parts = [*_grid(scale)]
    start = 0
    for trace in traces:
        parts += _areas(trace, start, scale, order)
        start += len(trace.points)
    start = 0
    for trace in traces:
        parts += _thresholds(trace, start, scale, traces[0])
        start += len(trace.points)
    parts += _marks(traces, scale)
    parts += _times(traces, scale)
    parts += _hovers(traces, scale)
    label = f"Main window over time: highest {highest:,} of {budget:,} tokens"
    body = "\n".join(parts)
    size = f'viewBox="0 0 {width} {_HEIGHT}"'
    return f'<svg class="w{width}" {size} role="img" aria-label="{escape(label)}">\n{body}\n</svg>'


def _grid(scale: Scale) -> Iterator[str]:
    step = _round_step(scale.top / 5)
    for tokens in range(0, scale.top + 1, step):
        y = scale.y(tokens)
        yield f'<line class="grid" x1="{_LEFT}" x2="{scale.right}" y1="{y}" y2="{y}"/>'
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


def _sampled(points: Sequence[Point], of_all: int, most: int = MAX_POINTS) -> list[int]:
    """Return the numbers of the points that are drawn: all, or the ends and the highest of each group."""
    group = max(1, -(-of_all // most))
    chosen = {0, len(points) - 1}
    for begin in range(0, len(points), group):
        chosen.add(max(range(begin, min(begin + group, len(points))), key=lambda index: points[index].occupancy))
    return sorted(chosen)


def _areas(trace: Trace, start: int, scale: Scale, order: Sequence[str]) -> Iterator[str]:
    """Yield one area a swarm, for each stretch between two moments at which the window was emptied."""
    edges = [0, *[mark.index for mark in trace.marks], len(trace.points)]
    drawn = _sampled(trace.points, scale.points, scale.drawn) if trace.points else []
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


def _thresholds(trace: Trace, start: int, scale: Scale, first: Trace) -> Iterator[str]:
    """Yield the lines at which a warning was due, as far as they are in the picture, labelled where they differ."""
    left, right = scale.x(start), scale.x(start + max(1, len(trace.points) - 1))
    for name, word, tokens in (
        ("warning", "warning", trace.warning),
        ("critical", "critical", trace.critical),
        ("budget", "budget", trace.total_budget),
    ):
        if 0 < tokens <= scale.top:
            y = scale.y(tokens)
            yield f'<line class="{name}" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>'
            if trace is first:
                yield f'<text class="{name}-text" x="{left + 6}" y="{y - 5}">{word} {tokens:,}</text>'


def _marks(traces: Sequence[Trace], scale: Scale) -> Iterator[str]:
    """Yield a line where the window was emptied, labelled where there is room."""
    start, free = 0, 0.0
    for number, trace in enumerate(traces):
        if number:
            word = "/clear" if trace.after_clear else "new session"
            x = scale.x(start - 0.5)
            yield from _mark(x, word, "clear", is_labelled=x >= free)
            free = max(free, x + _LABEL_WIDTH)
        for mark in trace.marks:
            x = scale.x(start + mark.index - 0.5)
            word = "auto-compact" if mark.automatic else "/compact"
            yield from _mark(x, word, "compaction", is_labelled=x >= free)
            free = max(free, x + _LABEL_WIDTH)
        start += len(trace.points)


def _mark(x: float, word: str, kind: str, *, is_labelled: bool) -> Iterator[str]:
    bottom = _HEIGHT - _BOTTOM
    yield f'<line class="{kind}" x1="{x}" x2="{x}" y1="{_TOP - 16}" y2="{bottom}"><title>{word}</title></line>'
    if is_labelled:
        anchor, at = ("start", _LEFT) if x < _LEFT + _LABEL_WIDTH / 2 else ("middle", x)
        yield f'<text class="mark" x="{at}" y="{_TOP - 21}" text-anchor="{anchor}">{word}</text>'


def _times(traces: Sequence[Trace], scale: Scale) -> Iterator[str]:
    """Yield when points were taken, where there is room: a day once, then times of day; nothing twice."""
    points = [point for trace in traces for point in trace.points]
    step = (scale.right - _LEFT) / max(1, scale.points - 1)
    day = label = ""
    free, index = 0.0, 0
    while index < len(points):
        x, (date, _, time) = scale.x(index), when(points[index].at).partition(" ")
        text, width = (time, _TIME_WIDTH) if date == day else (date, _DATE_WIDTH)
        anchor, begin = ("middle", x - width / 2) if index else ("start", x)
        if begin >= free and begin + width <= scale.right and text != label:
            yield f'<text class="tick" x="{x}" y="{_HEIGHT - 12}" text-anchor="{anchor}">{text}</text>'
            day, label = date, text
            free = begin + width + _TIME_WIDTH / 2
        # Most points have no room for a label: the next that may have is looked at.
        index = max(index + 1, int((free + _TIME_WIDTH / 2 - _LEFT) / step) if step else 0)


def _hovers(traces: Sequence[Trace], scale: Scale) -> Iterator[str]:
    """Yield a column over each drawn point that tells its figures under the pointer."""
    start = 0
    width = max(2.0, round((scale.right - _LEFT) / max(1, min(scale.points, scale.drawn)), 1))
    for trace in traces:
        for number in _sampled(trace.points, scale.points, scale.drawn) if trace.points else ():
            point = trace.points[number]
            shares = "".join(f"\n{name} {tokens:,}" for name, tokens in point.shares.items() if tokens)
            text = escape(f"{when(point.at)}\n{point.occupancy:,} tokens{shares}")
            x = round(scale.x(start + number) - width / 2, 1)
            yield (
                f'<rect class="hover" x="{x}" y="{_TOP}" width="{width}" height="{_HEIGHT - _TOP - _BOTTOM}">'
                f"<title>{text}</title></rect>"
            )
        start += len(trace.points)
