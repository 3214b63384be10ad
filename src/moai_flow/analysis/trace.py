"""One session as the analysis sees it: results, occupancy over time, marks, swarms and agents. Plain data.

A figure and whether it was measured stand side by side: what was never measured is shown with `~`.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Result:
    """What one tool call brought into a window.

    Attributes:
        at: seconds since the epoch.
        tool: the tool's name.
        target: the file, command or address it was about, shortened and masked, "" if unknown.
        asked: a fingerprint of what was asked: the same for the same call only, however the target is shortened.
        is_part: whether only a part of the target was asked for.
        swarm: whose tokens they are.
        agent: the subagent's id, "" in the main window.
        tokens: how many.
        measured: whether a measurement stands behind them; else they are an estimate.
        call: the call's id; copies of a result in other files carry the same.
    """

    at: float
    tool: str
    target: str
    is_part: bool
    swarm: str
    agent: str
    tokens: int
    measured: bool = False
    call: str = ""
    asked: str = ""


@dataclass(slots=True)
class Point:
    """The main window after one event: its occupancy, and how the shared swarms divide it, in tokens."""

    at: float
    occupancy: int
    shares: dict[str, int]


@dataclass(slots=True)
class Mark:
    """A compaction of the main window.

    Attributes:
        index: the point it comes before.
        before: tokens the window held before it.
        after: tokens it held after it, without what came in since.
        automatic: whether the client did it by itself.
        measured: whether both figures are measured.
    """

    index: int
    before: int
    after: int
    automatic: bool = False
    measured: bool = True


@dataclass(slots=True)
class SwarmUse:
    """What a swarm was allocated and has consumed, in tokens.

    Attributes:
        name: the swarm.
        isolated: whether its agents have windows of their own.
        open_ended: whether it has no limit of its own, as `main`.
        allocated: its limit.
        guaranteed: a limit that somebody asked for, else 0.
        consumed: what it has consumed at the end.
        highest: the most it had consumed at any time, from measurements alone where there are any.
        measured: whether `highest` is measured.
    """

    name: str
    isolated: bool
    open_ended: bool
    allocated: int
    guaranteed: int
    consumed: int = 0
    highest: int = 0
    measured: bool = False


@dataclass(slots=True)
class AgentUse:
    """One subagent: its swarm, and the highest occupancy (tokens) of its window; measured where anything was."""

    agent: str
    agent_type: str
    swarm: str
    highest: int = 0
    measured: bool = False


@dataclass(slots=True)
class Trace:
    """One session.

    Attributes:
        session_id: its id.
        project: the folder it ran in, "" if unknown.
        model: the model's name, "" if unknown.
        total_budget: tokens of the whole budget.
        warning: tokens from which a warning is given.
        critical: tokens from which /clear is recommended.
        window_size: tokens of the main window, 0 if unknown.
        after_clear: whether it began with /clear.
        prompts: tokens that prompts brought into the main window.
        other: tokens of the main window that neither prompts nor results brought: replies, the system's prompt.
        highest: the highest occupancy of the main window, from measurements alone where there are any.
        measured: whether `highest` is measured.
        full_steps: how many steps ran with the critical threshold passed; `full_last` is what the last of them held.
    """

    session_id: str
    project: str = ""
    model: str = ""
    total_budget: int = 0
    warning: int = 0
    critical: int = 0
    window_size: int = 0
    after_clear: bool = False
    prompts: int = 0
    other: int = 0
    highest: int = 0
    measured: bool = False
    full_steps: int = 0
    full_last: int = 0
    results: list[Result] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    swarms: dict[str, SwarmUse] = field(default_factory=dict)
    agents: dict[str, AgentUse] = field(default_factory=dict)

    @property
    def began(self) -> float:
        """When it began, in seconds since the epoch; 0 if nothing happened."""
        return self.points[0].at if self.points else 0.0

    @property
    def ended(self) -> float:
        """When its last event was, in seconds since the epoch; 0 if nothing happened."""
        return self.points[-1].at if self.points else 0.0


def figure(tokens: int, *, measured: bool) -> str:
    """Return tokens as the report shows them: `~` stands before a figure that was never measured."""
    return f"{'' if measured else '~'}{tokens:,}"
