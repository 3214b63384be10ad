"""Transcripts of the client's form, written record by record, for the tests of billed usage."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

Record = dict[str, Any]


def reply(message: str = "msg_1", request: str = "req_1", output: int = 50, **changes: Any) -> Record:
    """Return a line of an API message: 10 input tokens, 2,000 written to the cache for an hour, 3,000 read."""
    usage = changes.pop("usage", None) or {
        "input_tokens": 10,
        "cache_creation_input_tokens": 2_000,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 2_000},
        "cache_read_input_tokens": 3_000,
        "output_tokens": output,
    }
    content = changes.pop("content", [{"type": "text", "text": "done"}])
    model = changes.pop("model", "claude-opus-5-5")
    record = {
        "isSidechain": False,
        "message": {"id": message, "type": "message", "model": model, "content": content, "usage": usage},
        "requestId": request,
        "type": "assistant",
        "uuid": f"uuid-{message}-{output}",
        "timestamp": "2026-11-22T15:01:08.949Z",
        "sessionId": "s1",
        **changes,
    }
    return {name: value for name, value in record.items() if value is not None}


def prompt(identity: str) -> Record:
    """Return a person's prompt."""
    return {"promptId": identity, "type": "user", "message": {"role": "user", "content": "do it"}}


def lines(*records: Record) -> bytes:
    """Return records as the client writes them."""
    return b"".join(json.dumps(record, separators=(",", ":")).encode() + b"\n" for record in records)


def write(path: Path, *records: Record) -> Path:
    """Append records to a transcript, made with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(lines(*records))
    return path
