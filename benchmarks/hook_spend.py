"""A hook that counts what is billed against one that does not: PostToolUse in a session with a transcript of 3.5 MB."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from processes import Command, Comparison, alternate
from running import hook, options, tell
from sessions import Session

LIMIT = 1.1


def main() -> None:
    """Measure CPU time with usage on against off, in one run."""
    arguments = options(__doc__, 150)
    with tempfile.TemporaryDirectory() as folder:
        commands: dict[str, Command] = {}
        for name, settings in (("off", {}), ("on", {"spend": 10**9})):
            session = Session(Path(folder, name))
            home = Path(session.environment["HOME"])
            path = home / ".config/token-budget/config.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"token_budget": settings}))
            payload = session.payload(**session.call())
            # What stands in the transcript before usage was on is counted first.
            hook(arguments, session, payload).run()
            payload = session.payload(**session.call())
            commands[name] = hook(arguments, session, payload)
        samples = alternate(commands, arguments.rounds)
    compared = Comparison(samples["on"], samples["off"])
    print(f"wall {compared.wall:.2f}x, pairs {compared.paired:.2f}x")
    tell(__file__, [("CPU of a hook, usage on / off", compared.cpu, LIMIT)], arguments)


if __name__ == "__main__":
    main()
