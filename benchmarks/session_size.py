"""PostToolUse in a session with 50 agents and 20 swarms, as a multiple of one with 1 agent and 1 swarm."""

from __future__ import annotations

import tempfile
from pathlib import Path

from processes import Comparison, alternate
from running import hook, options, tell
from sessions import Session

SESSIONS = {"1 agent": (1, 1), "50 agents": (50, 20)}


def main() -> None:
    """Measure the same event in both sessions."""
    arguments = options(__doc__, 150)
    commands = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (agents, types) in SESSIONS.items():
            session = Session(Path(folder, name), agents=agents, agent_types=types)
            commands[name] = hook(arguments, session, session.payload(**session.call()))
            print(f"{name}: a ledger of {session.ledger.stat().st_size:,} bytes")
        samples = alternate(commands, arguments.rounds)
    compared = Comparison(samples["50 agents"], samples["1 agent"])
    print(f"CPU {compared.cpu:.2f}x, pairs {compared.paired:.2f}x")
    tell(__file__, [("PostToolUse, 50 agents and 20 swarms / 1 and 1", compared.wall, 1.15)], arguments)


if __name__ == "__main__":
    main()
