"""Scenarios in which usage comes from each request's size."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import texts
from calls import Call, Step, agent, bash, calls, edit, put, read, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from record import Recorder

# The client searches through Bash unless these are asked for by name.
SEARCH = ("--tools", "Bash,Read,Edit,Write,Grep,Glob")


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
