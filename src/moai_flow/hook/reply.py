"""From notices to the one JSON object that the client reads, or nothing.

Pure. `additionalContext` starts the turn again at Stop and SubagentStop, is discarded at SessionEnd, and text at
PreCompact becomes instructions: only the events listed here may speak, and only to whom the client passes it on.
"""

from __future__ import annotations

from moai_flow.hook.payload import (
    POST_TOOL_USE,
    POST_TOOL_USE_FAILURE,
    SESSION_START,
    STOP,
    SUBAGENT_START,
    USER_PROMPT_SUBMIT,
)
from moai_flow.resource import wire

MOST_CHARACTERS = 10_000
"""The client's own limit for what a hook may say."""

REACHES_PERSON = frozenset({SESSION_START, USER_PROMPT_SUBMIT, POST_TOOL_USE, POST_TOOL_USE_FAILURE, STOP})
REACHES_MODEL = frozenset({USER_PROMPT_SUBMIT, POST_TOOL_USE, POST_TOOL_USE_FAILURE, SUBAGENT_START})

_ROOM = 4_500


def render(event_name: str, to_person: list[str], to_model: list[str]) -> str:
    """Return the reply in ASCII, "" with nothing to say.

    Args:
        event_name: the event that is answered.
        to_person: lines for the person.
        to_model: lines for the model.
    """
    reply: dict[str, object] = {}
    if to_person and event_name in REACHES_PERSON:
        reply["systemMessage"] = _joined(to_person)
    if to_model and event_name in REACHES_MODEL:
        reply["hookSpecificOutput"] = {"hookEventName": event_name, "additionalContext": _joined(to_model)}
    return wire.encode(reply) if reply else ""


def _joined(lines: list[str]) -> str:
    """Return the lines as one text that leaves room for the other reader's; the first lines matter most."""
    text = "\n".join(lines)
    return text if len(text) <= _ROOM else text[: _ROOM - 3] + "..."
