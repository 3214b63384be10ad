"""What a Workflow call may start, as far as its script can be read without running it. Pure."""

from __future__ import annotations

DEFAULT_TYPE = "workflow-subagent"
"""The type of a workflow's agent that names none."""

MAX_SCRIPT = 1 << 19
"""Characters of a script that are looked at: the client's own limit."""

_REPEATS = (".map(", ".forEach(", ".flatMap(", "Array.from(", "for (", "for(", "while (", "while(", "pipeline(")
_TYPE = "agentType"
_MAX_TYPE = 128


def agents_of(tool_input: object) -> tuple[int, list[str]]:
    """Return how many agents a call starts at most, 0 where its script does not tell, and the types it names.

    A script that repeats a call of `agent(…)` in a loop, or that stands in a file, does not tell how many.
    """
    script = tool_input.get("script") if isinstance(tool_input, dict) else None
    if not isinstance(script, str) or not script:
        return 0, [DEFAULT_TYPE]
    script = script[:MAX_SCRIPT]
    calls = script.count("agent(") - script.count("subagent(")
    types = []
    position = script.find(_TYPE)
    while position >= 0:
        name = _quoted(script[position + len(_TYPE) : position + len(_TYPE) + _MAX_TYPE])
        if name and name not in types:
            types.append(name)
        position = script.find(_TYPE, position + 1)
    if script.count(_TYPE) < calls or not types:
        types.append(DEFAULT_TYPE)
    is_repeated = any(sign in script for sign in _REPEATS)
    return (0 if is_repeated else calls), types


def _quoted(text: str) -> str:
    """Return the text in quotes that follows a colon, "" for anything else."""
    before, colon, value = text.partition(":")
    value = value.lstrip()
    if before.strip(" \"'") or not colon or value[:1] not in ("'", '"', "`"):
        return ""
    return value[1:].partition(value[0])[0]
