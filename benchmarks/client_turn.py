"""What a hook adds in the real client, with a stand-in for the model: to a call, a turn's end, 64 calls at once.

Turns of 50 calls with ours (far from every threshold, and near one), none, `true`, a bare interpreter, the plugin
with and without a slow shim as `python3`, and two peers take turns. A call's time goes from one request to the next:
the model's answer costs nothing. The client is `claude` on PATH or what TOKEN_BUDGET_TEST_CLIENT names.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peer import install as install_peer
from running import options, tell
from sessions import ROOT

sys.path.insert(0, str(ROOT / "tests" / "client"))
from driver import Client, client_version, find_client
from standin import StandIn, plan_prompt

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 50
PARALLEL = 64
TURNS = 20
FAR, NEAR = 20_000, 131_000
"""Tokens in the window when a turn begins. Near, quiet mode is off and no threshold is crossed."""

WRITING_SECONDS = 0.1
"""Seconds that the model takes to write one of the parallel calls: a tenth of what a real one takes."""

SHIM_SECONDS = 0.06
"""A shim of pyenv takes 69 ms a call where Python itself takes 9."""

RUST_PEER = "@cometix/ccline-linux-x64"


class Kind:
    """One kind of hook, to be run again and again.

    Args:
        root: a folder of its own.
        binary: the client.
        handler: the hook that each event runs, given the event; None for no hooks or a plugin's.
        plugin: the plugin's folder.
        python: what `python3` is on the client's PATH.
        tokens: in the window when a turn begins.
    """

    def __init__(
        self,
        root: Path,
        binary: str,
        handler: Callable[[str], list[str]] | None,
        python: Path,
        *,
        plugin: Path | None = None,
        tokens: int = FAR,
    ) -> None:
        self.root = root
        self.binary = binary
        self.handler = handler
        self.plugin = plugin
        self.python = python
        self.tokens = tokens

    def calls(self) -> list[float]:
        """Run a turn of calls, one after the other; return the milliseconds of each."""
        each = 1_200 if self.tokens == FAR else 300
        with StandIn() as standin:
            client = self._client(standin)
            steps = [
                {"tool": "Read", "input": self._file(client, number), "ctx": self.tokens + number * each}
                for number in range(CALLS)
            ]
            done = client.run(plan_prompt("work", steps), settings=self._settings(), plugin=self.plugin, seconds=300)
            moments = [request.at for request in standin.turns]
            if done.code or len(moments) != CALLS + 1:
                raise RuntimeError(f"{len(moments)} requests, code {done.code}: {done.errors}")
        return [(after - before) * 1e3 for before, after in pairwise(moments)]

    def at_once(self, pace: float) -> float:
        """Run a turn whose first message makes 64 calls, written at a pace; return its milliseconds."""
        with StandIn() as standin:
            client = self._client(standin)
            tools = [["Read", self._file(client, number)] for number in range(PARALLEL)]
            # The first call alone: from then on the window is measured.
            steps = [{"tool": "Read", "input": self._file(client, 0), "ctx": self.tokens}]
            steps += [{"tools": tools, "ctx": self.tokens + 1_000, "pace": pace}, {"text": "done", "ctx": 40_000}]
            standin.plans["many"] = steps
            client.run(plan_prompt("work", "many"), settings=self._settings(), plugin=self.plugin, seconds=300)
            _, begun, ended = [request.at for request in standin.turns]
        return (ended - begun) * 1e3

    def ends(self) -> list[float]:
        """Run short turns of one session; return the milliseconds from each last request to the turn's end."""
        times = []
        with StandIn() as standin:
            client = self._client(standin)
            flags = ["-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"]
            line = client.command(*flags, settings=self._settings(), plugin=self.plugin)
            with subprocess.Popen(
                line, cwd=client.project, env=client.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
            ) as process:
                assert process.stdin is not None
                assert process.stdout is not None
                for number in range(TURNS):
                    prompt = plan_prompt("say", [{"text": f"said {number}", "ctx": self.tokens + number * 100}])
                    message = {"type": "user", "message": {"role": "user", "content": prompt}}
                    process.stdin.write(json.dumps(message).encode() + b"\n")
                    process.stdin.flush()
                    for text in process.stdout:
                        if b'"type":"result"' in text:
                            times.append((time.time() - standin.turns[-1].at) * 1e3)
                            break
                    # A person reads before the next prompt.
                    time.sleep(0.2)
                process.stdin.close()
                process.wait(60)
        # The first finds a window that was never measured.
        return times[1:]

    def _client(self, standin: StandIn) -> Client:
        # Whatever the model's window is, the thresholds are 150,000 and 180,000.
        environment = {"PATH": f"{self.python.parent}:{os.environ['PATH']}", "TOKEN_BUDGET_TOTAL_BUDGET": "200000"}
        return Client(self.binary, self.root, standin.url, environment)

    @staticmethod
    def _file(client: Client, number: int) -> dict[str, str]:
        file = client.project / f"notes{number}.txt"
        file.write_text(f"a line of file {number}\n" * 150)
        return {"file_path": str(file)}

    def _settings(self) -> dict[str, Any]:
        if self.handler is None:
            return {}
        hooks = {}
        for event in json.loads((ROOT / "hooks" / "hooks.json").read_text())["hooks"]:
            command, *arguments = self.handler(event)
            handler = {"type": "command", "command": command, "args": arguments, "timeout": 10}
            hooks[event] = [{"hooks": [handler]}]
        return {"hooks": hooks}


def main() -> None:
    """Run all kinds of turns, taking turns."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--peers", action="store_true", help="run the peers too; they are installed from npm")
    arguments = options(__doc__, 4, parser)
    binary = find_client()
    if binary is None:
        raise SystemExit("no client")
    with tempfile.TemporaryDirectory() as folder:
        calls, ends, many = _measure(_kinds(arguments, Path(folder), binary), arguments.rounds)
    print(f"client {client_version(binary)}; medians of the turns' medians, milliseconds")
    for what, times in (("a call", calls), ("a turn's end", ends), (f"{PARALLEL} calls", many)):
        for name, medians in times.items():
            print(f"  {what}: {name:20} {statistics.median(medians):8.1f}")

    def more(times: dict[str, list[float]], name: str, than: str) -> float:
        return statistics.median(one - other for one, other in zip(times[name], times[than], strict=True))

    def percent(name: str, than: str) -> float:
        return statistics.median(one / other for one, other in zip(many[name], many[than], strict=True)) * 100 - 100

    rows = [
        ("a call far from every threshold: ours - true, ms", more(calls, "ours", "true"), 2.0),
        ("a call near a threshold: ours - bare interpreter, ms", more(calls, "ours, near", "bare"), 6.0),
        ("a call, the plugin behind a slow shim: ours - true, ms", more(calls, "plugin, shim", "true"), 3.0),
        ("the end of a turn far from every threshold: ours - true, ms", more(ends, "ours", "true"), 5.0),
        ("64 parallel calls, 0.1 s to write each: ours more than none, %", percent("ours", "none"), 5.0),
        (
            "64 parallel calls from a model that takes no time: `true` more than none, %",
            percent("true, at once", "none, at once"),
            0.0,
        ),
        (
            "64 parallel calls from a model that takes no time: ours more than none, %",
            percent("ours, at once", "none, at once"),
            0.0,
        ),
    ]
    tell(__file__, rows, arguments)


Times = dict[str, list[float]]


def _measure(kinds: dict[str, Kind], rounds: int) -> tuple[Times, Times, Times]:
    """Return the milliseconds of a call, a turn's end, and 64 calls at once, by kind: one median of each round."""
    calls: Times = {}
    ends: Times = {}
    many: Times = {}
    for kind in kinds.values():
        # The first turn makes the home, and a plugin's notes of the interpreter.
        kind.calls()
    for _ in range(rounds):
        for name, kind in kinds.items():
            calls.setdefault(name, []).append(statistics.median(kind.calls()))
        for name in ("true", "ours"):
            ends.setdefault(name, []).append(statistics.median(kinds[name].ends()))
        for name in ("none", "true", "ours"):
            many.setdefault(name, []).append(kinds[name].at_once(WRITING_SECONDS))
            many.setdefault(f"{name}, at once", []).append(kinds[name].at_once(0))
    return calls, ends, many


def _kinds(arguments: argparse.Namespace, root: Path, binary: str) -> dict[str, Kind]:
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

    def ours(event: str) -> list[str]:
        return [f"{plugin}/hooks/run", "hook", event, arguments.python]

    def bare(_: str) -> list[str]:
        return [arguments.python, "-I", "-S", "-c", "pass"]

    kinds = {
        "none": Kind(root / "none", binary, None, python),
        "true": Kind(root / "true", binary, lambda _: ["/bin/true"], python),
        "bare": Kind(root / "bare", binary, bare, python),
        "ours": Kind(root / "ours", binary, ours, python),
        "ours, near": Kind(root / "near", binary, ours, python, tokens=NEAR),
        "plugin": Kind(root / "plugged", binary, None, python, plugin=plugin),
        "plugin, shim": Kind(root / "shimmed", binary, None, shim, plugin=plugin),
    }
    if arguments.peers:
        node, script = str(shutil.which("node")), install_peer(root / "npm")
        rust = _install_rust(root / "rust")
        kinds["peer, Node"] = Kind(root / "node", binary, lambda _: [node, script], python)
        kinds["peer, Rust"] = Kind(root / "ccline", binary, lambda _: [rust], python)
    return kinds


def _install_rust(folder: Path) -> str:
    folder.mkdir()
    command = ["npm", "install", "--ignore-scripts", "--no-save", "--silent", "--prefix", str(folder), RUST_PEER]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return str(next(path for path in folder.rglob("ccline") if path.is_file()))


if __name__ == "__main__":
    main()
