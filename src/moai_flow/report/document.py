"""The report as plain values: what `--json` prints. Keys are only ever added.

Tokens are whole numbers, times seconds since the epoch.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from moai_flow.analysis import totals
from moai_flow.analysis.recommend import recommend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moai_flow.analysis.trace import Trace
    from moai_flow.report.spend import Spend

VERSION = 1


def document(traces: Sequence[Trace], spend: Spend | None = None) -> dict[str, Any]:
    """Return the report on these sessions, with what was billed in that time if that is given."""
    found = {
        "version": VERSION,
        "sessions": [_session(trace) for trace in traces],
        "by_swarm": _swarms(traces),
        "by_tool": [asdict(total) for total in totals.by_tool(traces)],
        "by_file": [asdict(total) for total in totals.by_file(traces)],
        "prompts": sum(trace.prompts for trace in traces),
        "other": sum(trace.other for trace in traces),
        "biggest": [asdict(result) for result in totals.biggest(traces)],
        "recommendations": [asdict(one) for one in recommend(traces)],
    }
    return found | ({"spend": asdict(spend)} if spend is not None else {})


def _session(trace: Trace) -> dict[str, Any]:
    return {
        "session_id": trace.session_id,
        "project": trace.project,
        "model": trace.model,
        "began": trace.began,
        "ended": trace.ended,
        "highest": trace.highest,
        "highest_measured": trace.measured,
        "total_budget": trace.total_budget,
        "thresholds": {"warning_1": trace.warning, "warning_2": trace.critical},
        "window_size": trace.window_size or None,
        "after_clear": trace.after_clear,
        "compactions": [
            {"before": mark.before, "after": mark.after, "automatic": mark.automatic, "measured": mark.measured}
            for mark in trace.marks
        ],
        "swarms": [asdict(use) for use in trace.swarms.values()],
        "agents": [asdict(use) for use in trace.agents.values()],
    }


def _swarms(traces: Sequence[Trace]) -> list[dict[str, Any]]:
    """Return what each swarm consumed in all sessions: the most it had at any time, added up over them."""
    rows: dict[str, dict[str, Any]] = {}
    for trace in traces:
        for use in trace.swarms.values():
            empty = {"name": use.name, "isolated": use.isolated, "tokens": 0, "sessions": 0, "highest": 0}
            row = rows.setdefault(use.name, {**empty, "measured": True})
            if use.highest:
                row["measured"] = row["measured"] and use.measured
                row["tokens"] += use.highest
                row["sessions"] += 1
                row["highest"] = max(row["highest"], use.highest)
    return sorted(rows.values(), key=lambda row: (-row["tokens"], row["name"]))
