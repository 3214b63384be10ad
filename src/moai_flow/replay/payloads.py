"""The hook payloads that a transcript's records imply. Pure.

A prompt and a tool's result are written after their hooks have run, a reply before its Stop hook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moai_flow.hook.payload import (
    POST_TOOL_USE,
    POST_TOOL_USE_FAILURE,
    SESSION_START,
    STOP,
    SUBAGENT_START,
    SUBAGENT_STOP,
    USER_PROMPT_SUBMIT,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moai_flow.replay.lines import Line, Record

Payload = dict[str, Any]

_OPEN_ENDED = (None, "tool_use", "pause_turn")

_NO_PROMPTS = ("<command-", "<local-command-")
"""How records begin that the client writes for its own commands, for which no hook runs."""


class Reader:
    """Reads the lines of one session in order and tells which hooks ran before and after each.

    Args:
        session_id: the session's id in the payloads.
        agent_types: the type of each subagent, by its id.
    """

    def __init__(self, session_id: str, agent_types: dict[str, str]) -> None:
        self._session_id = session_id
        self._agent_types = agent_types
        self._calls: dict[str, tuple[str, Any]] = {}
        self._started: set[str] = set()
        self._ended: set[str] = set()
        self._prompts = 0

    def before(self, line: Line) -> Iterator[Payload]:
        """Yield the payloads of the hooks that ran before the line was written."""
        if line.agent and line.agent not in self._started:
            self._started.add(line.agent)
            yield self._payload(line, SUBAGENT_START)
        record = line.record
        if record.get("type") != "user" or not self._is_of_its_window(line):
            return
        content = _content(record)
        if not isinstance(content, str) and not any(block.get("type") == "tool_result" for block in content):
            # A prompt with an image: the hook is given its text.
            content = "\n".join(str(block["text"]) for block in content if block.get("type") == "text")
        if isinstance(content, str):
            is_own = record.get("isMeta") or record.get("isCompactSummary") or content.startswith(_NO_PROMPTS)
            # What begins a conversation anew is read from its record, which the hook cannot see yet.
            is_anew = self._prompts and record.get("parentUuid", "") is None
            if not line.agent and not is_own and not is_anew:
                self._prompts += 1
                prompt_id = record.get("promptId") or f"prompt-{self._prompts}"
                yield {**self._payload(line, USER_PROMPT_SUBMIT), "prompt": content, "prompt_id": prompt_id}
            return
        for block in content:
            if block.get("type") == "tool_result":
                yield self._result(line, block)

    def after(self, line: Line) -> Iterator[Payload]:
        """Yield the payloads of the hooks that ran once the line was written."""
        record = line.record
        if record.get("subtype") == "compact_boundary":
            metadata = record.get("compactMetadata")
            trigger = metadata.get("trigger") if isinstance(metadata, dict) else None
            yield {**self._payload(line, SESSION_START), "source": "compact", "trigger": trigger}
        if record.get("type") != "assistant" or not self._is_of_its_window(line):
            return
        message = record.get("message")
        content = _content(record)
        for block in content if isinstance(content, list) else ():
            if block.get("type") == "tool_use":
                self._calls[str(block.get("id"))] = (str(block.get("name")), block.get("input"))
        stop = message.get("stop_reason") if isinstance(message, dict) else None
        identity = str(message.get("id")) if isinstance(message, dict) else ""
        if stop not in _OPEN_ENDED and identity not in self._ended:
            self._ended.add(identity)
            yield self._payload(line, SUBAGENT_STOP if line.agent else STOP)

    def _is_of_its_window(self, line: Line) -> bool:
        """Return whether a record belongs to the file's own window; old clients put side chains into the main one."""
        return bool(line.agent) or not line.record.get("isSidechain")

    def _payload(self, line: Line, name: str) -> Payload:
        payload: Payload = {"session_id": self._session_id, "hook_event_name": name}
        if line.agent:
            payload |= {"agent_id": line.agent, "agent_type": self._agent_types.get(line.agent, "agent")}
        cwd = line.record.get("cwd")
        return {**payload, "cwd": cwd} if isinstance(cwd, str) else payload

    def _result(self, line: Line, block: Record) -> Payload:
        call = str(block.get("tool_use_id"))
        tool, tool_input = self._calls.get(call, ("", {}))
        payload = self._payload(line, POST_TOOL_USE) | {
            "tool_use_id": call,
            "tool_name": tool,
            "tool_input": tool_input,
        }
        if block.get("is_error") is True:
            return payload | {"hook_event_name": POST_TOOL_USE_FAILURE, "error": _text(block.get("content"))}
        structured = line.record.get("toolUseResult")
        return payload | {"tool_response": structured if structured is not None else block.get("content")}


def agent_types(lines: list[Line]) -> dict[str, str]:
    """Return each subagent's type, as its own records or the Agent tool's answer name it."""
    types: dict[str, str] = {}
    asked: dict[str, str] = {}
    for line in lines:
        named = line.record.get("attributionAgent")
        if line.agent and isinstance(named, str):
            types.setdefault(line.agent, named)
        content = _content(line.record)
        for block in content if isinstance(content, list) else ():
            given = block.get("input")
            if (
                block.get("type") == "tool_use"
                and isinstance(given, dict)
                and isinstance(given.get("subagent_type"), str)
            ):
                asked[str(block.get("id"))] = given["subagent_type"]
            answer = line.record.get("toolUseResult")
            if (
                block.get("type") == "tool_result"
                and isinstance(answer, dict)
                and isinstance(answer.get("agentId"), str)
            ):
                kind = answer.get("agentType") or asked.get(str(block.get("tool_use_id")))
                if isinstance(kind, str):
                    types.setdefault(answer["agentId"], kind)
    return types


def _content(record: Record) -> str | list[Record]:
    """Return a message's content: a text, or its blocks."""
    message = record.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        return content
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    texts = [block.get("text") for block in blocks if block.get("type") == "text"]
    if record.get("type") == "user" and blocks and len(texts) == len(blocks):
        return "\n".join(str(text) for text in texts)
    return blocks


def _text(content: Any) -> str:
    return content if isinstance(content, str) else str(content)
