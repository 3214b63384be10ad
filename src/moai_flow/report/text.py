"""The report as text for a terminal, or for a prompt. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from moai_flow.analysis.trace import figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Style = Callable[[str, int], str]

BAR_CELLS = 20
MAX_ROWS = 8
MAX_SESSIONS = 20
_NAME_WIDTH = 40


def lines(document: dict[str, Any], *, style: Style, ascii_only: bool = False) -> Iterator[str]:
    """Yield the lines of the report.

    Args:
        document: what `moai_flow.report.document` made.
        style: how a text of a level (0-2) is coloured.
        ascii_only: whether bars are made of `#`.
    """
    sessions = document["sessions"]
    if not sessions:
        yield "No session with a transcript was found."
        return
    yield _heading(sessions)
    yield ""
    for session in sessions[-MAX_SESSIONS:]:
        yield from _session(session, style)
    if len(sessions) > MAX_SESSIONS:
        yield f"  and {len(sessions) - MAX_SESSIONS} before these"
    filled = "#" if ascii_only else "█"
    tools = [*document["by_tool"]]
    for name, tokens in (("(prompts)", document["prompts"]), ("(replies, the system's prompt)", document["other"])):
        if tokens:
            tools.append({"name": name, "tokens": tokens, "count": 0, "largest": 0, "measured": True})
    for title, rows in (
        ("Tokens by tool", tools),
        ("Tokens by file", document["by_file"]),
        ("Tokens by swarm and session", _swarms(sessions)),
    ):
        yield from _table(title, rows, filled)
    yield from _biggest(document["biggest"])
    yield ""
    yield "What could be done"
    for one in document["recommendations"][:MAX_ROWS]:
        yield f"  - {one['text']}"
    if not document["recommendations"]:
        yield "  Nothing stands out."


def when(seconds: float) -> str:
    """Return a time as people here write it."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M") if seconds else "?"


def _heading(sessions: list[dict[str, Any]]) -> str:
    count = "1 session" if len(sessions) == 1 else f"{len(sessions)} sessions"
    return f"{count}, {when(sessions[0]['began'])} to {when(max(one['ended'] for one in sessions))}"


def _session(session: dict[str, Any], style: Style) -> Iterator[str]:
    highest, thresholds = session["highest"], session["thresholds"]
    shown = figure(highest, measured=session["highest_measured"])
    level = 2 if highest >= thresholds["warning_2"] else 1 if highest >= thresholds["warning_1"] else 0
    percent = highest * 100 / session["total_budget"] if session["total_budget"] else 0.0
    occupancy = style(f"{shown:>9} of {session['total_budget']:,} ({percent:.0f}%)", level)
    notes = ["after /clear"] if session["after_clear"] else []
    for one in session["compactions"]:
        kind = "compacted by itself" if one["automatic"] else "compacted"
        notes.append(f"{kind} {figure(one['before'], measured=one['measured'])} to {one['after']:,}")
    yield f"  {session['session_id'][:8]}  {when(session['began'])}  highest {occupancy}  {', '.join(notes)}".rstrip()


def _table(title: str, rows: list[dict[str, Any]], filled: str) -> Iterator[str]:
    shown = sorted(rows, key=lambda row: -row["tokens"])[:MAX_ROWS]
    most = max((row["tokens"] for row in shown), default=0)
    if not most:
        return
    yield ""
    yield title
    for row in shown:
        bar = filled * max(1, row["tokens"] * BAR_CELLS // most)
        count = f"{row['count']:>5}x" if row["count"] else " " * 6
        yield f"  {_name(row['name'])} {figure(row['tokens'], measured=row['measured']):>10} {count}  {bar}"
    if len(rows) > len(shown):
        yield f"  and {len(rows) - len(shown)} more"


def _biggest(results: list[dict[str, Any]]) -> Iterator[str]:
    if not results:
        return
    yield ""
    yield "Biggest single results"
    for result in results[:MAX_ROWS]:
        tokens = figure(result["tokens"], measured=result["measured"])
        yield f"  {tokens:>9}  {result['tool']:<10} {result['target']}".rstrip()


def _swarms(sessions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each swarm of each session: the most it had consumed there."""
    return [
        {
            "name": f"{use['name']}  {session['session_id'][:8]}",
            "tokens": use["highest"],
            "measured": use["measured"],
            "count": 0,
        }
        for session in sessions
        for use in session["swarms"]
        if use["highest"]
    ]


def _name(name: str) -> str:
    shown = name if len(name) <= _NAME_WIDTH else "..." + name[3 - _NAME_WIDTH :]
    return shown.ljust(_NAME_WIDTH)
