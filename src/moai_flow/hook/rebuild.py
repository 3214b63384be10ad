"""Rebuilding a ledger that was damaged: the subagents' windows come back from their transcripts."""

from __future__ import annotations

import posix

from moai_flow.hook import attribution, meter, transcript
from moai_flow.hook.payload import agent_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.ledger import Ledger

MAX_AGENTS = 200
"""Subagents that are found again, the latest first; all their transcripts are read at one event."""

_FOLDER = "/subagents/"
_PREFIX, _SUFFIX = "agent-", ".jsonl"


def find_agents(ledger: Ledger, main_transcript: str, now: float) -> None:
    """Make and measure a window for every subagent that has a transcript and is not in the ledger.

    A transcript that names no agent is one of the client's own helpers': nobody budgets those.
    """
    place = main_transcript[: -len(_SUFFIX)] + _FOLDER
    try:
        names = posix.listdir(place) if main_transcript else []
    except OSError:
        return
    found = []
    for name in names:
        if name.startswith(_PREFIX) and name.endswith(_SUFFIX):
            key = name[len(_PREFIX) : -len(_SUFFIX)]
            if key == agent_id(key) and key not in ledger.windows:
                found.append((_changed(place + name), key))
    for _, key in sorted(found)[-MAX_AGENTS:]:
        agent_type = transcript.agent_type(f"{place}{_PREFIX}{key}{_SUFFIX}")
        if agent_type:
            window = attribution.agent_window(ledger, key, agent_type, now)
            meter.measure(ledger, window, main_transcript, now)


def _changed(path: str) -> float:
    try:
        return posix.lstat(path).st_mtime
    except OSError:
        return 0.0
