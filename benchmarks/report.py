"""`token-budget report` over a whole home: the first run, which plays every session, and the second, which plays none.

The home is made up (`usage_corpus.py`), 90 days of sessions in twelve projects, and no hook ever ran in it; `--home`
names another. Two processes play sessions where there are two processors. Told are seconds by the clock, seconds of all
processors together, and both of a gigabyte: on a busy machine the second is the one to look at.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from usage_corpus import Corpus

from moai_flow.replay import recorded

RESULTS = Path(__file__).parent / "results"
GIGABYTE = 1_000_000_000
FIRST_LIMIT, SECOND_LIMIT = 60.0, 1.0
"""Seconds: the first run over a gigabyte on two processors, and the second run."""

_ALL_DAYS = 36_500


class Run(NamedTuple):
    """Seconds by the clock, and seconds of all processors."""

    wall: float
    cpu: float


def main() -> None:
    """Make a home, run the command twice and a third time with nothing kept, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", help="a home with transcripts, instead of one that is made up")
    parser.add_argument("--megabytes", type=int, default=1_000)
    parser.add_argument("--keep", action="store_true", help="write the figures to results/")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        home = Path(arguments.home) if arguments.home else place / "home"
        projects = home / ".claude" / "projects"
        if not arguments.home:
            projects.mkdir(parents=True)
            Corpus(projects).fill(arguments.megabytes * 1_000_000)
        size = sum(one.size for one in recorded.find([str(projects)]))
        first, second = (report(home, place / "kept") for _ in range(2))
        rows = [
            ("first run, seconds of a gigabyte", first.wall * GIGABYTE / size, FIRST_LIMIT),
            ("first run, processor seconds of a gigabyte", first.cpu * GIGABYTE / size, 2 * FIRST_LIMIT),
            ("second run, seconds", second.wall, SECOND_LIMIT),
            ("second run, processor seconds", second.cpu, SECOND_LIMIT),
        ]
    print(f"{size / 1_000_000:,.0f} MB, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    for what, figure, limit in rows:
        print(f"| {what} | {figure:.2f} | {limit:g} |")
    if arguments.keep:
        machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
        document = {"machine": machine, "megabytes": size // 1_000_000, "processors": os.cpu_count(), "rows": rows}
        (RESULTS / "report.json").write_text(json.dumps(document, indent=1) + "\n")


def report(home: Path, kept: Path) -> Run:
    """Run the command over all sessions of a home, with its cache in `kept`."""
    kept.mkdir(exist_ok=True, mode=0o700)
    environ = {"HOME": str(home), "PATH": os.defpath, "XDG_CACHE_HOME": str(kept)}
    command = ["report", "--project", "all", "--days", str(_ALL_DAYS), "--html", str(kept / "page.html")]
    argv = [sys.executable, "-m", "moai_flow.cli", *command]
    began = time.perf_counter()
    process = os.posix_spawn(argv[0], argv, environ)
    _, status, usage = os.wait4(process, 0)
    wall = time.perf_counter() - began
    assert status == 0, f"{' '.join(argv)} ended with {status}"
    return Run(wall, usage.ru_utime + usage.ru_stime)


if __name__ == "__main__":
    main()
