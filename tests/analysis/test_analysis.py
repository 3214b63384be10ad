"""The analysis: what each result brought, from sessions that are played again, and what could be done about it."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from support.recordings import FOLDER, Recording, recordings
from support.workday import workday

from moai_flow.analysis import totals
from moai_flow.analysis.collect import collect
from moai_flow.analysis.recommend import recommend
from moai_flow.analysis.targets import is_part, target_of
from moai_flow.analysis.trace import Mark, Point, Result, SwarmUse, Trace
from moai_flow.replay.play import play

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from moai_flow.replay.play import Step

NATURAL = [pytest.param(one, id=str(one)) for one in recordings("*/natural-*")]


class Played:
    """A recorded session, played once for several tests: its trace, and what can be seen of the ledger on the way."""

    def __init__(self, path: Path) -> None:
        self.grown = self.highest = 0
        self.trace = collect(self._watched(play(path)), path.stem)

    def _watched(self, steps: Iterator[Step]) -> Iterator[Step]:
        before = 0
        for step in steps:
            window = step.ledger.windows.get("main")
            occupancy = window.occupancy if window is not None else 0
            self.grown, before = self.grown + max(0, occupancy - before), occupancy
            self.highest = max(self.highest, occupancy)
            yield step


played = cache(Played)


def transcripts(recording: Recording) -> list[Path]:
    """Return the main transcripts of a recording."""
    folder = FOLDER / str(recording) / "files"
    return sorted(folder.glob("*.jsonl"))


@pytest.mark.parametrize("recording", NATURAL)
def test_what_came_into_the_main_window_adds_up(recording: Recording) -> None:
    """Prompts, results and the rest are all that it grew by; nothing is counted twice."""
    for path in transcripts(recording):
        session = played(path)
        trace = session.trace
        in_main = sum(result.tokens for result in trace.results if not result.agent and result.measured)
        assert trace.prompts + in_main + trace.other == session.grown
        assert trace.other > 0
        assert (trace.highest, trace.measured) == (session.highest, True)


@pytest.mark.parametrize("recording", NATURAL)
def test_every_result_of_a_session_is_there_once(recording: Recording) -> None:
    """As many as the transcripts have, those of subagents too, and most of them measured in the end."""
    written = set()
    for path in sorted((FOLDER / str(recording) / "files").rglob("*.jsonl")):
        written |= set(re.findall(r'"tool_use_id": ?"(\w+)", ?"type": ?"tool_result"', path.read_text()))
        written |= set(re.findall(r'"tool_result"[^{}]*"tool_use_id": ?"(\w+)"', path.read_text()))
    found = [result for path in transcripts(recording) for result in played(path).trace.results]
    assert len(found) == len(written)
    assert sum(result.measured for result in found) >= len(found) * 0.6


@pytest.fixture
def day(tmp_path: Path) -> list[Trace]:
    """Two sessions whose every result is known."""
    return [collect(play(path), path.stem) for path in workday(tmp_path, "/home/me/app")]


def test_a_result_costs_what_was_measured(day: list[Trace]) -> None:
    """The reads of 24,000 tokens, each with the 10 tokens of the reply's own input."""
    reads = [result for result in day[0].results if result.target == "data.json"]
    assert [(result.tokens, result.measured, result.swarm) for result in reads] == [(24_010, True, "main")] * 3


def test_a_compaction_is_a_mark(day: list[Trace]) -> None:
    """With what the window held before and after, the first read on top of what is left, and who asked for it."""
    (mark,) = day[0].marks
    assert mark.automatic
    assert mark.before == max(point.occupancy for point in day[0].points[: mark.index])
    assert 9_000 < mark.after <= min(point.occupancy for point in day[0].points[mark.index + 2 :])


def test_agents_are_told_apart(day: list[Trace]) -> None:
    """Each with its type, its swarm and the highest occupancy of its own window."""
    agents = [(agent.agent_type, agent.swarm, agent.highest) for agent in day[0].agents.values()]
    assert sorted(agents) == [
        ("backend", "backend", 21_320),
        ("backend", "backend", 24_820),
        ("research", "research", 38_320),
    ]


def test_sums_by_tool_and_by_file(day: list[Trace]) -> None:
    """Over all sessions and agents; a file's sum is that of every tool that touched it."""
    tools = {total.name: total for total in totals.by_tool(day)}
    assert tools["Read"].count == 22
    assert tools["Read"].largest == 24_010
    files = totals.by_file(day)
    assert (files[0].name, files[0].tokens, files[0].count) == ("data.json", 72_030, 3)
    assert {total.name for total in files}.isdisjoint({"pytest -q", "services"})


@pytest.mark.parametrize(
    ("tool_input", "expected"),
    [
        pytest.param({"file_path": "/p/a/b.py"}, "a/b.py", id="relative to the project"),
        pytest.param({"file_path": "/elsewhere/b.py"}, "/elsewhere/b.py", id="outside"),
        pytest.param({"command": "ls\n  -l"}, "ls -l", id="a command in one line"),
        pytest.param({"command": "x" * 200}, "x" * 77 + "...", id="cut"),
        pytest.param({"url": 5, "pattern": "a.*b"}, "a.*b", id="wrong type"),
        pytest.param([], "", id="no object"),
        pytest.param({}, "", id="nothing"),
    ],
)
def test_what_a_call_was_about(tool_input: Any, expected: str) -> None:
    """In a few words, in one line."""
    assert target_of(tool_input, "/p") == expected


def test_a_part_of_a_file_is_no_whole_read() -> None:
    """So nobody is told to do what was done."""
    assert is_part({"file_path": "x", "offset": 1})
    assert not is_part({"file_path": "x"})


def reads(*tokens: int, target: str = "data.json", tool: str = "Read", part: bool = False) -> list[Result]:
    return [Result(0.0, tool, target, part, "main", "", count, measured=True) for count in tokens]


def trace(results: list[Result] | None = None, highest: int = 20_000, **fields: Any) -> Trace:
    known = {"session_id": "s", "total_budget": 200_000, "warning": 150_000, "critical": 180_000, "highest": highest}
    made = Trace(**{**known, "results": results or [], **fields})
    made.points = made.points or [Point(0.0, highest, {"main": highest})]
    return made


def swarm(highest: int, allocated: int, guaranteed: int = 0, *, measured: bool = True) -> dict[str, SwarmUse]:
    use = SwarmUse("docs", isolated=True, open_ended=False, allocated=allocated, guaranteed=guaranteed)
    use.highest, use.measured = highest, measured
    return {"docs": use}


@pytest.mark.parametrize(
    ("traces", "expected"),
    [
        pytest.param(
            [trace(reads(8_000, 8_000, 8_000))],
            ["Read of data.json cost 8,000 tokens three times: read a part."],
            id="the same file again and again",
        ),
        pytest.param(
            [trace(reads(8_000, 6_000))],
            ["Read of data.json cost 14,000 tokens over 2 times (8,000 at most): read a part."],
            id="not always as much",
        ),
        pytest.param([trace(reads(8_000)), trace(reads(8_000), session_id="t")], [], id="once in each of two sessions"),
        pytest.param([trace(reads(900, 900, 900))], [], id="too small to matter"),
        pytest.param([trace(reads(8_000, 8_000, part=True))], [], id="parts"),
        pytest.param(
            [trace(reads(3_000, 3_000, target="pytest", tool="Bash"))],
            ['The command "pytest" cost 3,000 tokens twice: let it write into a file, and look at a part of that.'],
            id="the same command",
        ),
        pytest.param(
            [trace(reads(24_000))],
            [
                (
                    "Read of data.json brought 24,000 tokens at once (12% of the budget): "
                    "read a part of it (offset and limit), or search it first."
                )
            ],
            id="a large result",
        ),
        pytest.param(
            [trace(reads(24_000, tool="mcp__db__query", target=""))],
            ["mcp__db__query brought 24,000 tokens at once (12% of the budget): ask it for less."],
            id="a large result of a tool that nobody knows",
        ),
        pytest.param([trace(reads(9_999))], [], id="nearly large"),
        pytest.param(
            [trace(swarms=swarm(52_000, 50_000, 50_000))],
            [
                (
                    "Swarm docs went past its limit of 50,000 tokens in one session (highest 52,000): "
                    "give it more, or give its agents smaller tasks."
                )
            ],
            id="a limit that was passed",
        ),
        pytest.param([trace(swarms=swarm(52_000, 50_000))], [], id="past a limit that nobody set"),
        pytest.param(
            [trace(swarms=swarm(4_000, 60_000, 60_000)), trace(swarms=swarm(6_100, 60_000, 60_000))],
            ["Swarm docs never used more than 10% of its 60,000 tokens in 2 sessions: a limit of 13,000 would do."],
            id="a promise that nobody needs",
        ),
        pytest.param([trace(swarms=swarm(4_000, 60_000)), trace(swarms=swarm(6_000, 60_000))], [], id="no promise"),
        pytest.param([trace(swarms=swarm(4_000, 60_000, 60_000))], [], id="one session tells no habit"),
        pytest.param(
            [trace(highest=41_000)] * 5,
            [
                (
                    "In 5 sessions the main window never held more than 41,000 tokens; the first threshold is 150,000. "
                    "A lower warning_threshold_1 would speak before the unusual."
                )
            ],
            id="thresholds that are never reached",
        ),
        pytest.param([trace(highest=41_000)] * 4, [], id="too few sessions"),
        pytest.param(
            [trace(marks=[Mark(1, 160_000, 10_000, automatic=True)])],
            [
                (
                    "The client compacted the main window by itself once, 150,000 tokens in all: /clear between "
                    "tasks, or /compact at a moment of your own, chooses what is kept."
                )
            ],
            id="the client compacted",
        ),
        pytest.param([trace(marks=[Mark(1, 160_000, 10_000)])], [], id="the person compacted"),
        pytest.param(
            [trace(full_steps=11, full_last=181_010)],
            [
                (
                    "11 steps ran with more than 180,000 tokens in the main window: each request reads all of "
                    "them again. /clear when a task is done."
                )
            ],
            id="a window that stayed full",
        ),
        pytest.param([trace(full_steps=10, full_last=181_010)], [], id="a window that was full for a moment"),
        pytest.param([trace()], [], id="nothing stands out"),
        pytest.param([], [], id="no session"),
    ],
)
def test_recommendations(traces: list[Trace], expected: list[str]) -> None:
    """Each rule speaks where it matters, in these words, and is silent where it does not."""
    assert [one.text for one in recommend(traces)] == expected


def test_what_matters_most_comes_first_with_its_figures() -> None:
    """In tokens; the evidence lets a program see what the words rest on."""
    found = recommend([trace([*reads(8_000, 8_000), *reads(24_000, target="big.log")])])
    assert [(one.kind, one.tokens) for one in found] == [("large_result", 24_000), ("repeated_read", 8_000)]
    assert found[1].evidence == {
        "session_id": "s",
        "agent": "",
        "tool": "Read",
        "target": "data.json",
        "tokens": [8_000, 8_000],
    }
