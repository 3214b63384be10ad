"""Sums over results: by swarm, agent, tool and file. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from moai_flow.analysis.trace import Result, Trace

FILE_TOOLS = frozenset({"Read", "Edit", "MultiEdit", "Write", "NotebookEdit", "NotebookRead"})
"""Tools whose target is one file."""


@dataclass(frozen=True, slots=True)
class Total:
    """Tokens of all results that have something in common; `largest` is the largest single one."""

    name: str
    tokens: int
    count: int
    largest: int


def by_tool(traces: Iterable[Trace]) -> list[Total]:
    """Return the tokens by tool, the most first."""
    return _totals(traces, lambda result: result.tool)


def by_file(traces: Iterable[Trace]) -> list[Total]:
    """Return the tokens by file, over all tools that touch one, the most first."""
    return _totals(traces, lambda result: result.target if result.tool in FILE_TOOLS else "")


def biggest(traces: Iterable[Trace], most: int = 10) -> list[Result]:
    """Return the largest single results, the largest first."""
    results = [result for trace in traces for result in trace.results]
    return sorted(results, key=lambda result: -result.tokens)[:most]


def _totals(traces: Iterable[Trace], key: Callable[[Result], str]) -> list[Total]:
    groups: dict[str, list[int]] = {}
    for trace in traces:
        for result in trace.results:
            name = key(result)
            if name:
                groups.setdefault(name, []).append(result.tokens)
    totals = [Total(name, sum(tokens), len(tokens), max(tokens)) for name, tokens in groups.items()]
    return sorted(totals, key=lambda total: (-total.tokens, total.name))
