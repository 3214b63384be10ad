"""The report as one page for a browser: no network, no script, light and dark. Pure.

Everything that comes from a session is escaped: names of files and commands are somebody else's text.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from moai_flow.analysis import totals
from moai_flow.analysis.recommend import recommend
from moai_flow.analysis.trace import figure
from moai_flow.report import charts
from moai_flow.report.bars import Bar, bars
from moai_flow.report.style import STYLE
from moai_flow.report.text import when

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moai_flow.analysis.trace import Trace
    from moai_flow.report.spend import Spend

MAX_BARS = 15
MAX_AGENTS = 30
MAX_RECOMMENDATIONS = 12
MAX_CHARTS = 12
MAX_DAYS = 31
MAX_SESSIONS = 200

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(traces: Sequence[Trace], spend: Spend | None = None, more: Sequence[str] = ()) -> str:
    """Return the report as HTML.

    Args:
        traces: the sessions, at least one.
        spend: what was billed in that time, None to leave it out.
        more: sections as HTML that follow it, of pools for one.
    """
    order = _order(traces)
    sections = [*_head(traces), *_recommendations(traces), *_timelines(traces, order), *_spend(spend), *more]
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


def section(title: str, *parts: str, about: str = "") -> str:
    """Return a section of the page; the title is escaped, the parts and `about` are HTML."""
    note = f'<p class="about">{about}</p>' if about else ""
    return f"<section>\n<h2>{escape(title)}</h2>{note}\n" + "\n".join(parts) + "\n</section>"


def _head(traces: Sequence[Trace]) -> Iterator[str]:
    highest = max(traces, key=lambda trace: trace.highest)
    marks = sum(len(trace.marks) for trace in traces)
    clears = sum(trace.after_clear for trace in traces)
    largest = totals.biggest(traces, 1)
    projects = {trace.project for trace in traces}
    tiles = [
        ("Sessions", str(len(traces)), "in one project" if len(projects) == 1 else f"in {len(projects)} projects"),
        (
            "Highest occupancy",
            figure(highest.highest, measured=highest.measured),
            f"of {highest.total_budget:,} tokens, session {highest.session_id[:8]}",
        ),
        ("Window emptied", str(marks + clears), f"{clears} by /clear, {marks} by compaction"),
        ("Agents", str(sum(len(trace.agents) for trace in traces)), "in windows of their own"),
    ]
    if largest:
        about = f"{largest[0].tool} {largest[0].target}".strip()
        tiles.append(("Biggest single result", figure(largest[0].tokens, measured=largest[0].measured), about))
    period = f"{when(traces[0].began)} to {when(max(trace.ended for trace in traces))}"
    yield f'<header>\n<h1>Token budget</h1>\n<p class="about">{period}</p>\n</header>'
    shown = "".join(
        f'<div class="tile"><div class="name">{escape(name)}</div><div class="value">{escape(value)}</div>'
        f'<div class="detail">{escape(detail)}</div></div>'
        for name, value, detail in tiles
    )
    yield f'<div class="tiles">{shown}</div>'


def _recommendations(traces: Sequence[Trace]) -> Iterator[str]:
    found = recommend(traces)
    rows = "".join(f"<li>{escape(one.text)}</li>" for one in found[:MAX_RECOMMENDATIONS])
    yield section("What could be done", f"<ul>{rows}</ul>" if rows else "<p>Nothing stands out.</p>")


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
    latest = sorted(projects.items(), key=lambda item: -max(trace.ended for trace in item[1]))
    for project, found in latest[:MAX_CHARTS]:
        if len(projects) > 1:
            drawn.append(f"<h3>{escape(project or 'unknown project')}</h3>")
        drawn += [charts.occupancy(found, order, width) for width in (charts.WIDE, charts.NARROW)]
    about = "What the model reads on the next request, after each event, divided over the swarms that work in it."
    if len(projects) > MAX_CHARTS:
        about += f" The {MAX_CHARTS} projects of {len(projects)} that were worked in last."
    yield section("Main window", f'<div class="legend">{legend}</div>', *drawn, about=about)


def _spend(spend: Spend | None) -> Iterator[str]:
    """Yield what was billed: a figure of its own, which is never added to what the windows hold."""
    if spend is None:
        return
    about = "Every request bills all that its window holds, most of it at the cache's price: this only grows."
    for title, rows in (("Billed tokens by day", spend.by_day[-MAX_DAYS:]), ("Billed tokens by swarm", spend.by_swarm)):
        if rows:
            shown = [
                Bar(row.name, row.tokens, f"{row.requests:,} requests, {row.cache_read_percent}% read from the cache")
                for row in rows[:MAX_DAYS]
            ]
            yield section(title, bars(shown, title), about=about)
            about = ""


def _tools(traces: Sequence[Trace]) -> Iterator[str]:
    rows = [
        Bar(
            total.name,
            total.tokens,
            f"{total.count}\N{MULTIPLICATION SIGN}, largest {total.largest:,}",
            measured=total.measured,
        )
        for total in totals.by_tool(traces)[:MAX_BARS]
    ]
    for label, tokens in (
        ("prompts", sum(trace.prompts for trace in traces)),
        ("replies, the system's prompt", sum(trace.other for trace in traces)),
    ):
        if tokens:
            rows.append(Bar(label, tokens, series=charts.SERIES - 1))
    if rows:
        about = "Tokens that results brought into the windows; in grey, what else the main window took in."
        yield section("Tokens by tool", bars(rows, "Tokens by tool"), about=about)


def _swarms(traces: Sequence[Trace], order: Sequence[str]) -> Iterator[str]:
    """Yield the swarms of each session, with the limits that somebody set, and every agent's window."""
    rows = []
    for trace in traces:
        for use in trace.swarms.values():
            if use.highest and not use.open_ended:
                limit = f", of {use.allocated:,}" if use.guaranteed else ""
                note, tick = f"session {trace.session_id[:8]}{limit}", use.allocated if use.guaranteed else 0
                rows.append(Bar(use.name, use.highest, note, order.index(use.name), tick, use.measured))
    rows.sort(key=lambda row: (-row.tokens, row.label))
    if rows:
        about = "The most that each had consumed in one session; a tick is a limit that somebody set."
        if len(rows) > MAX_BARS:
            about += f" The {MAX_BARS} highest of {len(rows)}."
        yield section("Swarms", bars(rows[:MAX_BARS], "Swarms and their limits"), about=about)
    agents = [(use, trace) for trace in traces for use in trace.agents.values() if use.highest]
    agents.sort(key=lambda pair: -pair[0].highest)
    if agents:
        shown = [
            Bar(
                f"{use.agent_type} {use.agent[:8]}",
                use.highest,
                f"swarm {use.swarm}, session {trace.session_id[:8]}",
                order.index(use.swarm),
                measured=use.measured,
            )
            for use, trace in agents[:MAX_AGENTS]
        ]
        more = f" The {MAX_AGENTS} fullest of {len(agents)}." if len(agents) > MAX_AGENTS else ""
        about = f"The highest occupancy of each subagent's own window.{more}"
        yield section("Agents' windows", bars(shown, "Agents' windows"), about=about)


def _files(traces: Sequence[Trace]) -> Iterator[str]:
    rows = [
        Bar(total.name, total.tokens, f"{total.count}\N{MULTIPLICATION SIGN}", measured=total.measured)
        for total in totals.by_file(traces)[:MAX_BARS]
    ]
    if rows:
        yield section("Tokens by file", bars(rows, "Tokens by file"))


def _biggest(traces: Sequence[Trace]) -> Iterator[str]:
    rows = "".join(
        f'<tr><td class="number">{figure(one.tokens, measured=one.measured)}</td><td>{escape(one.tool)}</td>'
        f"<td><code>{escape(one.target)}</code></td><td>{escape(one.swarm)}</td><td>{when(one.at)}</td></tr>"
        for one in totals.biggest(traces)
    )
    if rows:
        head = "<tr><th>Tokens</th><th>Tool</th><th>About</th><th>Swarm</th><th>When</th></tr>"
        yield section("Biggest single results", f'<div class="wide"><table>{head}{rows}</table></div>')


def _sessions(traces: Sequence[Trace]) -> Iterator[str]:
    rows = "".join(
        f"<tr><td><code>{escape(trace.session_id[:8])}</code></td><td>{when(trace.began)}</td>"
        f'<td>{escape(trace.model)}</td><td class="number">{figure(trace.highest, measured=trace.measured)}</td>'
        f'<td class="number">{trace.total_budget:,}</td><td>{_emptied(trace)}</td>'
        f"<td>{escape(trace.project)}</td></tr>"
        for trace in traces[-MAX_SESSIONS:]
    )
    head = (
        "<tr><th>Session</th><th>Began</th><th>Model</th><th>Highest</th><th>Budget</th><th>Emptied</th>"
        "<th>Project</th></tr>"
    )
    about = "Figures are those that the hooks keep; <code>~</code> stands before one that was never measured."
    if len(traces) > MAX_SESSIONS:
        about += f" The last {MAX_SESSIONS} of {len(traces)}."
    yield section("Sessions", f'<div class="wide"><table>{head}{rows}</table></div>', about=about)


def _emptied(trace: Trace) -> str:
    words = ["began with /clear"] if trace.after_clear else []
    for mark in trace.marks:
        before = figure(mark.before, measured=mark.measured)
        words.append(f"{'by itself ' if mark.automatic else ''}{before} to {mark.after:,}")
    return ", ".join(words)
