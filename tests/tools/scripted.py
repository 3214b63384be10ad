"""Scenarios in which every request's usage is scripted."""

from __future__ import annotations

import json
from threading import Thread
from typing import TYPE_CHECKING

from calls import Call, Step, agent, bash, calls, edit, put, read, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from record import Recorder


def tools(recorder: Recorder) -> None:
    """A call, three in parallel, a failing one, over both thresholds."""
    put(recorder, "notes.txt", "one\ntwo\n")
    steps = [
        calls(bash("echo a"), ctx=20_000),
        calls(bash("seq 1 40"), read(recorder, "notes.txt"), bash("sleep 0.2; echo late"), ctx=90_000),
        calls(bash("exit 3"), read(recorder, "missing.txt"), ctx=151_000),
        calls(write(recorder, "new.txt", "new\n"), edit(recorder, "notes.txt", "two", "three"), ctx=170_000),
        calls(edit(recorder, "notes.txt", "not there", "x"), ctx=181_000),
        {"text": "all done", "ctx": 185_000},
    ]
    recorder.run(recorder.plan("work", steps))


def subagents(recorder: Recorder) -> None:
    """Two of one type, one of another, in parallel; then a nested one; in the foreground by default."""
    for name in ("backend", "frontend"):
        recorder.client.write_agent(name)

    def job(kind: str, start: int, number: int) -> str:
        steps = [calls(bash(f"echo {kind} {step}"), ctx=start + step * 4_000) for step in range(number)]
        return recorder.plan(f"{kind} work", [*steps, {"text": f"{kind} done", "ctx": start + number * 4_000}])

    nested = [calls(agent("Explore", job("Explore", 9_000, 1), background=None), ctx=18_000)]
    nested.append({"text": "nested done", "ctx": 20_000})
    steps = [
        calls(
            agent("backend", job("backend", 14_000, 3), background=None),
            agent("backend", job("backend", 24_000, 2), background=None),
            agent("frontend", job("frontend", 19_000, 4), background=None),
            ctx=18_000,
        ),
        calls(agent("frontend", recorder.plan("nest", nested), background=None), ctx=24_000),
        {"text": "all back", "ctx": 30_000},
    ]
    recorder.run(recorder.plan("work", steps))


def parallel(recorder: Recorder) -> None:
    """Five agents of one type at once, then three; windows of different sizes, some failing calls."""
    recorder.client.write_agent("backend")

    def job(number: int) -> Call:
        steps: list[Step] = [
            calls(
                bash(f"sleep 0.{number % 4}; seq 1 {20 * step + number}"),
                ctx=8_000 + number * 1_000 + step * 900,
            )
            for step in range(2 + number % 3)
        ]
        if number % 3 == 0:
            steps.append(calls(bash("exit 1"), bash(f"echo {number}"), ctx=20_000 + number))
        steps.append({"text": f"agent {number} is done", "ctx": 24_000 + number * 111})
        return agent("backend", recorder.plan(f"part {number}", steps))

    steps = [
        calls(*(job(number) for number in range(5)), ctx=15_000),
        calls(bash("echo between"), ctx=22_000),
        calls(*(job(number) for number in range(5, 8)), bash("echo beside"), ctx=23_000),
        {"text": "all back", "ctx": 31_000},
    ]
    recorder.run(recorder.plan("work", steps))


def two_sessions(recorder: Recorder) -> None:
    """Two sessions in one project at the same time, each with a subagent."""

    def session(name: str, start: int) -> None:
        inner = [
            calls(bash(f"sleep 0.1; echo {name}"), ctx=start // 2),
            {"text": "back", "ctx": start // 2 + 500},
        ]
        steps: list[Step] = [
            calls(bash(f"sleep 0.1; echo {name} {step}"), ctx=start + step * 3_000, delay=0.05) for step in range(6)
        ]
        steps.append(calls(agent("Explore", recorder.plan("look", inner)), ctx=start + 20_000))
        steps.append({"text": f"{name} done", "ctx": start + 22_000})
        recorder.run(recorder.plan(f"session {name}", steps))

    recorder.client.write_settings({**recorder.settings})
    both = [Thread(target=session, args=("one", 20_000)), Thread(target=session, args=("two", 50_000))]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()


def clear(recorder: Recorder) -> None:
    """A prompt to 155K, one to 186K, /clear, one to 21K."""
    with recorder.terminal() as terminal:
        terminal.wait_ready()
        for low, high in ((60_000, 155_000), (170_000, 186_000)):
            steps = [calls(bash("echo a"), ctx=low), {"text": "done", "ctx": high}]
            recorder.turn(terminal, recorder.plan("work", steps))
        recorder.slash(terminal, "/clear", "SessionStart")
        steps = [calls(bash("echo b"), ctx=19_000), {"text": "done", "ctx": 21_000}]
        recorder.turn(terminal, recorder.plan("work", steps))
        recorder.slash(terminal, "/exit", "SessionEnd")


def compact(recorder: Recorder) -> None:
    """A prompt to 165K, /compact, one to 24K."""
    with recorder.terminal() as terminal:
        terminal.wait_ready()
        steps = [calls(bash("echo a"), ctx=60_000), {"text": "done", "ctx": 165_000}]
        recorder.turn(terminal, recorder.plan("work", steps))
        recorder.slash(terminal, "/compact", "PostCompact")
        steps = [calls(bash("echo b"), ctx=22_000), {"text": "done", "ctx": 24_000}]
        recorder.turn(terminal, recorder.plan("work", steps))
        recorder.slash(terminal, "/exit", "SessionEnd")


def workflow(recorder: Recorder) -> None:
    """Agents that a workflow script starts, and a fork, which begins with its parent's whole window."""

    def job(name: str, start: int) -> str:
        steps = [calls(bash(f"sleep 0.3; echo {name}"), ctx=start), {"text": f"{name} done", "ctx": start + 1_000}]
        recorder.standin.plans[name] = steps
        return recorder.plan("part", steps, name)

    parts = ", ".join(f"() => agent({json.dumps(job(name, start))})" for name, start in (("a", 9_000), ("b", 12_000)))
    meta = "{name: 'parts', description: 'Two parts', phases: [{title: 'Work'}]}"
    script = f"export const meta = {meta}\nphase('Work')\nreturn await parallel([{parts}])\n"
    steps = [
        calls(["Workflow", {"script": script}], ctx=20_000),
        calls(bash("sleep 3; echo waited"), ctx=22_000),
        calls(agent("fork", job("forked", 26_000)), ctx=24_000),
        calls(bash("sleep 1; echo after"), ctx=28_000),
        {"text": "all done", "ctx": 30_000},
        {"text": "seen", "ctx": 31_000},
    ]
    recorder.run(recorder.plan("use a workflow", steps))


def clear_background(recorder: Recorder) -> None:
    """/clear while a background agent works: it goes on under the new session's id."""
    recorder.client.write_agent("backend")
    steps = [calls(bash(f"sleep 1.5; echo {step}"), ctx=9_000 + step * 1_000) for step in range(4)]
    job = recorder.plan("work on", [*steps, {"text": "back at last", "ctx": 14_000}])
    with recorder.terminal() as terminal:
        terminal.wait_ready()
        steps = [
            calls(agent("backend", job, background=True), ctx=20_000),
            {"text": "it runs", "ctx": 22_000},
        ]
        recorder.turn(terminal, recorder.plan("start", steps))
        recorder.slash(terminal, "/clear", "SessionStart")
        steps = [calls(bash("echo b"), ctx=15_000), {"text": "noted", "ctx": 16_000}]
        recorder.turn(terminal, recorder.plan("go on", steps))
        terminal.wait_until(lambda: recorder.seen("SubagentStop") == 1)
        terminal.pause(2)
        recorder.slash(terminal, "/exit", "SessionEnd")


def auto_compact(recorder: Recorder) -> None:
    """A window of 200,000 fills until the client compacts by itself, in the middle of a turn."""
    # Without it this model's window is compacted only once a request has been refused.
    recorder.client.extra["CLAUDE_CODE_AUTO_COMPACT_WINDOW"] = "200000"
    with recorder.terminal("--model", "claude-haiku-4-5-20251001") as terminal:
        terminal.wait_ready()
        steps = [calls(bash("echo a"), ctx=90_000), {"text": "done", "ctx": 140_000}]
        recorder.turn(terminal, recorder.plan("work", steps))
        sizes = (150_000, 160_000, 166_000, 168_000, 172_000)
        steps = [calls(bash(f"seq 1 {size // 1000}"), ctx=size) for size in sizes]
        recorder.turn(terminal, recorder.plan("more", [*steps, {"text": "done", "ctx": 173_000}]))
        steps = [calls(bash("echo b"), ctx=30_000), {"text": "done", "ctx": 32_000}]
        recorder.turn(terminal, recorder.plan("work", steps))
        recorder.slash(terminal, "/exit", "SessionEnd")


def interrupt(recorder: Recorder) -> None:
    """The person presses Escape during a tool call, and during a reply; then goes on."""
    with recorder.terminal() as terminal:
        terminal.wait_ready()
        steps = [
            calls(bash("echo a"), ctx=20_000),
            calls(bash("python3 -c 'import time; time.sleep(30)'"), ctx=30_000),
        ]
        terminal.type(recorder.plan("work", steps))
        terminal.wait_until(lambda: recorder.seen("PreToolUse") == 2)
        terminal.pause(1)
        terminal.key("Escape")
        terminal.wait_for("Interrupted")
        terminal.pause(1)
        terminal.type(recorder.plan("write", [{"text": "a part of it", "ctx": 40_000, "pace": 20}]))
        terminal.pause(3)
        terminal.key("Escape")
        terminal.pause(1)
        terminal.key("C-u")
        steps = [calls(bash("echo b"), ctx=50_000), {"text": "done", "ctx": 52_000}]
        recorder.turn(terminal, recorder.plan("again", steps))
        recorder.slash(terminal, "/exit", "SessionEnd")


SCENARIOS: dict[str, Callable[[Recorder], None]] = {
    "tools": tools,
    "subagents": subagents,
    "parallel": parallel,
    "two-sessions": two_sessions,
    "clear": clear,
    "compact": compact,
    "workflow": workflow,
    "clear-background": clear_background,
    "auto-compact": auto_compact,
    "interrupt": interrupt,
}
