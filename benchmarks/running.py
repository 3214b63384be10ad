"""What the scripts share: the hook as a command, the options, and how a result is told."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from processes import Command
from sessions import ROOT, Session

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).parent / "results"


def options(description: str | None, rounds: int, more: argparse.ArgumentParser | None = None) -> argparse.Namespace:
    """Return the command line of a script: interpreter, rounds, whether the result is kept, and `more`."""
    parser = argparse.ArgumentParser(description=description, parents=[more] if more else [])
    parser.add_argument("--python", default=os.path.realpath(sys.executable), help="the interpreter of hooks")
    parser.add_argument("--hooks", default=str(ROOT / "hooks"), help="the folder of entry points to measure")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--keep", action="store_true", help="write the figures to results/")
    return parser.parse_args()


def bare(arguments: argparse.Namespace, session: Session, payload: dict[str, Any]) -> Command:
    """Return the interpreter that does nothing, given the same input and environment."""
    argv = [arguments.python, "-I", "-S", "-c", "pass"]
    return Command(argv, json.dumps(payload).encode(), session.environment)


def hook(
    arguments: argparse.Namespace,
    session: Session,
    payload: dict[str, Any],
    *,
    entry: str = "hook.py",
    speaks: bool = False,
    before: Callable[[], None] = lambda: None,
) -> Command:
    """Return a hook that answers `payload`; before each run the ledger is put back to what it is now."""
    kept = session.ledger.read_bytes()

    def prepare() -> None:
        session.ledger.write_bytes(kept)
        before()

    argv = [arguments.python, "-I", "-S", f"{arguments.hooks}/{entry}"]
    data = json.dumps(payload).encode()
    return Command(argv, data, session.environment, prepare=prepare, speaks=speaks)


def tell(script: str, rows: list[tuple[str, float, float]], arguments: argparse.Namespace) -> None:
    """Print (what, figure, limit) as lines of a table, and keep them if asked to."""
    for what, figure, limit in rows:
        print(f"| {what} | {figure:.2f} | {limit:g} |")
    if arguments.keep:
        RESULTS.mkdir(exist_ok=True)
        machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
        document = {"machine": machine, "rounds": arguments.rounds, "rows": rows}
        (RESULTS / f"{Path(script).stem}.json").write_text(json.dumps(document, indent=1) + "\n")
