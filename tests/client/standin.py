"""A stand-in for the Messages API: the real client talks to it through ANTHROPIC_BASE_URL.

A conversation is scripted by its own prompt, so that the main thread and any number of parallel
subagents each follow a plan of their own: ``work PLAN: [step, ...]`` or ``work PLAN: "name"`` for a
plan put into :attr:`StandIn.plans`. A step is an object with any of

``thinking``, ``text``
    what the reply says
``tool`` and ``input``, or ``tools`` ([[name, input], ...])
    the calls it makes, in parallel if there are several
``ctx``
    the input tokens it reports; without it the input is estimated from the request's size
``usage``
    the whole usage object, word for word
``output``
    the output tokens it reports
``delay``
    seconds to wait before the first byte of the reply
``pace``
    seconds to wait after each content block, as a model takes time to write
``status``
    an HTTP status to fail with, instead of a reply

The step that is due is told by the request alone (replies since the prompt with the plan), so a
retried or resumed request gets the same answer.
"""

from __future__ import annotations

import base64
import json
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

JsonObject = dict[str, Any]

BYTES_PER_TOKEN = 4
# The published rule for images: width x height / 750 tokens.
PIXELS_PER_TOKEN = 750
SCRIPTED_OUTPUT = 50
MARK = "PLAN:"


def plan_prompt(text: str, steps: list[JsonObject] | str) -> str:
    """Return a prompt that makes the stand-in follow `steps`, or the plan of that name."""
    return f"{text} {MARK} {json.dumps(steps)}"


class Received:
    """One request the client sent, and what was answered."""

    __slots__ = ("answer", "at", "body", "headers", "kind", "size", "step")

    def __init__(self, body: JsonObject, headers: dict[str, str], size: int) -> None:
        self.body = body
        self.headers = headers
        self.size = size
        self.at = time.time()
        self.kind = "turn"
        self.step = -1
        self.answer: JsonObject = {}

    @property
    def messages(self) -> list[JsonObject]:
        """The messages of the request, in order."""
        return list(self.body.get("messages") or [])

    @property
    def usage(self) -> JsonObject:
        """The usage that was answered."""
        return dict(self.answer.get("usage") or {})

    @property
    def message_id(self) -> str:
        """The id of the message that was answered: the transcript repeats it."""
        return str(self.answer.get("id") or "")

    @property
    def text(self) -> str:
        """Everything the model would read, as one string: where tests look for what hooks added."""
        return "\n".join(text_of(message) for message in self.messages)


class StandIn:
    """The server; start it with `with StandIn() as standin`.

    Args:
        natural: report usage from the request's size for steps without `ctx` or `usage` (otherwise
            they report the last `ctx` of the plan, plus 100 for each step since).
        model: the model name replies carry; by default the one that was asked for.
    """

    def __init__(self, *, natural: bool = False, model: str | None = None) -> None:
        self.natural = natural
        self.model = model
        self.plans: dict[str, list[JsonObject]] = {}
        self.received: list[Received] = []
        self.others: list[str] = []
        self._lock = threading.Lock()
        self._replies = 0
        self._server = _Server(self)

    def __enter__(self) -> Self:
        serve = self._server.serve_forever
        threading.Thread(target=serve, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """What ANTHROPIC_BASE_URL must be."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def turns(self) -> list[Received]:
        """The requests of conversations: without the client's own errands (titles, quota, summaries)."""
        with self._lock:
            return [received for received in self.received if received.kind == "turn" and received.answer]

    def truth(self) -> list[JsonObject]:
        """What was answered, turn by turn: the usage is what a meter is held to."""
        return [
            {
                "bytes": received.size,
                "messages": len(received.messages),
                "usage": received.usage,
                "message_id": received.message_id,
                "at": received.at,
            }
            for received in self.turns
        ]

    def answer(self, received: Received) -> tuple[int, JsonObject, JsonObject]:
        """Return the status, the message and the step for a request, and remember it."""
        step = self._step(received)
        with self._lock:
            self._replies += 1
            number = self._replies
            self.received.append(received)
        if step.get("status", 200) != 200:
            error = {"type": "overloaded_error", "message": "the plan says so"}
            return int(step["status"]), {"type": "error", "error": error}, step
        content = list(_content(step, number))
        calls = any(block["type"] == "tool_use" for block in content)
        message: JsonObject = {
            "id": f"msg_{number:08d}",
            "type": "message",
            "role": "assistant",
            "model": self.model or received.body.get("model") or "claude-opus-5-5",
            "content": content,
            "stop_reason": "tool_use" if calls else "end_turn",
            "stop_sequence": None,
            "usage": self._usage(step, received, content),
        }
        received.answer = message
        return 200, message, step

    def _step(self, received: Received) -> JsonObject:
        if is_compaction(received):
            received.kind = "compact"
            return {"text": "<summary>The work so far, in short.</summary>"}
        if not received.body.get("tools"):
            received.kind = "helper"
            return {"text": '{"title": "A session"}'}
        plan, done = self._plan(received.messages)
        if plan is None:
            return {"text": "done"}
        received.step = done
        step = dict(plan[done]) if done < len(plan) else {"text": "done"}
        if "ctx" not in step and "usage" not in step and not self.natural:
            known = [(index, one["ctx"]) for index, one in enumerate(plan[: done + 1]) if "ctx" in one]
            if known:
                index, tokens = known[-1]
                step["ctx"] = tokens + 100 * (done - index)
        return step

    def _plan(self, messages: list[JsonObject]) -> tuple[list[JsonObject] | None, int]:
        """Return the newest plan of a conversation and how many replies came after it."""
        done = 0
        for message in reversed(messages):
            if message.get("role") == "assistant":
                done += 1
            elif message.get("role") == "user":
                plan = self._parse(text_of(message, results=False))
                if plan is not None:
                    return plan, done
        return None, 0

    def _parse(self, text: str) -> list[JsonObject] | None:
        start = text.find(MARK)
        if start < 0:
            return None
        try:
            plan, _ = json.JSONDecoder().raw_decode(text[start + len(MARK) :].lstrip())
        except ValueError:
            return None
        if isinstance(plan, str):
            return self.plans.get(plan)
        return plan if isinstance(plan, list) else None

    def _usage(self, step: JsonObject, received: Received, content: list[JsonObject]) -> JsonObject:
        if "usage" in step:
            return dict(step["usage"])
        tokens = int(step["ctx"]) if "ctx" in step else natural_tokens(received)
        fresh, created = 10, 2000
        if tokens < fresh + created:
            fresh, created = tokens, 0
        output = SCRIPTED_OUTPUT if "ctx" in step else _tokens(json.dumps(content, ensure_ascii=False))
        return {
            "input_tokens": fresh,
            "cache_creation_input_tokens": created,
            "cache_read_input_tokens": tokens - fresh - created,
            "output_tokens": int(step.get("output", output)),
        }


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


def natural_tokens(received: Received) -> int:
    """Return the input tokens of a request: its bytes / 4, but images by their pixels."""
    size, pixels = received.size, 0
    for message in received.messages:
        for data in _images(message):
            size -= len(data)
            pixels += _pixels(base64.b64decode(data))
    return size // BYTES_PER_TOKEN + pixels // PIXELS_PER_TOKEN


def is_compaction(received: Received) -> bool:
    """Tell whether the client asks for a summary of the conversation."""
    messages = [message for message in received.messages if message.get("role") == "user"]
    return bool(messages) and "create a detailed summary" in text_of(messages[-1], results=False)


def _tokens(text: str) -> int:
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


def _content(step: JsonObject, number: int) -> Iterator[JsonObject]:
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


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, standin: StandIn) -> None:
        self.standin = standin
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Print nothing: the tests own the output."""

    def do_HEAD(self) -> None:
        self._send(200, b"")

    def do_GET(self) -> None:
        self.server.standin.others.append(f"GET {self.path}")
        self._json(404, {"type": "error", "error": {"type": "not_found_error", "message": self.path}})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.split("?")[0]
        standin = self.server.standin
        if path == "/v1/messages/count_tokens":
            standin.others.append(f"POST {path}")
            self._json(200, {"input_tokens": len(raw) // BYTES_PER_TOKEN})
            return
        if path != "/v1/messages":
            standin.others.append(f"POST {path}")
            self._json(404, {"type": "error", "error": {"type": "not_found_error", "message": path}})
            return
        body = json.loads(raw)
        received = Received(body, {key.lower(): value for key, value in self.headers.items()}, len(raw))
        status, message, step = standin.answer(received)
        time.sleep(step.get("delay", 0))
        if status != 200 or not body.get("stream"):
            self._json(status, message)
            return
        self._stream(message, step.get("pace", 0))

    def _stream(self, message: JsonObject, pace: float) -> None:
        """Send a message event by event."""
        self._head(200, "text/event-stream", "Transfer-Encoding", "chunked")
        for name, data in events(message):
            text = f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()
            self._write(b"%x\r\n%s\r\n" % (len(text), text))
            if pace and name == "content_block_stop":
                time.sleep(pace)
        self._write(b"0\r\n\r\n")

    def _json(self, status: int, value: JsonObject) -> None:
        self._send(status, json.dumps(value).encode())

    def _send(self, status: int, body: bytes) -> None:
        self._head(status, "application/json", "Content-Length", str(len(body)))
        self._write(body)

    def _head(self, status: int, kind: str, *framing: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header(*framing)
        self.send_header("request-id", "req_standin")
        self.end_headers()

    def _write(self, data: bytes) -> None:
        try:
            self.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            # The client gave the request up: it was interrupted, or it ended.
            self.close_connection = True
