"""The scenarios that can be recorded. Those named `natural...` have usage from each request's size."""

from __future__ import annotations

import json
from random import Random
from threading import Thread
from typing import TYPE_CHECKING, Any

import texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from record import Recorder

# The client searches through Bash unless these are asked for by name.
SEARCH = ("--tools", "Bash,Read,Edit,Write,Grep,Glob")

Call = list[Any]
Step = dict[str, Any]


def bash(command: str) -> Call:
    return ["Bash", {"command": command}]


def read(recorder: Recorder, name: str, **part: int) -> Call:
    return ["Read", {"file_path": str(recorder.project / name), **part}]


def write(recorder: Recorder, name: str, content: str) -> Call:
    return ["Write", {"file_path": str(recorder.project / name), "content": content}]


def edit(recorder: Recorder, name: str, old: str, new: str) -> Call:
    where = {"file_path": str(recorder.project / name)}
    return ["Edit", {**where, "old_string": old, "new_string": new}]


def agent(kind: str, prompt: str, *, background: bool | None = False) -> Call:
    """Return a call of the Agent tool; `background` None leaves the choice to the client."""
    task: dict[str, Any] = {"description": kind, "subagent_type": kind, "prompt": prompt}
    if background is not None:
        task["run_in_background"] = background
    return ["Agent", task]


def calls(*several: Call, **more: Any) -> Step:
    return {"tools": list(several), **more}


def put(recorder: Recorder, name: str, content: str | bytes) -> None:
    """Put a file into the project."""
    path = recorder.project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


# Scripted usage


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


# Usage from each request's size


def natural_long(recorder: Recorder) -> None:
    """230 tool calls of every kind, up to four in parallel, with /compact in the middle."""
    random = Random(230)
    # Each batch repeats its calls' inputs and results: a third of the recording, and nothing in it is new.
    del recorder.settings["hooks"]["PostToolBatch"]
    for number in range(20):
        lines = "".join(f"value_{line:03d} = {random.randint(0, 10**9)}\n" for line in range(40))
        put(recorder, f"src/part{number:02d}.py", lines)
    search = {"path": str(recorder.project)}

    def call(number: int) -> Call:
        part, line = f"src/part{random.randrange(20):02d}.py", random.randrange(40)
        return random.choice(
            [
                bash(f"seq 1 {random.randint(1, 90)}"),
                bash(f"head -c {random.randint(10, 900)} {part}"),
                bash(f"exit {random.randint(1, 9)}"),
                bash(f"echo {number}; ls -l src | tail -{random.randint(1, 12)}"),
                read(recorder, part, offset=line, limit=random.randint(1, 20)),
                read(recorder, f"src/missing{number}.py"),
                ["Grep", {**search, "pattern": f"value_0{line:02d}", "output_mode": "content"}],
                ["Grep", {**search, "pattern": f"= {random.randint(1, 99)}"}],
                ["Glob", {**search, "pattern": f"**/part{random.randrange(2)}*.py"}],
                write(recorder, f"out/{number}.txt", texts.prose(random, random.randint(20, 300))),
                edit(recorder, part, f"value_{line:03d} = ", f"value_{line:03d} = 1"),
            ]
        )

    def work(start: int, count: int) -> list[Step]:
        steps, number = [], start
        while number < start + count:
            width = min(random.choice((1, 1, 1, 2, 3, 4)), start + count - number)
            steps.append(calls(*(call(number + one) for one in range(width))))
            number += width
        return [*steps, {"text": texts.prose(random, 500)}]

    with recorder.terminal(*SEARCH) as terminal:
        terminal.wait_ready()
        recorder.turn(terminal, recorder.plan("do the first half", work(0, 115), "first"))
        recorder.slash(terminal, "/compact", "PostCompact")
        recorder.turn(terminal, recorder.plan("do the second half", work(115, 115), "second"))
        recorder.slash(terminal, "/exit", "SessionEnd")


def natural_compact(recorder: Recorder) -> None:
    """/compact twice, the second time soon after the first; the window's real size after each is seen."""
    random = Random(8)
    recorder.client.write_agent("backend")
    put(recorder, "story.txt", texts.prose(random, 9_000))
    put(recorder, "code.py", texts.code(random, 12))
    first = [calls(read(recorder, "story.txt")), calls(bash("cat code.py")), {"text": texts.prose(random, 2_000)}]
    second = [calls(bash("seq 1 200")), calls(read(recorder, "code.py")), {"text": texts.prose(random, 500)}]
    third = [calls(bash("head -c 1500 story.txt")), {"text": texts.prose(random, 300)}]
    with recorder.terminal() as terminal:
        terminal.wait_ready()
        recorder.turn(terminal, recorder.plan("read it all", first, "first"))
        recorder.turn(terminal, recorder.plan("once more", second, "again"))
        recorder.slash(terminal, "/compact", "PostCompact")
        recorder.turn(terminal, recorder.plan("go on from there", second, "second"))
        recorder.slash(terminal, "/compact", "PostCompact")
        recorder.turn(terminal, recorder.plan("and finish", third, "third"))
        recorder.slash(terminal, "/exit", "SessionEnd")


def natural_code(recorder: Recorder) -> None:
    """Python: read, written, edited, run; a traceback; the session resumed with a second prompt."""
    random = Random(1)
    for number in range(6):
        put(recorder, f"pkg/module{number}.py", texts.code(random, 6 + 5 * number))
    put(recorder, "fails.py", "def deep(n):\n    return 1 / n if n == 0 else deep(n - 1)\n\ndeep(20)\n")
    first = [
        calls(bash("wc -l pkg/*.py"), bash("grep -n 'def ' pkg/module1.py"), text="Let me look around first."),
        calls(read(recorder, "pkg/module2.py")),
        calls(read(recorder, "pkg/module5.py", offset=20, limit=120)),
        calls(bash("python3 fails.py")),
        calls(read(recorder, "fails.py")),
        calls(edit(recorder, "fails.py", "1 / n", "1 / (n + 1)"), text="The division fails at zero."),
        calls(bash("python3 fails.py && echo fine")),
        calls(write(recorder, "pkg/module9.py", texts.code(random, 14))),
        calls(bash("cat pkg/module3.py | head -150")),
        {"text": "Here is what I changed.\n\n```python\n" + texts.code(random, 4) + "```\n"},
    ]
    second = [
        calls(read(recorder, "pkg/module0.py"), read(recorder, "pkg/module4.py")),
        calls(bash("git status --short; git diff | head -50")),
        calls(write(recorder, "tests/test_module.py", texts.code(random, 9))),
        calls(bash("cat tests/test_module.py pkg/module9.py")),
        {"text": texts.prose(random, 1_500)},
    ]
    session = recorder.run(recorder.plan("Please find out why fails.py fails.", first, "first")).session_id
    recorder.run(recorder.plan("Now write tests:\n" + texts.code(random, 3), second, "second"), "--resume", session)


def natural_json(recorder: Recorder) -> None:
    """JSON and searches: Grep and Glob results, structured data, long one-line documents."""
    random = Random(2)
    put(recorder, "data/pretty.json", texts.data(random, 90))
    put(recorder, "data/compact.json", texts.data(random, 60, indent=None))
    put(recorder, "data/small.json", texts.data(random, 6))
    for number in range(12):
        put(recorder, f"src/module{number}.py", texts.code(random, 6))
    search = {"path": str(recorder.project)}
    steps = [
        calls(["Glob", {**search, "pattern": "**/*"}], ["Glob", {**search, "pattern": "**/*.json"}]),
        calls(["Grep", {**search, "pattern": "def ", "output_mode": "content", "-n": True}]),
        calls(
            ["Grep", {**search, "pattern": "limit"}],
            ["Grep", {**search, "pattern": "x", "output_mode": "count"}],
        ),
        calls(read(recorder, "data/pretty.json")),
        calls(bash("cat data/compact.json")),
        calls(bash("python3 -m json.tool data/small.json")),
        calls(read(recorder, "data/small.json"), read(recorder, "src/module3.py")),
        calls(edit(recorder, "src/module3.py", '"""Helpers."""', '"""Helpers for data."""')),
        calls(write(recorder, "data/out.json", texts.data(random, 40))),
        calls(bash("sed -n 1,60p data/out.json"), bash("python3 -c 'print([n * 37 for n in range(700)])'")),
        {"text": "| key | value |\n|---|---|\n" + "".join(f"| {n} | {n * n} |\n" for n in range(80))},
    ]
    recorder.run(recorder.plan("What is in the data?", steps, "data"), *SEARCH)


def natural_cjk(recorder: Recorder) -> None:
    """Chinese, Japanese and Korean: prompts, files, replies; three prompts in a terminal."""
    random = Random(3)
    for language in ("zh", "ja", "ko"):
        put(recorder, f"{language}.txt", texts.cjk(random, 3_000, language))
    put(recorder, "mixed.md", texts.cjk(random, 900) + texts.prose(random, 900) + texts.code(random, 4))
    plans: dict[str, list[Step]] = {
        "zh": [
            calls(read(recorder, "zh.txt")),
            calls(bash("head -c 3000 ja.txt; echo")),
            calls(write(recorder, "zh2.txt", texts.cjk(random, 1_500)), text=texts.cjk(random, 200)),
            {"text": texts.cjk(random, 800)},
        ],
        "ja": [
            calls(read(recorder, "mixed.md")),
            calls(read(recorder, "ja.txt"), bash("wc -m *.txt")),
            {"text": texts.cjk(random, 600, "ja")},
        ],
        "ko": [
            calls(bash("cat ko.txt")),
            calls(read(recorder, "ko.txt")),
            {"text": texts.cjk(random, 1_000, "ko")},
        ],
    }
    with recorder.terminal() as terminal:
        terminal.wait_ready()
        for language, steps in plans.items():
            prompt = texts.cjk(random, 400, language).replace("\n", "")
            recorder.turn(terminal, recorder.plan(prompt, steps, language))
        recorder.slash(terminal, "/exit", "SessionEnd")


def natural_prose(recorder: Recorder) -> None:
    """Long prose: five prompts of growing length in a terminal, /clear before the last two."""
    random = Random(4)
    for number in range(4):
        put(recorder, f"chapter{number}.txt", texts.prose(random, 2_500 * (number + 1)))
    with recorder.terminal() as terminal:
        terminal.wait_ready()
        for number in range(5):
            if number == 3:
                recorder.slash(terminal, "/clear", "SessionStart")
            steps: list[Step] = [
                calls(read(recorder, f"chapter{number % 4}.txt"), text=texts.prose(random, 150 * number + 40)),
                calls(bash(f"fold -s -w 76 chapter{(number + 1) % 4}.txt | head -{30 + 9 * number}")),
                {"thinking": texts.prose(random, 300), "text": texts.prose(random, 400 + 900 * number)},
            ]
            prompt = texts.prose(random, 80 + 400 * number).replace("\n", " ")
            recorder.turn(terminal, recorder.plan(prompt, steps, f"chapter {number}"))
        recorder.slash(terminal, "/exit", "SessionEnd")


def natural_images(recorder: Recorder) -> None:
    """Pictures of several sizes are read, between texts."""
    random = Random(5)
    sizes = {"icon": (64, 64), "chart": (640, 480), "screen": (1280, 800), "tall": (300, 1400)}
    for name, (width, height) in sizes.items():
        put(recorder, f"{name}.png", texts.png(random, width, height))
    put(recorder, "caption.txt", texts.prose(random, 2_000))
    steps = [
        calls(bash("ls -l")),
        calls(read(recorder, "chart.png")),
        calls(read(recorder, "caption.txt")),
        calls(read(recorder, "icon.png"), read(recorder, "screen.png"), text="Two more."),
        calls(bash("seq 1 300")),
        calls(read(recorder, "tall.png")),
        {"text": texts.prose(random, 900)},
    ]
    recorder.run(recorder.plan("Describe the pictures.", steps, "pictures"))


def natural_odd(recorder: Recorder) -> None:
    """Replies that take their time while their tools already run, and results of unusual kinds."""
    random = Random(7)
    put(recorder, "empty.txt", "")
    put(recorder, "long.txt", "".join(f"line {number}\n" for number in range(1_500)))
    put(recorder, "notes.txt", texts.prose(random, 3_000))
    steps = [
        calls(
            read(recorder, "notes.txt"),
            bash("seq 1 300"),
            thinking=texts.prose(random, 400),
            text="So.",
            pace=0.4,
        ),
        calls(read(recorder, "notes.txt"), read(recorder, "empty.txt")),
        calls(bash("seq 1 20000")),
        calls(edit(recorder, "notes.txt", "not in the file", "x"), bash("true")),
        calls(bash("echo out; echo error >&2"), bash("seq 1 150; exit 4")),
        calls(["NoSuchTool", {"a": 1}], text=texts.prose(random, 700), pace=0.2),
        calls(read(recorder, "long.txt"), bash("sleep 0.5; seq 1 200"), text=texts.prose(random, 300), pace=0.3),
        calls(read(recorder, "long.txt", offset=700, limit=60)),
        {"text": texts.prose(random, 1_800), "pace": 0.3},
    ]
    recorder.run(recorder.plan("Look at odd things.", steps, "odd"))


def natural_agents(recorder: Recorder) -> None:
    """Subagents whose windows grow by what they read, and whose answers the main window reads."""
    random = Random(6)
    for name in ("backend", "research"):
        recorder.client.write_agent(name)
    put(recorder, "big.txt", texts.prose(random, 9_000))
    put(recorder, "code.py", texts.code(random, 18))

    def job(name: str, *steps: Step) -> str:
        return recorder.plan(f"{name}: {texts.prose(random, 300)}", list(steps), name)

    one = job(
        "one",
        calls(read(recorder, "big.txt")),
        calls(bash("seq 1 400")),
        {"text": texts.prose(random, 1_200)},
    )
    two = job("two", calls(read(recorder, "code.py")), {"text": texts.prose(random, 2_500)})
    late = job(
        "late",
        calls(bash("sleep 1; cat code.py")),
        calls(bash("sleep 1; seq 1 99")),
        {"text": "late is done"},
    )
    steps = [
        calls(bash("ls"), agent("research", one), agent("backend", two)),
        calls(read(recorder, "code.py")),
        calls(agent("backend", late, background=True)),
        calls(bash("seq 1 250")),
        calls(bash("sleep 3; seq 1 20")),
        {"text": texts.prose(random, 600)},
        {"text": "It came back."},
    ]
    recorder.run(recorder.plan("Split the work up.", steps, "main"))


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
    "natural-long": natural_long,
    "natural-compact": natural_compact,
    "natural-code": natural_code,
    "natural-json": natural_json,
    "natural-cjk": natural_cjk,
    "natural-prose": natural_prose,
    "natural-images": natural_images,
    "natural-agents": natural_agents,
    "natural-odd": natural_odd,
}
