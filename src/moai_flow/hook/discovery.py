"""Finding a session's subagents by their transcripts, whether or not their hooks have run."""

from __future__ import annotations

import posix

from moai_flow.hook import transcript
from moai_flow.hook.payload import agent_id

MAX_AGENTS = 200
"""Agents that one search finds, the latest first: all their transcripts are read at one event."""

MAX_WORKFLOWS = 50
"""Workflows whose folders are searched, the latest first."""

SETTLED_SECONDS = 60.0
"""Seconds without a change after which a transcript that names no agent is taken for one of the client's helpers'."""

_PREFIX, _SUFFIX = "agent-", ".jsonl"
_HELPER = "acompact-"
"""How the ids of the client's own compaction helpers begin."""


def find_agents(place: str, known: set[str], files: int, now: float) -> tuple[dict[str, tuple[str, str]], int]:
    """Return the agents that have a transcript and are not known, and how many transcripts there are.

    Args:
        place: the folder `subagents` of the session.
        known: ids of the agents that the ledger has.
        files: the transcripts that were there at the last search; with as many now, nothing is read.
        now: seconds since the epoch.

    Returns:
        By the agent's id, its type and its path below the session's folder ("" in the usual place); and the number
        of transcripts to hand in at the next search: -1 where one may still tell whose it is.
    """
    found: list[tuple[float, str, str, str]] = []
    count = 0
    for folder, below in [(place, ""), *_workflows(place)]:
        for name in _names(folder):
            if not (name.startswith(_PREFIX) and name.endswith(_SUFFIX)):
                continue
            count += 1
            key = name[len(_PREFIX) : -len(_SUFFIX)]
            if key == agent_id(key) and key not in known and not key.startswith(_HELPER):
                found.append((_changed(f"{folder}/{name}"), key, f"{folder}/{name}", below and f"{below}/{name}"))
    if count == files:
        return {}, files
    agents = {}
    for changed, key, path, below in sorted(found)[-MAX_AGENTS:]:
        agent_type = transcript.agent_type(path)
        if agent_type:
            agents[key] = (agent_type, below)
        elif now - changed < SETTLED_SECONDS:
            count = -1
    return agents, count


def _workflows(place: str) -> list[tuple[str, str]]:
    """Return the folders of the workflows' agents, and where they are below the session's folder."""
    names = [(_changed(f"{place}/workflows/{name}"), name) for name in _names(f"{place}/workflows")]
    latest = sorted(names)[-MAX_WORKFLOWS:]
    return [(f"{place}/workflows/{name}", f"subagents/workflows/{name}") for _, name in latest]


def _names(folder: str) -> list[str]:
    try:
        return posix.listdir(folder)
    except OSError:
        return []


def _changed(path: str) -> float:
    try:
        return posix.lstat(path).st_mtime
    except OSError:
        return 0.0
