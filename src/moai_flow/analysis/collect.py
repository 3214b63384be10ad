"""From the steps of a session that is played again to its trace. Pure.

The tokens of a result are the hooks' own: estimated when the tool ran, and when a measurement settles the estimates,
each gets its part of what was measured, as the swarms do.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from moai_flow.analysis.targets import is_part, printable, target_of
from moai_flow.analysis.trace import AgentUse, Mark, Point, Result, SwarmUse, Trace
from moai_flow.core.apportion import apportion
from moai_flow.core.settlement import MAX_OFF
from moai_flow.core.swarm import MAIN
from moai_flow.core.window import PROMPT, RESULT
from moai_flow.hook.payload import POST_TOOL_USE, POST_TOOL_USE_FAILURE, SESSION_START

if TYPE_CHECKING:
    from collections.abc import Iterable

    from moai_flow.core.ledger import SessionLedger
    from moai_flow.core.window import Window
    from moai_flow.replay.play import Step

Settled = tuple[str, int, int]


class _Follower:
    """What is known of one window between two steps."""

    __slots__ = ("occupancy", "open", "pending")

    def __init__(self) -> None:
        self.occupancy = 0
        self.pending: dict[str, tuple[str, int]] = {}
        self.open: dict[str, Result] = {}


class _Collector:
    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.followers: dict[str, _Follower] = {}
        self.settlements: list[Settled] = []
        self.added = 0

    def take(self, step: Step) -> None:
        ledger = step.ledger
        at = _seconds(step.written)
        new = self._new_settlements(ledger)
        for key, window in ledger.windows.items():
            self._follow(key, window, new)
        given = step.payload
        if given["hook_event_name"] in (POST_TOOL_USE, POST_TOOL_USE_FAILURE):
            self._result(ledger, given, at)
        if not self.trace.project and isinstance(given.get("cwd"), str):
            self.trace.project = printable(given["cwd"])
        self._swarms(ledger)
        self._agents(ledger, given)
        self._point(ledger, given, at)

    def _new_settlements(self, ledger: SessionLedger) -> list[Settled]:
        """Return the settlements since the last step; the ledger keeps the last fifty."""
        session = ledger.session
        now = [(kind, claimed, measured) for kind, claimed, measured in session.settlements]
        before, self.settlements = self.settlements, now
        for kept in range(min(len(before), len(now)), -1, -1):
            if before[len(before) - kept :] == now[:kept]:
                return now[kept:]
        return now

    def _follow(self, key: str, window: Window, new: list[Settled]) -> None:
        follower = self.followers.setdefault(key, _Follower())
        pending = {name: (estimate.role, estimate.tokens) for name, estimate in window.pending.items()}
        covered = {name: claim for name, claim in follower.pending.items() if name not in pending}
        growth = window.occupancy - follower.occupancy
        if key == MAIN and growth > 0:
            self.added += growth
        follower.pending, follower.occupancy = pending, window.occupancy
        if not covered:
            return
        parts, is_measured = _parts(covered, new)
        for name, tokens in parts.items():
            result = follower.open.pop(name, None)
            if result is not None:
                result.tokens, result.measured = tokens, is_measured
            elif key == MAIN and covered[name][0] == PROMPT:
                self.trace.prompts += tokens

    def _result(self, ledger: SessionLedger, given: dict[str, Any], at: float) -> None:
        agent = str(given.get("agent_id") or "")
        key = agent or MAIN
        window = ledger.windows.get(key)
        for name, estimate in window.pending.items() if window is not None else ():
            if estimate.role == RESULT and name not in self.followers[key].open and _is_of(given, estimate.key):
                tool, asked = printable(str(given.get("tool_name") or "?")), given.get("tool_input")
                cwd = str(given.get("cwd") or "")
                result = Result(at, tool, target_of(asked, cwd), is_part(asked), estimate.swarm, agent, estimate.tokens)
                self.followers[key].open[name] = result
                self.trace.results.append(result)

    def _swarms(self, ledger: SessionLedger) -> None:
        for swarm in ledger.swarms.values():
            use = self.trace.swarms.get(swarm.swarm_id)
            if use is None:
                use = SwarmUse(swarm.swarm_id, swarm.isolated, swarm.open_ended, swarm.allocated, swarm.guaranteed)
                self.trace.swarms[swarm.swarm_id] = use
            use.allocated, use.consumed = swarm.allocated, swarm.consumed
            use.highest = max(use.highest, swarm.consumed)

    def _agents(self, ledger: SessionLedger, given: dict[str, Any]) -> None:
        for key, window in ledger.windows.items():
            if key != MAIN:
                use = self.trace.agents.setdefault(key, AgentUse(key, window.swarm, window.swarm))
                use.highest = max(use.highest, window.tokens)
        agent = self.trace.agents.get(str(given.get("agent_id") or ""))
        if agent is not None and isinstance(given.get("agent_type"), str):
            agent.agent_type = printable(given["agent_type"])

    def _point(self, ledger: SessionLedger, given: dict[str, Any], at: float) -> None:
        window = ledger.windows.get(MAIN)
        occupancy = window.tokens if window is not None else 0
        points = self.trace.points
        if given["hook_event_name"] == SESSION_START and given.get("source") == "compact" and points:
            automatic = given.get("trigger") == "auto"
            self.trace.marks.append(Mark(len(points), "compaction", points[-1].occupancy, occupancy, automatic))
        shares = {name: swarm.consumed for name, swarm in ledger.swarms.items() if not swarm.isolated}
        if not points or points[-1].occupancy != occupancy or points[-1].shares != shares:
            points.append(Point(at, occupancy, shares))

    def finish(self, ledger: SessionLedger) -> None:
        session, config, trace = ledger.session, ledger.config, self.trace
        trace.total_budget = config.total_budget
        trace.warning, trace.critical = config.warning_threshold_1, config.warning_threshold_2
        trace.model, trace.window_size = printable(session.model), session.window_size
        in_main = sum(result.tokens for result in trace.results if not result.agent and result.measured)
        trace.other = max(0, self.added - in_main - trace.prompts)


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


def _is_of(given: dict[str, Any], key: str) -> bool:
    call = given.get("tool_use_id")
    return key == call or not call


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


def _seconds(written: str) -> float:
    try:
        return datetime.fromisoformat(written.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0
