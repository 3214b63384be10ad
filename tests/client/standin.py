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

import json
import threading
import time
from typing import TYPE_CHECKING

from messages import JsonObject, content_of, is_compaction, natural_tokens, text_of, tokens_of
from standin_server import Server

if TYPE_CHECKING:
    from typing_extensions import Self

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
        self._server = Server(self)

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

    def answer(self, body: JsonObject, headers: dict[str, str], size: int) -> tuple[int, JsonObject, JsonObject]:
        """Return the status, the message and the step for a request of `size` bytes, and remember it."""
        received = Received(body, headers, size)
        step = self._step(received)
        with self._lock:
            self._replies += 1
            number = self._replies
            self.received.append(received)
        if step.get("status", 200) != 200:
            error = {"type": "overloaded_error", "message": "the plan says so"}
            return int(step["status"]), {"type": "error", "error": error}, step
        content = list(content_of(step, number))
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
        if is_compaction(received.messages):
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
        tokens = int(step["ctx"]) if "ctx" in step else natural_tokens(received.messages, received.size)
        fresh, created = 10, 2000
        if tokens < fresh + created:
            fresh, created = tokens, 0
        output = SCRIPTED_OUTPUT if "ctx" in step else tokens_of(content)
        return {
            "input_tokens": fresh,
            "cache_creation_input_tokens": created,
            "cache_read_input_tokens": tokens - fresh - created,
            "output_tokens": int(step.get("output", output)),
        }
