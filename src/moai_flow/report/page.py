"""The report as one page for a browser: no network, no script, light and dark. Pure.

Everything that comes from a session is escaped: names of files and commands are somebody else's text.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from moai_flow.analysis import totals
from moai_flow.analysis.recommend import recommend
from moai_flow.report import charts
from moai_flow.report.style import STYLE
from moai_flow.report.text import when

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moai_flow.analysis.trace import Trace

MAX_BARS = 15
MAX_AGENTS = 30
MAX_RECOMMENDATIONS = 12

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(traces: Sequence[Trace]) -> str:
    """Return the report on these sessions, at least one, as HTML."""
    order = _order(traces)
    sections = [*_head(traces), *_recommendations(traces), *_timelines(traces, order)]
    sections += [*_tools(traces), *_swarms(traces, order), *_files(traces), *_biggest(traces), *_sessions(traces)]
    body = "\n".join(sections)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="color-scheme" content="light dark">
<title>Token budget report</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def _order(traces: Sequence[Trace]) -> list[str]:
    """Return the swarms in the order of their colours: those of the main window first, the most used first."""
    tokens: dict[tuple[bool, str], int] = {}
    for trace in traces:
        for use in trace.swarms.values():
            key = (use.isolated, use.name)
            tokens[key] = tokens.get(key, 0) + use.highest
    return [name for (_, name), _ in sorted(tokens.items(), key=lambda item: (item[0][0], -item[1], item[0][1]))]


def _section(title: str, *parts: str, about: str = "") -> Iterator[str]:
    note = f'<p class="about">{about}</p>' if about else ""
    yield f"<section>\n<h2>{escape(title)}</h2>{note}\n" + "\n".join(parts) + "\n</section>"


def _head(traces: Sequence[Trace]) -> Iterator[str]:
    highest = max(traces, key=lambda trace: trace.highest)
    marks = sum(len(trace.marks) for trace in traces)
    clears = sum(trace.after_clear for trace in traces)
    largest = totals.biggest(traces, 1)
    projects = {trace.project for trace in traces}
    tiles = [
        ("Sessions", str(len(traces)), "in one project" if len(projects) == 1 else f"in {len(projects)} projects"),
        ("Highest occupancy", f"{highest.highest:,}", f"of {highest.total_budget:,} tokens"),
        ("Window emptied", str(marks + clears), f"{clears} by /clear, {marks} by compaction"),
        ("Agents", str(sum(len(trace.agents) for trace in traces)), "in windows of their own"),
    ]
    if largest:
        about = f"{largest[0].tool} {largest[0].target}".strip()
        tiles.append(("Biggest single result", f"{largest[0].tokens:,}", about))
    period = f"{when(traces[0].began)} to {when(max(trace.ended for trace in traces))}"
    yield f'<header>\n<h1>Token budget</h1>\n<p class="about">{period}</p>\n</header>'
    shown = "".join(
        f'<div class="tile"><div class="name">{escape(name)}</div><div class="value">{escape(value)}</div>'
        f'<div class="detail" title="{escape(detail)}">{escape(detail)}</div></div>'
        for name, value, detail in tiles
    )
    yield f'<div class="tiles">{shown}</div>'


def _recommendations(traces: Sequence[Trace]) -> Iterator[str]:
    found = recommend(traces)
    rows = "".join(f"<li>{escape(one.text)}</li>" for one in found[:MAX_RECOMMENDATIONS])
    yield from _section("What could be done", f"<ul>{rows}</ul>" if rows else "<p>Nothing stands out.</p>")


def _timelines(traces: Sequence[Trace], order: Sequence[str]) -> Iterator[str]:
    """Yield a chart for each project, in which its sessions stand side by side."""
    projects: dict[str, list[Trace]] = {}
    for trace in traces:
        projects.setdefault(trace.project, []).append(trace)
    shared = {name for trace in traces for name, use in trace.swarms.items() if not use.isolated and use.highest}
    legend = "".join(
        f'<span><i class="s{min(number, charts.SERIES - 1)}"></i>{escape(name)}</span>'
        for number, name in enumerate(order)
        if name in shared
    )
    drawn = []
    for project, found in projects.items():
        if len(projects) > 1:
            drawn.append(f"<h3>{escape(project or 'unknown project')}</h3>")
        drawn.append(charts.occupancy(found, order))
    about = "What the model reads on the next request, after each event, divided over the swarms that work in it."
    yield from _section("Main window", f'<div class="legend">{legend}</div>', *drawn, about=about)


def _tools(traces: Sequence[Trace]) -> Iterator[str]:
    rows = [
        charts.Bar(total.name, total.tokens, f"{total.count}\N{MULTIPLICATION SIGN}, largest {total.largest:,}")
        for total in totals.by_tool(traces)[:MAX_BARS]
    ]
    for label, tokens in (
        ("prompts", sum(trace.prompts for trace in traces)),
        ("replies, the system's prompt", sum(trace.other for trace in traces)),
    ):
        if tokens:
            rows.append(charts.Bar(label, tokens, series=charts.SERIES - 1))
    if rows:
        about = "Tokens that results brought into the windows; in grey, what else the main window took in."
        yield from _section("Tokens by tool", charts.bars(rows, "Tokens by tool"), about=about)


def _swarms(traces: Sequence[Trace], order: Sequence[str]) -> Iterator[str]:
    """Yield the swarms against their allocations, and every agent's window."""
    rows = []
    for trace in traces:
        for use in trace.swarms.values():
            if use.highest and not use.open_ended:
                limit = f"of {use.allocated:,}"
                rows.append(charts.Bar(use.name, use.highest, limit, order.index(use.name), use.allocated))
    rows.sort(key=lambda row: (-row.tokens, row.label))
    if rows:
        about = "The most that each had consumed in a session; the tick is its allocation."
        yield from _section("Swarms", charts.bars(rows[:MAX_BARS], "Swarms and their allocations"), about=about)
    agents = [use for trace in traces for use in trace.agents.values() if use.highest]
    agents.sort(key=lambda use: -use.highest)
    if agents:
        shown = [
            charts.Bar(f"{use.agent_type} {use.agent[:8]}", use.highest, f"swarm {use.swarm}", order.index(use.swarm))
            for use in agents[:MAX_AGENTS]
        ]
        more = f" The {MAX_AGENTS} fullest of {len(agents)}." if len(agents) > MAX_AGENTS else ""
        about = f"The highest occupancy of each subagent's own window.{more}"
        yield from _section("Agents' windows", charts.bars(shown, "Agents' windows"), about=about)


def _files(traces: Sequence[Trace]) -> Iterator[str]:
    rows = [
        charts.Bar(total.name, total.tokens, f"{total.count}\N{MULTIPLICATION SIGN}")
        for total in totals.by_file(traces)[:MAX_BARS]
    ]
    if rows:
        yield from _section("Tokens by file", charts.bars(rows, "Tokens by file"))


def _biggest(traces: Sequence[Trace]) -> Iterator[str]:
    rows = "".join(
        f'<tr><td class="number">{"" if one.measured else "~"}{one.tokens:,}</td><td>{escape(one.tool)}</td>'
        f"<td><code>{escape(one.target)}</code></td><td>{escape(one.swarm)}</td><td>{when(one.at)}</td></tr>"
        for one in totals.biggest(traces)
    )
    if rows:
        head = "<tr><th>Tokens</th><th>Tool</th><th>About</th><th>Swarm</th><th>When</th></tr>"
        yield from _section("Biggest single results", f'<div class="wide"><table>{head}{rows}</table></div>')


def _sessions(traces: Sequence[Trace]) -> Iterator[str]:
    rows = "".join(
        f"<tr><td><code>{escape(trace.session_id[:8])}</code></td><td>{when(trace.began)}</td>"
        f'<td>{escape(trace.model)}</td><td class="number">{trace.highest:,}</td>'
        f'<td class="number">{trace.total_budget:,}</td><td>{_emptied(trace)}</td>'
        f"<td>{escape(trace.project)}</td></tr>"
        for trace in traces
    )
    head = (
        "<tr><th>Session</th><th>Began</th><th>Model</th><th>Highest</th><th>Budget</th><th>Emptied</th>"
        "<th>Project</th></tr>"
    )
    about = "Figures are those that the hooks kept; <code>~</code> stands before one that was never measured."
    yield from _section("Sessions", f'<div class="wide"><table>{head}{rows}</table></div>', about=about)


def _emptied(trace: Trace) -> str:
    words = ["began with /clear"] if trace.after_clear else []
    words += [f"{'by itself ' if mark.automatic else ''}{mark.before:,} to {mark.after:,}" for mark in trace.marks]
    return ", ".join(words)
