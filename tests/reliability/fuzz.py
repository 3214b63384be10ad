"""Payloads and transcripts made up at random, around those of the client: `python fuzz.py COUNT [SEED]`."""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hostile import ODD_RESPONSES, WORDS
from support.harness import AGENT, EXAMPLES, Session, check
from support.transcript import message

from moai_flow.core import codec
from moai_flow.core.config import BudgetConfig
from moai_flow.hook.payload import EVENTS as NAMES
from moai_flow.hook.payload import parse
from moai_flow.hook.respond import respond
from moai_flow.hook.state import files

if TYPE_CHECKING:
    from moai_flow.core.ledger import Ledger

FIELDS = [
    *("session_id", "transcript_path", "cwd", "hook_event_name", "agent_id", "agent_type", "agent_transcript_path"),
    *("tool_name", "tool_input", "tool_use_id", "tool_response", "error", "prompt", "prompt_id", "source", "reason"),
    *("last_assistant_message", "model", "stop_hook_active", "background_tasks", "trigger", "effort"),
]
BYTES = [b"", b"\0", b'"', b"{", b"}", b"[", b"]", b":", b",", b"\\", b"\\u", b"\xff", b"1e999", b"NaN", b"-", b"\n"]
PAUSE = 0.001


class Fuzzer:
    """One stream of made-up sessions, the same for the same seed."""

    def __init__(self, session: Session, seed: int) -> None:
        self.session = session
        self.random = random.Random(seed)
        self.taken = 0
        sys.stdout.write(f"fuzzing with seed {seed}\n")

    def value(self, depth: int = 0) -> Any:
        """Return any JSON value; more often one that means something somewhere."""
        pick = self.random.random()
        if pick < 0.35:
            return self.random.choice(list(WORDS.values()))
        if pick < 0.5:
            return self.random.choice([None, True, False, 0, -1, 1 << 40, 10**30, 1e308, -0.0, "", [], {}])
        if pick < 0.65 or depth > 3:
            return "".join(chr(self.random.randrange(1, 0x3000)) for _ in range(self.random.randrange(40)))
        if pick < 0.8:
            return self.random.choice(list(ODD_RESPONSES.values()))[1]
        if pick < 0.9:
            return [self.value(depth + 1) for _ in range(self.random.randrange(5))]
        return {str(self.value(4)): self.value(depth + 1) for _ in range(self.random.randrange(5))}

    def payload(self) -> bytes:
        """Return a payload: fields changed, dropped and added, sometimes bytes changed too."""
        event = self.random.choice(list(EXAMPLES))
        payload = self.session.example(event, tool_use_id=f"toolu_{self.random.randrange(40)}")
        if self.random.random() < 0.3:
            payload.update(agent_id=AGENT, agent_type=self.random.choice(["backend", "main", "", "x" * 70]))
        if self.random.random() < 0.2:
            payload["session_id"] = self.random.choice(["a", "b", *WORDS.values()])
        if self.random.random() < 0.3:
            payload["tool_name"], payload["tool_response"] = self.random.choice(list(ODD_RESPONSES.values()))
        for _ in range(self.random.choice([0, 0, 1, 1, 2, 5])):
            field = self.random.choice(FIELDS)
            if self.random.random() < 0.2:
                payload.pop(field, None)
            else:
                payload[field] = self.value()
        data = json.dumps(payload, ensure_ascii=self.random.random() < 0.5).encode("utf-8", "surrogatepass")
        if self.random.random() < 0.25:
            for _ in range(self.random.randrange(1, 6)):
                at = self.random.randrange(len(data))
                data = data[:at] + self.random.choice(BYTES) + data[at + self.random.randrange(4) :]
        return data

    def record(self) -> str:
        """Return a line of a transcript, its usage or its form changed."""
        record = message(f"msg_{self.random.randrange(30)}", self.random.randrange(100, 300_000))
        if self.random.random() < 0.3:
            record["message"]["usage"] = {"input_tokens": self.value(), "output_tokens": self.value()}
        if self.random.random() < 0.3:
            record[self.random.choice(["type", "uuid", "message", "isSidechain", "timestamp"])] = self.value()
        if self.random.random() < 0.1:
            record = {"subtype": "compact_boundary", "compactMetadata": self.value(), "uuid": self.value()}
        line = json.dumps(record)
        return line[: self.random.randrange(len(line))] if self.random.random() < 0.1 else line

    def step(self) -> None:
        """Take one payload into this process and assert that nothing goes wrong; an exception is a finding."""
        if self.random.random() < 0.1:
            line = self.record() + "\n" * self.random.randrange(2)
            self.session.window().write(line.encode("utf-8", "surrogatepass"))
        if self.random.random() < 0.003:
            self.session.transcript.unlink(missing_ok=True)
            shutil.rmtree(self.session.state, ignore_errors=True)
        data = self.payload()
        event = parse(data)
        if event is None:
            return
        self.taken += 1
        assert event.name in NAMES
        text = respond(event, self.session.env, sys.platform, time.time(), wait_seconds=PAUSE)
        check(event.name, text, in_agent=bool(event.agent))
        stored = files.read(f"{self.session.state}/sessions/{event.session}.json", 1 << 24)
        if stored is not None:
            check_ledger(codec.decode(stored, BudgetConfig()))


def check_ledger(ledger: Ledger) -> None:
    """Assert the invariants: the shared swarms add up to the main window, and nothing is below 0."""
    main = ledger.windows.get("main")
    shared = sum(swarm.consumed for swarm in ledger.swarms.values() if not swarm.isolated)
    assert shared == (main.tokens if main is not None else 0)
    assert all(swarm.consumed >= 0 for swarm in ledger.swarms.values())


def main(count: int, seed: int) -> int:
    """Take so many payloads and print how many of them were events."""
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder))
        session.configure_project(warning_threshold_1=0.01, warning_threshold_2=0.02, tell_agents=True)
        fuzzer = Fuzzer(session, seed)
        for _ in range(count):
            fuzzer.step()
    sys.stdout.write(f"{count:,} fuzzed payloads (seed {seed}): {fuzzer.taken:,} were events, nothing went wrong\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 10**9))
