"""What could be done about it: recommendations, each with the figures it rests on. Pure.

A recommendation is only made where it would matter: the bounds below are in tokens and in percent of the budget.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moai_flow.analysis.trace import figure
from moai_flow.replay.recorded import is_helper

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moai_flow.analysis.trace import Result, SwarmUse, Trace

WORTH_TOKENS = 2_000
"""Tokens below which a repetition is not worth a word."""

LARGE_TOKENS = 10_000
"""Tokens from which a single result is large, if it is also a twentieth of the budget."""

LARGE_PERCENT = 5
LOW_USE_PERCENT = 25
ENOUGH_SESSIONS = 5
"""Sessions from which habits can be read."""

MANY_STEPS = 10
"""Steps above the critical threshold from which a window was full for long."""

REPEATABLE = frozenset({"Read", "Bash"})
"""Tools whose result is nearly the same when they are asked the same again."""

_SMALLER = {
    "Read": "read a part of it (offset and limit), or search it first",
    "Bash": "let the command write into a file, and look at a part of that",
    "Grep": "narrow the pattern or the folder, or limit the lines",
    "Glob": "narrow the pattern",
    "WebFetch": "ask a narrower question of the page",
    "Agent": "ask the agent for a shorter report",
    "Task": "ask the agent for a shorter report",
}
_SMALLER_ELSE = "ask it for less"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One thing that could be done.

    Attributes:
        kind: which rule speaks: repeated_read, repeated_command, large_result, unused_limit, passed_limit,
            unreached_threshold, automatic_compaction, full_window.
        text: one or two sentences for the person.
        tokens: what it is about, in tokens: the larger, the more it matters.
        evidence: the figures it rests on.
    """

    kind: str
    text: str
    tokens: int
    evidence: dict[str, Any] = field(default_factory=dict)


def recommend(traces: Sequence[Trace]) -> list[Recommendation]:
    """Return what could be done about these sessions, what matters most first."""
    found = [
        *_repeated(traces),
        *_large(traces),
        *_limits(traces),
        *_compactions(traces),
        *_full_windows(traces),
        *_thresholds(traces),
    ]
    return sorted(found, key=lambda one: (-one.tokens, one.text))


def _own(trace: Trace) -> list[Result]:
    """Return the results that somebody can do something about: not those of the client's own helpers."""
    if not trace.agents and not any(result.agent for result in trace.results):
        return trace.results
    return [
        result
        for result in trace.results
        if not result.agent
        or not (is_helper(result.agent) or (result.agent in trace.agents and not trace.agents[result.agent].agent_type))
    ]


def _repeated(traces: Sequence[Trace]) -> Iterator[Recommendation]:
    """Yield what was brought into one window several times: the same file, the same command."""
    groups: dict[tuple[str, str, str, str], list[Result]] = {}
    for trace in traces:
        for result in _own(trace):
            if result.target and not result.is_part and result.tool in REPEATABLE:
                key = (trace.session_id, result.agent, result.tool, result.asked or result.target)
                groups.setdefault(key, []).append(result)
    for (session, agent, tool, _), results in groups.items():
        target, tokens = results[0].target, [result.tokens for result in results]
        again = sum(tokens) - max(tokens)
        if again < WORTH_TOKENS:
            continue
        evidence = {"session_id": session, "agent": agent, "tool": tool, "target": target, "tokens": tokens}
        is_measured = all(result.measured for result in results)
        if len(set(tokens)) == 1:
            cost = f"cost {figure(tokens[0], measured=is_measured)} tokens {_times(len(tokens))}"
        else:
            total = figure(sum(tokens), measured=is_measured)
            cost = f"cost {total} tokens over {len(tokens)} times ({max(tokens):,} at most)"
        if tool == "Read":
            yield Recommendation("repeated_read", f"Read of {target} {cost}: read a part.", again, evidence)
        else:
            text = f'The command "{target}" {cost}: let it write into a file, and look at a part of that.'
            yield Recommendation("repeated_command", text, again, evidence)


def _times(count: int) -> str:
    return {2: "twice", 3: "three times", 4: "four times"}.get(count, f"{count} times")


def _large(traces: Sequence[Trace]) -> Iterator[Recommendation]:
    """Yield single results that took a large part of the budget; one that was repeated is spoken of elsewhere."""
    for trace in traces:
        least = max(LARGE_TOKENS, trace.total_budget * LARGE_PERCENT // 100)
        if all(result.tokens < least for result in trace.results):
            continue
        groups: dict[tuple[str, str, str], list[Result]] = {}
        for result in _own(trace):
            groups.setdefault((result.agent, result.tool, result.asked or result.target), []).append(result)
        for (agent, tool, _), results in groups.items():
            largest = max(results, key=lambda result: result.tokens)
            target = largest.target
            if largest.tokens < least or (target and len(results) > 1 and tool in REPEATABLE):
                continue
            about = f" of {target}" if target else ""
            percent, shown = (
                largest.tokens * 100 / trace.total_budget,
                figure(largest.tokens, measured=largest.measured),
            )
            yield Recommendation(
                "large_result",
                f"{tool}{about} brought {shown} tokens at once ({percent:.0f}% of the budget): "
                f"{_SMALLER.get(tool, _SMALLER_ELSE)}.",
                largest.tokens,
                {
                    "session_id": trace.session_id,
                    "agent": agent,
                    "tool": tool,
                    "target": target,
                    "tokens": largest.tokens,
                    "measured": largest.measured,
                },
            )


def _limits(traces: Sequence[Trace]) -> Iterator[Recommendation]:
    """Yield swarms whose limit is never nearly used, or passed; only a limit that somebody set is one."""
    uses: dict[str, list[SwarmUse]] = {}
    for trace in traces:
        for use in trace.swarms.values():
            if use.guaranteed and not use.open_ended and use.highest:
                uses.setdefault(use.name, []).append(use)
    for name, rows in uses.items():
        most = max(rows, key=lambda use: use.highest)
        highest, allocated = most.highest, most.allocated
        evidence = {"swarm": name, "highest": highest, "allocated": allocated, "sessions": len(rows)}
        passed = [use for use in rows if use.highest > use.allocated]
        if passed:
            text = (
                f"Swarm {name} went past its limit of {allocated:,} tokens in {_sessions(len(passed))} "
                f"(highest {figure(highest, measured=most.measured)}): give it more, or give its agents smaller tasks."
            )
            yield Recommendation("passed_limit", text, highest - allocated, evidence)
        elif len(rows) > 1 and highest * 100 < allocated * LOW_USE_PERCENT:
            text = (
                f"Swarm {name} never used more than {highest * 100 / allocated:.0f}% of its {allocated:,} tokens in "
                f"{_sessions(len(rows))}: a limit of {_round_up(highest * 2):,} would do."
            )
            yield Recommendation("unused_limit", text, allocated - highest, evidence)


def _sessions(count: int) -> str:
    return "one session" if count == 1 else f"{count} sessions"


def _round_up(tokens: int) -> int:
    return -(-tokens // 1_000) * 1_000


def _compactions(traces: Sequence[Trace]) -> Iterator[Recommendation]:
    marks = [mark for trace in traces for mark in trace.marks if mark.automatic]
    if marks:
        lost = sum(max(0, mark.before - mark.after) for mark in marks)
        shown = figure(lost, measured=all(mark.measured for mark in marks))
        times = "once" if len(marks) == 1 else _times(len(marks))
        yield Recommendation(
            "automatic_compaction",
            f"The client compacted the main window by itself {times}, {shown} tokens in all: /clear between tasks, or "
            "/compact at a moment of your own, chooses what is kept.",
            lost,
            {"count": len(marks), "before": [mark.before for mark in marks], "after": [mark.after for mark in marks]},
        )


def _full_windows(traces: Sequence[Trace]) -> Iterator[Recommendation]:
    """Yield sessions that went on for long after /clear was recommended."""
    for trace in traces:
        if trace.full_steps > MANY_STEPS:
            yield Recommendation(
                "full_window",
                f"{trace.full_steps} steps ran with more than {trace.critical:,} tokens in the main window: each "
                "request reads all of them again. /clear when a task is done.",
                trace.full_last - trace.critical,
                {"session_id": trace.session_id, "steps": trace.full_steps, "highest": trace.highest},
            )


def _thresholds(traces: Sequence[Trace]) -> Iterator[Recommendation]:
    used = [trace for trace in traces if trace.highest]
    if len(used) < ENOUGH_SESSIONS:
        return
    lowest = min(trace.warning for trace in used)
    highest = max(trace.highest for trace in used)
    if highest * 2 < lowest:
        yield Recommendation(
            "unreached_threshold",
            f"In {len(used)} sessions the main window never held more than {highest:,} tokens; the first threshold is "
            f"{lowest:,}. A lower warning_threshold_1 would speak before the unusual.",
            0,
            {"sessions": len(used), "highest": highest, "warning_threshold_1": lowest},
        )
