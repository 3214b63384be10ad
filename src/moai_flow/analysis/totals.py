"""Sums over results: by tool and by file. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from moai_flow.analysis.trace import Result, Trace

FILE_TOOLS = frozenset({"Read", "Edit", "MultiEdit", "Write", "NotebookEdit", "NotebookRead"})
"""Tools whose target is one file."""


@dataclass(frozen=True, slots=True)
class Total:
    """Tokens of all results that have something in common; `largest` is the largest single one.

    `measured` says whether every result was measured; else the sum is an estimate in part.
    """

    name: str
    tokens: int
    count: int
    largest: int
    measured: bool = True


def without_copies(traces: Sequence[Trace]) -> list[Trace]:
    """Return the traces with every result once: a forked or resumed session's file repeats those before it.

    The session that began first keeps a result; a copy begins when its original does, and goes on for longer.
    """
    seen: set[str] = set()
    found = []
    for trace in sorted(traces, key=lambda trace: (trace.began, trace.ended)):
        own = [result for result in trace.results if result.call not in seen]
        seen.update([result.call for result in own if result.call])
        found.append(trace if len(own) == len(trace.results) else replace(trace, results=own))
    return found


def by_tool(traces: Iterable[Trace]) -> list[Total]:
    """Return the tokens by tool, the most first."""
    return _totals(traces, lambda _, result: ("", result.tool))


def by_file(traces: Iterable[Trace]) -> list[Total]:
    """Return the tokens by file, over all tools that touch one, the most first; each project's files are its own."""
    return _totals(traces, lambda trace, result: (trace.project, result.target if result.tool in FILE_TOOLS else ""))


def biggest(traces: Iterable[Trace], most: int = 10) -> list[Result]:
    """Return the largest single results, the largest first."""
    results = [result for trace in traces for result in trace.results]
    return sorted(results, key=lambda result: -result.tokens)[:most]


def _totals(traces: Iterable[Trace], key: Callable[[Trace, Result], tuple[str, str]]) -> list[Total]:
    groups: dict[tuple[str, str], list[Result]] = {}
    for trace in traces:
        for result in trace.results:
            place = key(trace, result)
            if place[1]:
                groups.setdefault(place, []).append(result)
    totals = []
    for (_, name), results in groups.items():
        tokens = [result.tokens for result in results]
        totals.append(
            Total(name, sum(tokens), len(tokens), max(tokens), measured=all(result.measured for result in results))
        )
    return sorted(totals, key=lambda total: (-total.tokens, total.name))
