"""From the steps of a session that is played again to its trace. Pure.

The tokens of a result are the hooks' own: estimated when the tool ran, and when a measurement settles the estimates,
each gets its part of what was measured, as the swarms do. A highest figure is the highest measured one: an estimate
that turned out too high was never in the window.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from moai_flow.analysis.settled import SettlementReader
from moai_flow.analysis.targets import asked_of, is_part, printable, target_of
from moai_flow.analysis.trace import AgentUse, Mark, Point, Result, SwarmUse, Trace
from moai_flow.core.apportion import apportion
from moai_flow.core.settlement import MAX_OFF
from moai_flow.core.swarm import MAIN
from moai_flow.core.window import COMPACTION, PROMPT, RESULT
from moai_flow.hook.payload import POST_TOOL_USE, POST_TOOL_USE_FAILURE, SESSION_START
from moai_flow.replay.player import seconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from moai_flow.analysis.settled import Settled
    from moai_flow.core.ledger import SessionLedger
    from moai_flow.core.window import Window
    from moai_flow.replay.play import Step


SHOWING = 1_000
"""The part of a figure (one in so many) from which an estimate in it shows; a prompt of a word does not."""

MAX_POINTS = 400
"""Points that are kept of a session, about: a chart draws no more."""


class _Follower:
    """What was known of one window at the step before."""

    __slots__ = ("message", "occupancy", "open", "pending")

    def __init__(self) -> None:
        self.occupancy = 0
        self.message = ""
        self.pending: dict[str, tuple[str, int]] = {}
        self.open: dict[str, Result] = {}


class _Collector:
    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.followers: dict[str, _Follower] = {}
        self.settlements = SettlementReader()
        self.calls: set[str] = set()
        self.added = 0
        self.unsettled = 0
        self.open_mark: Mark | None = None

    def take(self, step: Step) -> None:
        ledger, given = step.ledger, step.payload
        at = seconds(step.written)
        self._mark(ledger, given)
        new = self.settlements.take(ledger)
        for key, window in ledger.windows.items():
            self._follow(key, window, new)
        if given["hook_event_name"] in (POST_TOOL_USE, POST_TOOL_USE_FAILURE):
            self._result(ledger, given, at)
        if not self.trace.project and isinstance(given.get("cwd"), str):
            self.trace.project = printable(given["cwd"])
        self._swarms(ledger)
        self._agents(ledger, given)
        self._point(ledger, at)

    def _follow(self, key: str, window: Window, new: list[Settled]) -> None:
        follower = self.followers.setdefault(key, _Follower())
        is_new = window.message != follower.message
        if not is_new and window.occupancy == follower.occupancy and window.pending.keys() == follower.pending.keys():
            return
        pending = {name: (estimate.role, estimate.tokens) for name, estimate in window.pending.items()}
        covered = {name: claim for name, claim in follower.pending.items() if name not in pending}
        if key == MAIN:
            self.added += max(0, window.occupancy - follower.occupancy)
            if is_new and not window.message.startswith(COMPACTION):
                self._settle_points(follower.occupancy, window.occupancy)
        follower.pending, follower.occupancy, follower.message = pending, window.occupancy, window.message
        if not covered:
            return
        parts, is_measured = _parts(covered, new)
        for name, tokens in parts.items():
            result = follower.open.pop(name, None)
            if result is not None:
                result.tokens, result.measured = tokens, is_measured
            elif key == MAIN and covered[name][0] == PROMPT:
                self.trace.prompts += tokens

    def _settle_points(self, before: int, measured: int) -> None:
        """Take what the points since the last measurement had too much, and close a compaction that was open."""
        points, mark = self.trace.points, self.open_mark
        if mark is not None:
            mark.after, self.open_mark = measured, None
        else:
            most = max(before, measured)
            for point in points[self.unsettled :]:
                if point.occupancy > most:
                    point.occupancy = most
                    point.shares = apportion(most, point.shares)
        self.unsettled = len(points)

    def _mark(self, ledger: SessionLedger, given: dict[str, Any]) -> None:
        """Note a compaction of the main window: what it held is what was known before, and what was pending."""
        is_compaction = given["hook_event_name"] == SESSION_START and given.get("source") == "compact"
        if not is_compaction or given.get("agent_id") or not self.trace.points:
            return
        follower, window = self.followers.get(MAIN), ledger.windows.get(MAIN)
        if follower is None or window is None:
            return
        pending = sum(tokens for _, tokens in follower.pending.values())
        mark = Mark(
            len(self.trace.points),
            follower.occupancy + pending,
            window.tokens,
            automatic=given.get("trigger") == "auto",
            measured=bool(follower.message) and pending * SHOWING <= follower.occupancy,
        )
        self.trace.marks.append(mark)
        self.open_mark = mark

    def _result(self, ledger: SessionLedger, given: dict[str, Any], at: float) -> None:
        agent = str(given.get("agent_id") or "")
        key, call = agent or MAIN, str(given.get("tool_use_id") or "")
        window = ledger.windows.get(key)
        if window is None or (call and call in self.calls):
            return
        for name, estimate in window.pending.items():
            if estimate.role == RESULT and name not in self.followers[key].open and call in ("", estimate.key):
                tool, asked = printable(str(given.get("tool_name") or "?")), given.get("tool_input")
                result = Result(
                    at,
                    tool,
                    target_of(asked, str(given.get("cwd") or "")),
                    is_part(asked),
                    estimate.swarm,
                    agent,
                    estimate.tokens,
                    call=call,
                    asked=asked_of(asked),
                )
                self.followers[key].open[name] = result
                self.trace.results.append(result)
                self.calls.add(call)

    def _swarms(self, ledger: SessionLedger) -> None:
        pending: dict[str, int] = {}
        for window in ledger.windows.values():
            for estimate in window.pending.values():
                pending[estimate.swarm] = pending.get(estimate.swarm, 0) + estimate.tokens
        for swarm in ledger.swarms.values():
            use = self.trace.swarms.get(swarm.swarm_id)
            if use is None:
                use = SwarmUse(swarm.swarm_id, swarm.isolated, swarm.open_ended, swarm.allocated, swarm.guaranteed)
                self.trace.swarms[swarm.swarm_id] = use
            use.allocated, use.guaranteed, use.consumed = swarm.allocated, swarm.guaranteed, swarm.consumed
            _raise(use, swarm.consumed - pending.get(swarm.swarm_id, 0), swarm.consumed)

    def _agents(self, ledger: SessionLedger, given: dict[str, Any]) -> None:
        for key, window in ledger.windows.items():
            if key != MAIN:
                use = self.trace.agents.get(key)
                if use is None:
                    use = self.trace.agents[key] = AgentUse(key, window.swarm, window.swarm)
                _raise(use, window.occupancy, window.tokens)
        agent = self.trace.agents.get(str(given.get("agent_id") or ""))
        if agent is not None and isinstance(given.get("agent_type"), str):
            agent.agent_type = printable(given["agent_type"])

    def _point(self, ledger: SessionLedger, at: float) -> None:
        window = ledger.windows.get(MAIN)
        occupancy = window.tokens if window is not None else 0
        _raise(self.trace, window.occupancy if window is not None else 0, occupancy)
        points = self.trace.points
        shares = {name: swarm.consumed for name, swarm in ledger.swarms.items() if not swarm.isolated}
        if not points or points[-1].occupancy != occupancy or points[-1].shares != shares:
            points.append(Point(at, occupancy, shares))

    def finish(self, ledger: SessionLedger) -> None:
        session, config, trace = ledger.session, ledger.config, self.trace
        trace.total_budget = config.total_budget
        trace.warning, trace.critical = config.warning_threshold_1, config.warning_threshold_2
        trace.model, trace.window_size = printable(session.model), session.window_size
        if self.open_mark is not None:
            self.open_mark.measured = False
        in_main = sum(result.tokens for result in trace.results if not result.agent and result.measured)
        trace.other = max(0, self.added - in_main - trace.prompts)
        full = [point.occupancy for point in trace.points if trace.critical and point.occupancy >= trace.critical]
        trace.full_steps, trace.full_last = len(full), full[-1] if full else 0
        _thin(trace)


def collect(steps: Iterable[Step], session_id: str) -> Trace:
    """Return the trace of one session.

    Args:
        steps: its hooks, as `moai_flow.replay.play.play` yields them.
        session_id: its id.
    """
    collector = _Collector(Trace(session_id))
    ledger = None
    for step in steps:
        collector.take(step)
        ledger = step.ledger
    if ledger is not None:
        collector.finish(ledger)
    return collector.trace


def _thin(trace: Trace) -> None:
    """Keep as many points as a chart can show: the ends of each stretch between two marks, and the highest between."""
    points = trace.points
    if len(points) <= MAX_POINTS:
        return
    size = -(-len(points) // MAX_POINTS)
    edges = [0, *[mark.index for mark in trace.marks], len(points)]
    kept: list[int] = []
    for begin, end in pairwise(edges):
        if begin < end:
            groups = [range(first, min(first + size, end)) for first in range(begin, end, size)]
            highest = [max(group, key=lambda index: points[index].occupancy) for group in groups]
            kept += sorted({begin, *highest, end - 1})
    for mark in trace.marks:
        mark.index = bisect_left(kept, mark.index)
    trace.points = [points[index] for index in kept]


def _raise(figure: Trace | SwarmUse | AgentUse, measured: int, with_estimates: int) -> None:
    """Bring a highest figure up to date: measured ones count alone once there is one."""
    if measured > 0 and (not figure.measured or measured > figure.highest):
        figure.highest, figure.measured = measured, True
    elif not figure.measured:
        figure.highest = max(figure.highest, with_estimates)


def _parts(covered: dict[str, tuple[str, int]], new: list[Settled]) -> tuple[dict[str, int], bool]:
    """Divide what was measured over the estimates it covered; the estimates themselves where nothing compares.

    A call that the transcript did not show yet is claimed along with its result: one of two sums is the settled one.
    """
    everything = {name: tokens for name, (_, tokens) in covered.items()}
    claims = {name: tokens for name, (role, tokens) in covered.items() if role in (PROMPT, RESULT)}
    for candidate in (claims, everything):
        total = sum(candidate.values())
        for _, claimed, measured in new:
            if total and claimed == total:
                return apportion(min(measured, MAX_OFF * claimed), candidate), True
    return claims, False
