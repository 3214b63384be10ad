"""Each hook, as a multiple of the interpreter that starts and does nothing.

The session has a transcript of 3.5 MB, the tool's response 4 KB.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from processes import Command, Comparison, alternate
from running import bare, hook, options, tell
from sessions import Session

QUIET, SPEAKING = 1.7, 1.9

_STATUS = {
    "model": {"id": "claude-opus-5-5", "display_name": "Opus 5.5"},
    "version": "2.1.330",
    "cost": {"total_cost_usd": 0.61, "total_duration_ms": 81_000},
    "context_window": {
        "context_window_size": 200_000,
        "used_percentage": 31,
        "current_usage": {
            "input_tokens": 10,
            "output_tokens": 180,
            "cache_creation_input_tokens": 1_200,
            "cache_read_input_tokens": 60_000,
        },
    },
}


def main() -> None:
    """Measure every event in one run."""
    arguments = options(__doc__, 150)
    with tempfile.TemporaryDirectory() as folder:
        commands: dict[str, Command] = {}
        limits: dict[str, float] = {}

        def add(name: str, limit: float, command: Command) -> None:
            commands[name], limits[name] = command, limit

        session = Session(Path(folder, "quiet"))
        payload = session.payload(**session.call())
        commands["bare interpreter"] = bare(arguments, session, payload)
        add("PostToolUse, nothing to say", QUIET, hook(arguments, session, payload))

        session = Session(Path(folder, "warning"))
        session.tokens = 152_000
        payload = session.payload(**session.call())
        add("PostToolUse, a warning", SPEAKING, hook(arguments, session, payload, speaks=True))

        session = Session(Path(folder, "prompt"))
        session.play(session.end())
        prompt = {"prompt": "And now the same for the other module, please.", "prompt_id": "p-2"}
        payload = session.payload(hook_event_name="UserPromptSubmit", **prompt)
        add("UserPromptSubmit", SPEAKING, hook(arguments, session, payload))

        session = Session(Path(folder, "stop"))
        payload = session.payload(**session.end())
        add("Stop, the reply is in the file", SPEAKING, hook(arguments, session, payload))

        session = Session(Path(folder, "agent"))
        agent = ("a6dfdff9d30d499f", "backend")
        session.play({"hook_event_name": "SubagentStart", "agent_id": agent[0], "agent_type": agent[1]})
        for _ in range(10):
            session.play(session.call(*agent))
        payload = session.payload(**session.end(*agent))
        add("SubagentStop, the reply is in the file", SPEAKING, hook(arguments, session, payload))

        session = Session(Path(folder, "line"))
        session.call()
        payload = session.payload(hook_event_name="Status", **_STATUS)
        # The size it learns is stored once, and known from then on.
        hook(arguments, session, payload, entry="statusline.py", speaks=True).run()
        add("status line", SPEAKING, hook(arguments, session, payload, entry="statusline.py", speaks=True))

        samples = alternate(commands, arguments.rounds)
    against = samples["bare interpreter"]
    rows = []
    for name, limit in limits.items():
        compared = Comparison(samples[name], against)
        print(f"{name}: {compared.milliseconds:.1f} ms, CPU {compared.cpu:.2f}x, pairs {compared.paired:.2f}x")
        rows.append((name, compared.wall, limit))
    tell(__file__, rows, arguments)


if __name__ == "__main__":
    main()
