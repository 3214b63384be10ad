"""PostToolUse beside a transcript of 200 MB, as a multiple of the same beside one of 1 MB."""

from __future__ import annotations

import tempfile
from pathlib import Path

from processes import Comparison, alternate
from running import hook, options, tell
from sessions import Session

SIZES = {"1 MB": 1_000_000, "200 MB": 200_000_000}


def main() -> None:
    """Measure the same event in both sessions."""
    arguments = options(__doc__, 100)
    with tempfile.TemporaryDirectory() as folder:
        sessions = {name: Session(Path(folder, name), size=size) for name, size in SIZES.items()}
        commands = {
            name: hook(arguments, session, session.payload(**session.call())) for name, session in sessions.items()
        }
        samples = alternate(commands, arguments.rounds)
    compared = Comparison(samples["200 MB"], samples["1 MB"])
    print(f"CPU {compared.cpu:.2f}x, pairs {compared.paired:.2f}x")
    tell(__file__, [("PostToolUse, 200 MB transcript / 1 MB", compared.wall, 1.1)], arguments)


if __name__ == "__main__":
    main()
