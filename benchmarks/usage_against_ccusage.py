"""`token-budget usage` against ccusage's native build: the same figures, in which time, with how much memory.

The package `@ccusage/ccusage-linux-x64` is installed from npm into a temporary folder, without running its install
scripts; `--ccusage` names a binary that is there already. It runs offline and without prices. Both read the same
made-up home, written anew (`usage_corpus.py`), or the recordings, or transcripts that `--home` names.

Each difference is explained by the records that cause it: with those left out, both figures have to be equal.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from usage_corpus import Corpus

from moai_flow.usage.days import local_day
from moai_flow.usage.machine import read_usage
from moai_flow.usage.messages import record_of, seconds_of
from moai_flow.usage.places import find_transcripts

PACKAGE = "@ccusage/ccusage-linux-x64@20.0.24"
BINARY = "node_modules/@ccusage/ccusage-linux-x64/bin/ccusage"
RECORDINGS = Path(__file__).resolve().parents[1] / "tests" / "recordings"
RESULTS = Path(__file__).parent / "results"
CLASSES = ("input", "cache_write", "cache_read", "output")

Figures = dict[str, tuple[int, int, int, int]]
"""Tokens of each class by local day."""


class Run(NamedTuple):
    """A process: seconds by the clock, seconds of all its processors, and megabytes that it held at most."""

    wall: float
    cpu: float
    memory: float


def main() -> None:
    """Compare the figures on the recordings, then time both on a large home."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ccusage", help="path of ccusage's native binary")
    parser.add_argument("--home", help="a home with transcripts, instead of those that are made up")
    parser.add_argument("--megabytes", type=int, default=700)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", action="store_true", help="write the figures to results/")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        binary = arguments.ccusage or _install(folder / "npm")
        recorded = folder / "recorded"
        for recording in sorted(RECORDINGS.glob("*/*/files")):
            label = f"-{recording.parent.parent.name}-{recording.parent.name}".replace(".", "-")
            shutil.copytree(recording, recorded / label / ".claude" / "projects" / label)
        equal = [compare(binary, home) for home in sorted(recorded.iterdir())]
        home = Path(arguments.home) if arguments.home else folder / "home"
        if not arguments.home:
            projects = home / ".claude" / "projects"
            projects.mkdir(parents=True)
            Corpus(projects).fill(arguments.megabytes * 1_000_000)
        equal.append(compare(binary, home))
        print(f"equal, all differences explained: {sum(equal)} of {len(equal)} homes")
        rows = measure(binary, home, folder, arguments.rounds)
    for what, figure, limit in rows:
        print(f"| {what} | {figure:.2f} | {limit:g} |")
    if arguments.keep:
        RESULTS.mkdir(exist_ok=True)
        machine = f"Python {sys.version.split()[0]}, {os.cpu_count()} processors"
        document = {"machine": machine, "rounds": arguments.rounds, "rows": rows}
        (RESULTS / "usage_against_ccusage.json").write_text(json.dumps(document, indent=1) + "\n")


def compare(binary: str, home: Path) -> bool:
    """Tell where the figures of a home differ and which records cause it; return whether they explain all of it."""
    theirs = _theirs(binary, home)
    folders = [str(home / ".claude" / "projects")]
    ours: Figures = {}
    for entry in read_usage(folders).entries:
        usage = entry.usage
        tokens = (usage.input, usage.cache_write_5m + usage.cache_write_1h, usage.cache_read, usage.output)
        _add(ours, local_day(entry.at), tokens)
    differ = {day for day in {*ours, *theirs} if ours.get(day, (0,) * 4) != theirs.get(day, (0,) * 4)}
    if not differ:
        print(f"{home.name}: equal")
        return True
    causes, corrected = _explained(folders)
    expected = dict(ours)
    for day, tokens in corrected.items():
        _add(expected, day, tokens)
    is_explained = all(expected.get(day, (0,) * 4) == theirs.get(day, (0,) * 4) for day in differ)
    for day in sorted(differ):
        gap = [a - b for a, b in zip(ours.get(day, (0,) * 4), theirs.get(day, (0,) * 4), strict=True)]
        print(f"{home.name}: {day}: " + ", ".join(f"{name} {n:+,}" for name, n in zip(CLASSES, gap, strict=True) if n))
    for cause, (count, example) in causes.items():
        print(f"    {count:,} x {cause}; the first: {example}")
    if not is_explained:
        print("    NOT EXPLAINED")
    return is_explained


def _explained(folders: list[str]) -> tuple[dict[str, tuple[int, str]], Figures]:
    """Return the records that ccusage takes otherwise, by cause, and by how much they change its figures."""
    causes: dict[str, tuple[int, str]] = {}
    changes: Figures = {}
    counted: set[tuple[Any, Any]] = set()
    for transcript in find_transcripts(folders):
        with open(transcript.path, "rb") as file:  # noqa: PTH123 - a text
            for number, line in enumerate(file, 1):
                record = record_of(line) if b'"usage"' in line and b'"assistant"' in line else {}
                message = record.get("message")
                usage = message.get("usage") if isinstance(message, dict) else None
                if record.get("type") != "assistant" or not isinstance(message, dict) or not isinstance(usage, dict):
                    continue
                key = message.get("id"), record.get("requestId")
                cause, tokens = _cause(line, usage)
                if cause and key not in counted:
                    counted.add(key)
                    count, example = causes.get(cause, (0, f"{transcript.path}:{number}"))
                    causes[cause] = count + 1, example
                    _add(changes, local_day(seconds_of(record.get("timestamp"))), tokens)
    return causes, changes


def _cause(line: bytes, usage: dict[str, Any]) -> tuple[str, tuple[int, int, int, int]]:
    """Return why ccusage takes a record otherwise, and by how many tokens of each class."""
    written = usage.get("cache_creation_input_tokens") or 0
    told = usage.get("cache_creation")
    tokens = (
        -(usage.get("input_tokens") or 0),
        -written,
        -(usage.get("cache_read_input_tokens") or 0),
        -(usage.get("output_tokens") or 0),
    )
    if b'"usage":{' not in line:
        return "JSON with spaces after its colons", tokens
    if isinstance(told, dict):
        parts = sum(told.get(name) or 0 for name in ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"))
        if parts < written:
            return "cache_creation below cache_creation_input_tokens", (0, parts - written, 0, 0)
    return "", (0, 0, 0, 0)


def measure(binary: str, home: Path, folder: Path, rounds: int) -> list[tuple[str, float, float]]:
    """Time both in turns: ccusage, the first run (nothing kept), the second one."""
    state = folder / "state"
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "TZ": "UTC", "TOKEN_BUDGET_STATE_DIR": str(state)}
    peer = [binary, "claude", "daily", "--json", "--offline", "--no-cost"]
    ours = [sys.executable, "-m", "moai_flow.cli", "usage", "--json"]
    runs: dict[str, list[Run]] = {"peer": [], "first": [], "second": []}
    _timed(peer, environment)
    for _ in range(rounds):
        shutil.rmtree(state, ignore_errors=True)
        runs["peer"].append(_timed(peer, environment))
        runs["first"].append(_timed(ours, environment))
        runs["second"].append(_timed(ours, environment))
    for name, found in runs.items():
        wall, cpu, memory = [statistics.median(values) for values in zip(*found, strict=True)]
        print(f"{name}: {wall:.2f} s, {cpu:.2f} s of processors, {memory:.0f} MB")
    median = {name: statistics.median([run.wall for run in found]) for name, found in runs.items()}
    return [
        ("`usage`, first run / ccusage", median["first"] / median["peer"], 5),
        ("`usage`, second run / ccusage", median["second"] / median["peer"], 0.5),
        ("`usage`, first run, MB of all its processes", max(run.memory for run in runs["first"]), 256),
    ]


def _timed(command: list[str], environment: dict[str, str]) -> Run:
    """Run a command; its memory is the largest sum over its processes of what is theirs alone, and shared once."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    peak = [0.0]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            peak[0] = max(peak[0], sum(_proportional_set(pid) for pid in _family(process.pid)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    ended.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return Run(wall, used.ru_utime + used.ru_stime, max(peak[0], used.ru_maxrss / 1024 if peak[0] == 0 else 0.0))


def _family(pid: int) -> list[int]:
    children = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += [int(child) for child in (task / "children").read_text().split()]
    except OSError:
        return []
    return [pid, *(one for child in children for one in _family(child))]


def _proportional_set(pid: int) -> float:
    """Return the megabytes of a process, those that it shares divided by their holders."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _theirs(binary: str, home: Path) -> Figures:
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "TZ": os.environ.get("TZ", "UTC")}
    command = [binary, "claude", "daily", "--json", "--offline", "--no-cost"]
    told = json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    names = ("inputTokens", "cacheCreationTokens", "cacheReadTokens", "outputTokens")
    found: Figures = {}
    for day in told["daily"]:
        _add(found, day["date"], tuple(day[name] for name in names))
    return found


def _add(figures: Figures, day: str, tokens: tuple[int, ...]) -> None:
    known = figures.get(day, (0, 0, 0, 0))
    first, second, third, fourth = [a + b for a, b in zip(known, tokens, strict=True)]
    figures[day] = first, second, third, fourth


def _install(folder: Path) -> str:
    folder.mkdir()
    command = ["npm", "install", "--ignore-scripts", "--no-save", "--silent", "--force"]
    subprocess.run([*command, "--prefix", str(folder), PACKAGE], check=True, stdout=subprocess.DEVNULL)
    binary = folder / BINARY
    binary.chmod(0o755)
    return str(binary)


if __name__ == "__main__":
    os.environ.setdefault("TZ", "UTC")
    time.tzset()
    main()
