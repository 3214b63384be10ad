"""From the bytes on standard input to an event.

Pure. A payload comes from outside: every field is checked for its type, names are made safe before anything is
printed or used as a key, and a path is taken only where a transcript can be.
"""

from __future__ import annotations

from moai_flow.core import compact_json
from moai_flow.core.names import NAME_CHARACTERS, is_swarm_name, safe_name
from moai_flow.core.setting_checks import MAX_TOKENS
from moai_flow.core.swarm import MAIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SESSION_START = "SessionStart"
USER_PROMPT_SUBMIT = "UserPromptSubmit"
PRE_TOOL_USE = "PreToolUse"
POST_TOOL_USE = "PostToolUse"
POST_TOOL_USE_FAILURE = "PostToolUseFailure"
SUBAGENT_START = "SubagentStart"
SUBAGENT_STOP = "SubagentStop"
STOP = "Stop"
SESSION_END = "SessionEnd"
POST_MODEL_SWITCH = "PostModelSwitch"
"""Newer clients only: one that does not know an event loses the whole file that registers it."""

EVENTS = frozenset(
    {
        SESSION_START,
        USER_PROMPT_SUBMIT,
        PRE_TOOL_USE,
        POST_TOOL_USE,
        POST_TOOL_USE_FAILURE,
        SUBAGENT_START,
        SUBAGENT_STOP,
        STOP,
        SESSION_END,
        POST_MODEL_SWITCH,
    }
)

COMPACTING = "acompact-"
"""How the ids of the helpers begin that summarize a conversation. They copy the history that they summarize."""

_DEVICE_NAMES = frozenset(
    {"CON", "PRN", "AUX", "NUL", *[f"COM{n}" for n in range(1, 10)], *[f"LPT{n}" for n in range(1, 10)]}
)
_LONGEST_PATH = 4096

MAX_MEMORY = 60_000_000
"""Bytes that a payload may take when it is decoded: six million empty lists fit into a small file."""

_LIGHT_BYTES = 1 << 18
_LONG_TEXT = 1 << 16


def fingerprint(text: str) -> str:
    """Return 8 hexadecimal digits that tell texts apart without telling what they say.

    Stable between processes, which `hash` is not, and without an import. Of a long text, the length and both ends
    tell it apart.
    """
    if len(text) > _LONG_TEXT:
        text = f"{len(text)}{text[: _LONG_TEXT // 2]}{text[-_LONG_TEXT // 2 :]}"
    return f"{int.from_bytes(text.encode('utf-8', 'surrogatepass'), 'little') % 4_294_967_291:08x}"


def safe_id(raw: str) -> str:
    """Return an id that may name a file: itself if it can, else a safe name with a fingerprint."""
    if is_swarm_name(raw) and raw[0] != "." and raw.partition(".")[0].upper() not in _DEVICE_NAMES:
        return raw
    return f"{safe_name(raw[:40]).replace('.', '-')}-{fingerprint(raw)}"


def agent_id(raw: str) -> str:
    """Return a subagent's id as the key of its window: never that of the main window."""
    key = safe_id(raw)
    return key if key != MAIN else f"{key}-{fingerprint(raw)}"


def _text(payload: dict[str, Any], field: str) -> str:
    value = payload.get(field)
    return value if isinstance(value, str) else ""


def transcript_path(path: str) -> str:
    """Return `path` if a transcript can be there: absolute, without a way back, a `.jsonl` file; else ""."""
    if not path.startswith("/") or not path.endswith(".jsonl") or len(path) > _LONGEST_PATH:
        return ""
    return "" if "\0" in path or "/../" in path else path


class Event:
    """What a hook was told, with every field checked.

    `agent` is "" in the main window. `agent_type` may be "" inside a subagent too: then it is one of the client's
    own helpers. `call` is the id of the tool call, `prompt_key` tells one submitted prompt from another.
    `context_tokens` is what a resumed or forked session begins with, or what the window holds for the model that was
    switched to; 0 where the client does not tell it.
    """

    __slots__ = (
        "agent",
        "agent_transcript",
        "agent_type",
        "call",
        "context_tokens",
        "cwd",
        "error",
        "model",
        "name",
        "prompt",
        "prompt_key",
        "reply",
        "response",
        "session",
        "source",
        "tool",
        "tool_input",
        "transcript",
    )

    def __init__(self, payload: dict[str, Any]) -> None:
        self.name = _text(payload, "hook_event_name")
        self.session = safe_id(_text(payload, "session_id"))
        self.transcript = transcript_path(_text(payload, "transcript_path"))
        self.cwd = _text(payload, "cwd")
        agent = _text(payload, "agent_id")
        self.agent = agent_id(agent) if agent else ""
        self.agent_type = _text(payload, "agent_type")
        stem = self.transcript[: -len(".jsonl")]
        inside = transcript_path(_text(payload, "agent_transcript_path"))
        self.agent_transcript = inside if stem and inside.startswith(stem + "/") else ""
        self.tool = _text(payload, "tool_name")
        self.tool_input = payload.get("tool_input")
        self.response = payload.get("tool_response")
        self.error = payload.get("error")
        tokens = payload.get("context_tokens")
        self.context_tokens = tokens if isinstance(tokens, int) and 0 < tokens <= MAX_TOKENS else 0
        call = _text(payload, "tool_use_id")
        self.call = safe_id(call) if call else ""
        self.prompt = _text(payload, "prompt")
        prompt_id = _text(payload, "prompt_id")
        # The client submits prompts of its own under the id of the person's: the text tells them apart.
        self.prompt_key = f"{safe_id(prompt_id)}.{fingerprint(self.prompt)}" if prompt_id else ""
        self.reply = _text(payload, "last_assistant_message")
        self.source = _text(payload, "source") or _text(payload, "reason")
        model = _text(payload, "model") or _text(payload, "to_model")
        self.model = "".join([c for c in model[:64] if c in NAME_CHARACTERS or c in "[]/:"])

    @property
    def is_helper(self) -> bool:
        """Whether this is one of the client's own helpers, which are not budgeted."""
        return bool(self.agent) and (not self.agent_type or self.agent.startswith(COMPACTING))


def parse(data: bytes) -> Event | None:
    """Return the event of a payload, None for anything that is no payload of an event this package knows."""
    if len(data) > _LIGHT_BYTES and compact_json.weight(data) > MAX_MEMORY:
        return None
    try:
        payload = compact_json.decode(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(payload, dict):
        return None
    name, session = payload.get("hook_event_name"), payload.get("session_id")
    if not isinstance(name, str) or name not in EVENTS or not isinstance(session, str) or not session:
        return None
    return Event(payload)
