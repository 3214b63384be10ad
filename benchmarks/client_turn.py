"""What a hook adds to a tool call in the real client: a turn of 50 calls, against a stand-in for the model.

Turns with our hooks, none, `true`, a bare interpreter, and the plugin with and without a slow shim as `python3`
take turns. A call's time goes from one request to the next: the model's answer costs nothing. The client is
`claude` on PATH or what TOKEN_BUDGET_TEST_CLIENT names.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import statistics
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from running import options, tell
from sessions import ROOT

sys.path.insert(0, str(ROOT / "tests" / "client"))
from driver import Client, client_version, find_client
from standin import StandIn, plan_prompt

if TYPE_CHECKING:
    import argparse

CALLS = 50
SHIM_SECONDS = 0.06
"""A shim of pyenv takes 69 ms a call where Python itself takes 9."""


class Turn:
    """One kind of turn, to be run again and again.

    Args:
        root: a folder of its own.
        binary: the client.
        handler: the hook that every event runs, None for no hooks or a plugin's.
        plugin: the plugin's folder.
        python: what `python3` is on the client's PATH.
    """

    def __init__(self, root: Path, binary: str, handler: list[str] | None, plugin: Path | None, python: Path) -> None:
        self.root = root
        self.binary = binary
        self.handler = handler
        self.plugin = plugin
        self.python = python

    def run(self) -> list[float]:
        """Run the turn in the same home as before; return the milliseconds of each call."""
        with StandIn() as standin:
            environment = {"PATH": f"{self.python.parent}:{os.environ['PATH']}"}
            client = Client(self.binary, self.root, standin.url, environment)
            steps = []
            for number in range(CALLS):
                file = client.project / f"notes{number}.txt"
                file.write_text(f"a line of file {number}\n" * 150)
                steps.append({"tool": "Read", "input": {"file_path": str(file)}, "ctx": 20_000 + number * 1_200})
            done = client.run(plan_prompt("work", steps), settings=self._settings(), plugin=self.plugin, seconds=300)
            moments = [request.at for request in standin.turns]
            if done.code or len(moments) != CALLS + 1:
                raise RuntimeError(f"{len(moments)} requests, code {done.code}: {done.errors}")
        return [(after - before) * 1e3 for before, after in pairwise(moments)]

    def _settings(self) -> dict[str, Any]:
        if self.handler is None:
            return {}
        command, *arguments = self.handler
        handler = {"type": "command", "command": command, "args": arguments, "timeout": 10}
        events = json.loads((ROOT / "hooks" / "hooks.json").read_text())["hooks"]
        return {"hooks": {event: [{"hooks": [handler]}] for event in events}}


def main() -> None:
    """Run all kinds of turns, taking turns."""
    arguments = options(__doc__, 4)
    binary = find_client()
    if binary is None:
        raise SystemExit("no client")
    times: dict[str, list[list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        turns = _turns(arguments, Path(folder), binary)
        for name, turn in turns.items():
            # The first turn makes the home, and a plugin's notes of the interpreter.
            turn.run()
            times[name] = []
        for _ in range(arguments.rounds):
            for name, turn in turns.items():
                times[name].append(turn.run())
        counted = len(list(Path(folder).glob("*/home/.local/state/token-budget/sessions/*.json")))
    print(f"client {client_version(binary)}, {counted} ledgers; a call in milliseconds:")
    for name, turns_of_kind in times.items():
        calls = [call for turn in turns_of_kind for call in turn]
        fastest = statistics.quantiles(calls, n=10)[0]
        print(f"  {name:20} median {statistics.median(calls):6.1f}, fastest tenth {fastest:6.1f}")

    def more(name: str, than: str) -> float:
        pairs = zip(times[name], times[than], strict=True)
        return statistics.median(statistics.median(one) - statistics.median(other) for one, other in pairs)

    rows = [
        ("a call in the client: ours - bare interpreter, ms", more("ours", "bare"), 6.0),
        ("the plugin behind a shim - without one, ms", more("plugin, shim", "plugin"), 3.0),
    ]
    tell(__file__, rows, arguments)


def _turns(arguments: argparse.Namespace, root: Path, binary: str) -> dict[str, Turn]:
    python = root / "bin" / "python3"
    shim = root / "shims" / "python3"
    for path in (python, shim):
        path.parent.mkdir()
    python.symlink_to(arguments.python)
    shim.write_text(f'#!/bin/sh\nsleep {SHIM_SECONDS}\nexec {shlex.quote(arguments.python)} "$@"\n')
    shim.chmod(0o755)
    plugin = root / "plugin"
    for name in (".claude-plugin", "hooks", "src"):
        shutil.copytree(ROOT / name, plugin / name)
    ours = [f"{plugin}/hooks/run", "hook", arguments.python]
    bare = [arguments.python, "-I", "-S", "-c", "pass"]
    return {
        "none": Turn(root / "none", binary, None, None, python),
        "true": Turn(root / "true", binary, ["/bin/true"], None, python),
        "bare": Turn(root / "bare", binary, bare, None, python),
        "ours": Turn(root / "ours", binary, ours, None, python),
        "plugin": Turn(root / "plugged", binary, None, plugin, python),
        "plugin, shim": Turn(root / "shimmed", binary, None, plugin, shim),
    }


if __name__ == "__main__":
    main()
