"""What requests and replies of the Messages API hold: texts, tokens, content blocks, events."""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

JsonObject = dict[str, Any]

BYTES_PER_TOKEN = 4
# The published rule for images: width x height / 750 tokens.
PIXELS_PER_TOKEN = 750


def text_of(message: JsonObject, *, results: bool = True) -> str:
    """Return the texts of a message; tool results too unless `results` is false."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    found: list[str] = []
    for block in content or []:
        if block.get("type") == "text":
            found.append(str(block["text"]))
        elif results and block.get("type") == "tool_result":
            found.append(text_of(block))
    return "\n".join(found)


def natural_tokens(messages: list[JsonObject], size: int) -> int:
    """Return the input tokens of a request of `size` bytes: a quarter, but images by their pixels."""
    pixels = 0
    for message in messages:
        for data in _images(message):
            size -= len(data)
            pixels += _pixels(base64.b64decode(data))
    return size // BYTES_PER_TOKEN + pixels // PIXELS_PER_TOKEN


def is_compaction(messages: list[JsonObject]) -> bool:
    """Tell whether the client asks for a summary of the conversation."""
    prompts = [message for message in messages if message.get("role") == "user"]
    return bool(prompts) and "create a detailed summary" in text_of(prompts[-1], results=False)


def tokens_of(content: list[JsonObject]) -> int:
    """Return the output tokens of a reply: its bytes / 4."""
    text = json.dumps(content, ensure_ascii=False)
    return max(1, len(text.encode()) // BYTES_PER_TOKEN)


def _images(block: JsonObject) -> Iterator[str]:
    for part in block.get("content") or []:
        if not isinstance(part, dict):
            continue
        if part.get("type") == "image":
            yield str(part.get("source", {}).get("data", ""))
        elif part.get("type") == "tool_result" and isinstance(part.get("content"), list):
            yield from _images(part)


def _pixels(data: bytes) -> int:
    """Return width x height of a PNG, or a guess from the size of anything else."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        width, height = struct.unpack(">II", data[16:24])
        return int(width * height)
    return len(data) * 3


def content_of(step: JsonObject, number: int) -> Iterator[JsonObject]:
    """Yield the content blocks of a step's reply; `number` makes the ids of its calls."""
    if "thinking" in step:
        yield {"type": "thinking", "thinking": step["thinking"], "signature": "c3RhbmQtaW4="}
    if "text" in step:
        yield {"type": "text", "text": step["text"]}
    calls = step.get("tools") or ([[step["tool"], step.get("input", {})]] if "tool" in step else [])
    for index, (name, arguments) in enumerate(calls):
        yield {"type": "tool_use", "id": f"toolu_{number:06d}{index:02d}", "name": name, "input": arguments}


def events(message: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Yield the server-sent events of a message, as the API streams it."""
    start = dict(message, content=[], stop_reason=None)
    # The API reports what it read at once, and what it wrote only at the end.
    start["usage"] = dict(message["usage"], output_tokens=1)
    yield "message_start", {"message": start}
    for index, block in enumerate(message["content"]):
        empty, delta = _block(block)
        yield "content_block_start", {"index": index, "content_block": empty}
        for part in delta:
            yield "content_block_delta", {"index": index, "delta": part}
        yield "content_block_stop", {"index": index}
    end = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield "message_delta", {"delta": end, "usage": message["usage"]}
    yield "message_stop", {}


def _block(block: JsonObject) -> tuple[JsonObject, list[JsonObject]]:
    """Return how a content block opens and the deltas that fill it."""
    if block["type"] == "text":
        return {"type": "text", "text": ""}, [{"type": "text_delta", "text": block["text"]}]
    if block["type"] == "thinking":
        return {"type": "thinking", "thinking": "", "signature": ""}, [
            {"type": "thinking_delta", "thinking": block["thinking"]},
            {"type": "signature_delta", "signature": block["signature"]},
        ]
    return dict(block, input={}), [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
