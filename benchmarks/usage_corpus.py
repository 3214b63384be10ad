"""Transcripts to measure `token-budget usage` with: hundreds of megabytes in the shape of real ones.

The shape was counted in 312 real transcripts of clients 1.0 to 2.1 (59 MB, 6,225 API messages): 250 lines with usage
in a megabyte, 2.3 for each message, 1.3 KB each; results of tools of 3.9 KB; reports of an agent's progress. Nothing of
their content is used. A tenth of the sessions are forks that repeat another one, a third have subagents.
"""

from __future__ import annotations

import json
import random
import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

MODELS = ("claude-opus-4-5-20251101", "claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001", "claude-opus-5-5")
_TEXT = "The parser takes the next token, and what it returns is checked \\n against the table of rules. " * 400
_START = datetime(2026, 6, 1, 8, tzinfo=timezone.utc)


class Corpus:
    """Writes sessions below a folder of projects until they have a size.

    Args:
        projects: the folder (`~/.claude/projects`).
        seed: the same seed writes the same files.
    """

    def __init__(self, projects: Path, seed: int = 13) -> None:
        self._projects = projects
        self._random = random.Random(seed)  # noqa: S311 - made-up content
        self._number = 0
        self.size = 0

    def fill(self, size: int) -> None:
        """Write sessions until all files have `size` bytes together."""
        earlier: list[tuple[Path, bytes]] = []
        while self.size < size:
            project = f"-home-dev-project-{self._random.randrange(12)}"
            folder = self._projects / project
            folder.mkdir(parents=True, exist_ok=True)
            session = str(uuid.UUID(int=self._random.getrandbits(128)))
            begun = _START + timedelta(minutes=self._random.randrange(150 * 24 * 60))
            wanted = min(int(self._random.lognormvariate(13.6, 1.0)), 40_000_000)
            copied = self._random.choice(earlier)[1] if earlier and self._random.random() < 0.1 else b""
            lines = copied + self._window(session, "", begun, wanted)
            self._write(folder / f"{session}.jsonl", lines)
            if len(lines) < 2_000_000 and len(earlier) < 50:
                earlier.append((folder, lines))
            if self._random.random() < 0.33:
                below = folder / session / "subagents"
                below.mkdir(parents=True)
                for _ in range(self._random.randrange(1, 6)):
                    agent = f"a{self._random.getrandbits(64):016x}"
                    self._write(below / f"agent-{agent}.jsonl", self._window(session, agent, begun, wanted // 8))

    def _write(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)
        self.size += len(data)

    def _window(self, session: str, agent: str, begun: datetime, size: int) -> bytes:
        """Return the lines of one window of about `size` bytes."""
        common = {"isSidechain": bool(agent), "userType": "external", "cwd": "/home/dev/project", "sessionId": session}
        common["version"] = "2.1.104"
        if agent:
            kind = self._random.choice(["Explore", "backend", "review"])
            common |= {"agentId": agent, "attributionAgent": kind}
        model = self._random.choice(MODELS)
        lines: list[bytes] = []
        written, held, now = 0, 20_000, begun
        prompt = str(uuid.UUID(int=self._random.getrandbits(128)))
        while written < size:
            begin = len(lines)
            now += timedelta(seconds=self._random.randrange(2, 90))
            self._number += 1
            held = held + self._random.randrange(100, 4_000) if held < 170_000 else 30_000
            identity = f"msg_{self._number:026d}"
            blocks = self._random.choice([1, 2, 2, 3, 3])
            for block in range(blocks):
                is_last = block == blocks - 1
                lines.append(self._assistant(common, now, identity, model, held, is_last=is_last))
            if agent and self._random.random() < 0.5:
                lines.append(_line({"type": "queue-operation", "content": _TEXT[:200]}, common, now))
            stdout = _TEXT[: int(self._random.expovariate(1 / 3_400))]
            block = {"tool_use_id": f"toolu_{self._number:024d}", "type": "tool_result", "content": stdout}
            record = {"type": "user", "promptId": prompt, "message": {"role": "user", "content": [block]}}
            lines.append(_line({**record, "toolUseResult": {"stdout": stdout, "stderr": ""}}, common, now))
            if self._random.random() < 0.15:
                lines.append(_line({"type": "file-history-snapshot", "snapshot": {"text": _TEXT[:300]}}, common, now))
            written += sum(map(len, lines[begin:]))
        return b"".join(lines)

    def _assistant(
        self, common: dict[str, Any], now: datetime, identity: str, model: str, held: int, *, is_last: bool
    ) -> bytes:
        fresh = self._random.randrange(100, 2_000)
        usage = {
            "input_tokens": 4,
            "cache_creation_input_tokens": 1_500,
            "cache_read_input_tokens": held,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 1_500},
            "output_tokens": 100 + held % 1_900 if is_last else 3,
            "service_tier": "standard",
        }
        text = {"type": "text", "text": _TEXT[: fresh // 2]}
        call = {"type": "tool_use", "id": f"toolu_{self._number:024d}", "name": "Edit", "input": {"new": _TEXT[:fresh]}}
        message = {
            "model": model,
            "id": identity,
            "type": "message",
            "role": "assistant",
            "content": [call if is_last else text],
            "stop_reason": "tool_use" if is_last else None,
            "usage": usage,
        }
        record = {"type": "assistant", "requestId": f"req_{self._number:024d}", "message": message}
        return _line(record, common, now)


def _line(record: dict[str, Any], common: dict[str, Any], now: datetime) -> bytes:
    stamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    own = {"uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{record}"[:200] + stamp)), "timestamp": stamp}
    return json.dumps({**common, **record, **own}, separators=(",", ":")).encode() + b"\n"
