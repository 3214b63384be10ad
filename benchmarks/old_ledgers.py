"""The first hook of a session in a folder with 100 old ledgers, as a multiple of the same without them."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from processes import Comparison, alternate
from running import hook, options, tell
from sessions import Session

if TYPE_CHECKING:
    import argparse

    from processes import Command

LEDGERS = 100
DAY = 86_400


def main() -> None:
    """Measure SessionStart in both folders."""
    arguments = options(__doc__, 150)
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            "no old ledgers": _first_hook(arguments, Path(folder, "new"), 0),
            "old ledgers": _first_hook(arguments, Path(folder, "old"), LEDGERS),
        }
        samples = alternate(commands, arguments.rounds)
    compared = Comparison(samples["old ledgers"], samples["no old ledgers"])
    print(f"CPU {compared.cpu:.2f}x, pairs {compared.paired:.2f}x")
    tell(__file__, [("first hook of a session, 100 old ledgers / none", compared.wall, 1.1)], arguments)


def _first_hook(arguments: argparse.Namespace, root: Path, ledgers: int) -> Command:
    """Return the hook that begins a session among ledgers that are 1 to 100 days old."""
    session = Session(root, size=1_000_000)
    payload = session.payload(hook_event_name="SessionStart", source="startup")
    content = session.ledger.read_bytes()
    ages = {f"6fdfdff9-d30d-499f-0000-{number:012d}.json": (number + 1) * DAY for number in range(ledgers)}

    def prepare() -> None:
        # The first hook sweeps: each finds what the one before it found, and that no sweep was made today.
        there = {path.name for path in session.folder.iterdir()}
        for name in ages.keys() - there:
            path = session.folder / name
            path.write_bytes(content)
            os.utime(path, (time.time() - ages[name],) * 2)
        session.ledger.unlink()
        (session.folder.parent / "swept").unlink(missing_ok=True)

    return hook(arguments, session, payload, before=prepare)


if __name__ == "__main__":
    main()
