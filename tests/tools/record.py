"""Records sessions of the real client: payloads, transcripts, and the usage they are held to.

    python tests/tools/record.py --client PATH [--out tests/recordings/VERSION] SCENARIO...

The format is described in tests/recordings/README.md.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "client"), str(TESTS / "tools")]

import natural
import scripted
from driver import Client, Result, client_version, hook_settings
from redact import Disguise, redact
from standin import StandIn, plan_prompt

if TYPE_CHECKING:
    from terminal import Terminal

EVENTS = (
    *("SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure"),
    *("PostToolBatch", "SubagentStart", "SubagentStop", "Stop", "PreCompact", "PostCompact", "SessionEnd"),
)

JsonObject = dict[str, Any]


class Recorder:
    """One scenario being recorded: a client, its stand-in, and the hook that keeps the payloads."""

    def __init__(self, binary: str, root: Path, standin: StandIn) -> None:
        self.root = root
        self.standin = standin
        self.client = Client(binary, root, standin.url)
        self.project = self.client.project
        subprocess.run(["git", "init", "-q", "-b", "main", "."], cwd=self.project, check=True)
        self.log = root / "events"
        self.status = root / "status"
        hook = [sys.executable, "-I", "-S", str(TESTS / "tools" / "record_hook.py")]
        self.settings = hook_settings(shlex.join([*hook, str(self.log), str(self.client.projects)]), EVENTS)
        keep = f"""line=$(cat); printf '%s\\n' "$line" >> '{self.status}'; echo recording"""
        self.settings["statusLine"] = {"type": "command", "command": keep}

    def plan(self, text: str, steps: list[JsonObject], name: str = "") -> str:
        """Return a prompt with a plan; a named plan stays out of the prompt (and so of the payloads)."""
        if not name:
            return plan_prompt(text, steps)
        self.standin.plans[name] = steps
        return plan_prompt(text, name)

    def run(self, prompt: str, *arguments: str) -> Result:
        """Run one prompt in print mode."""
        result = self.client.run(prompt, *arguments, settings=self.settings, seconds=300)
        if result.code != 0:
            raise RuntimeError(f"the client ended with {result.code}: {result.errors}")
        return result

    def terminal(self, *arguments: str) -> Terminal:
        """Start the client in a terminal."""
        return self.client.terminal(*arguments, settings=self.settings)

    def seen(self, event: str) -> int:
        """Return how often an event has fired so far."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return sum(f'"hook_event_name": "{event}"' in line for line in lines)

    def turn(self, terminal: Terminal, prompt: str) -> None:
        """Type a prompt and wait for the end of its turn."""
        stops = self.seen("Stop")
        terminal.type(prompt)
        terminal.wait_until(lambda: self.seen("Stop") > stops, seconds=300)
        # Nobody types the next prompt in the same instant; the transcript is complete by then.
        terminal.pause(0.7)

    def slash(self, terminal: Terminal, command: str, event: str) -> None:
        """Type a command of the client and wait for the event it causes."""
        count = self.seen(event)
        terminal.type(command)
        terminal.wait_until(lambda: self.seen(event) > count)
        terminal.pause(0.7)

    def save(self, out: Path, version: str) -> None:
        """Write the recording, with the machine's paths replaced and the transcripts' texts covered."""
        disguise = Disguise(str(self.root))
        events = [json.loads(line) for line in self.log.read_text().splitlines()]
        events.sort(key=lambda event: event["at"])
        out.mkdir(parents=True)
        _write_lines(out / "truth.jsonl", self._truth(events))
        start = events[0]["at"]
        for seq, event in enumerate(events):
            events[seq] = {"seq": seq, **event, "at": round(event["at"] - start, 3)}
        _write_lines(out / "events.jsonl", events, disguise)
        for path in sorted(self.client.projects.rglob("*.jsonl")):
            target = out / "files" / path.relative_to(self.client.projects)
            target.parent.mkdir(parents=True, exist_ok=True)
            lines = disguise(path.read_bytes()).splitlines(keepends=True)
            target.write_bytes(b"".join(map(redact, lines)))
        if self.status.exists():
            (out / "status.jsonl").write_bytes(disguise(self.status.read_bytes()))
        places = {"home": self.client.home, "project": self.project}
        root = {"version": version, "projects_dir": f"{self.client.projects}/"}
        root.update({name: str(path) for name, path in places.items()})
        (out / "root.json").write_bytes(disguise(json.dumps(root).encode()) + b"\n")

    def _truth(self, events: list[JsonObject]) -> list[JsonObject]:
        """Return the stand-in's answers, each with its window and the first event after its request."""
        answers = self._answers()
        lines = self.standin.truth()
        for line in lines:
            session, window, message = answers.get(line["message_id"], (None, None, {}))
            if message and message["stop_reason"] is None:
                # The person interrupted the reply: its length is what the client had been told by then.
                line["usage"]["output_tokens"] = message["usage"]["output_tokens"]
            at = line.pop("at")
            seq = next((index for index, event in enumerate(events) if event["at"] > at), len(events))
            line.update({"session": session, "window": window, "seq": seq})
        return lines

    def _answers(self) -> dict[str, tuple[str, str, JsonObject]]:
        """Return the session, the window ("main" or an agent's id) and the message, by its id."""
        found: dict[str, tuple[str, str, JsonObject]] = {}
        # Main transcripts first: an agent that is a fork repeats its parent's messages.
        for path in sorted(self.client.projects.rglob("*.jsonl"), key=lambda path: len(path.parts)):
            window = path.stem.removeprefix("agent-") if path.stem.startswith("agent-") else "main"
            session = path.relative_to(self.client.projects).parts[0].removesuffix(".jsonl")
            for line in path.read_bytes().splitlines():
                record = json.loads(line)
                if record.get("type") == "assistant":
                    message = record["message"]
                    found.setdefault(message["id"], (session, window, message))
        return found


def _write_lines(path: Path, values: list[JsonObject], disguise: Disguise | None = None) -> None:
    text = "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()
    path.write_bytes(disguise(text) if disguise else text)


def main() -> int:
    """Record the scenarios named on the command line."""
    scenarios = {**scripted.SCENARIOS, **natural.SCENARIOS}

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--client", required=True, help="the client's binary")
    parser.add_argument("--out", type=Path, help="default: tests/recordings/VERSION")
    parser.add_argument("scenario", nargs="+", choices=sorted(scenarios))
    options = parser.parse_args()
    version = client_version(options.client)
    out = options.out or TESTS / "recordings" / version
    for name in options.scenario:
        with tempfile.TemporaryDirectory(prefix="token-budget-") as folder:
            with StandIn(natural=name in natural.SCENARIOS) as standin:
                recorder = Recorder(options.client, Path(folder), standin)
                scenarios[name](recorder)
            shutil.rmtree(out / name, ignore_errors=True)
            recorder.save(out / name, version)
        size = sum(path.stat().st_size for path in (out / name).rglob("*") if path.is_file())
        sys.stdout.write(f"{version}/{name}: {size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
