"""32 hooks at once on one session, as a multiple of 32 bare interpreters at once: the slowest of each."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from running import bare, hook, options, tell
from sessions import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from processes import Command

HOOKS = 32


def main() -> None:
    """Measure volleys of both, taking turns."""
    arguments = options(__doc__, 30)
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder))
        payloads = [session.payload(**call) for call in session.calls(HOOKS)]
        hooks = [hook(arguments, session, payload) for payload in payloads]
        interpreters = [bare(arguments, session, payload) for payload in payloads]
        slowest: dict[str, list[float]] = {"hooks": [], "interpreters": []}
        counted = []
        for _ in range(arguments.rounds):
            slowest["interpreters"].append(volley(interpreters))
            slowest["hooks"].append(volley(hooks))
            counted.append(_counted(session, payloads))
    middle = {name: statistics.median(times) for name, times in slowest.items()}
    print(f"slowest hook {middle['hooks']:.0f} ms, slowest interpreter {middle['interpreters']:.0f} ms")
    print(f"tool calls counted of {HOOKS}: {min(counted)} at least, {statistics.median(counted):g} usually")
    ratio = middle["hooks"] / middle["interpreters"]
    tell(__file__, [("32 hooks at once, the slowest / 32 interpreters", ratio, 2.5)], arguments)


def volley(commands: Sequence[Command]) -> float:
    """Start all commands at once; return the milliseconds until the last has ended."""
    commands[0].prepare()
    begun = time.perf_counter()
    results = [command.start()[1] for command in commands]
    for _ in commands:
        os.wait()
    ended = time.perf_counter()
    for result in results:
        os.close(result)
    return (ended - begun) * 1e3


def _counted(session: Session, payloads: list[dict[str, object]]) -> int:
    """Return how many of the tool calls the ledger has counted, measured or estimated."""
    text = json.dumps(json.loads(session.ledger.read_bytes())["windows"])
    return sum(str(payload["tool_use_id"]) in text for payload in payloads)


if __name__ == "__main__":
    main()
