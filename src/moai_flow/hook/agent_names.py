"""What each subagent was started for: the description that the client keeps beside the agent's transcript."""

from __future__ import annotations

from moai_flow.core import compact_json
from moai_flow.core.names import printable
from moai_flow.core.swarm import MAIN
from moai_flow.hook.state import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger

MAX_LENGTH = 60
"""Characters of a description that are shown."""

MAX_READ = 100
"""Agents whose description is read: a table shows a few."""

_MAX_BYTES = 1 << 16


def descriptions(ledger: SessionLedger) -> dict[str, str]:
    """Return the description of each agent of a session by the key of its window; clients write it since 2.1.197.

    An agent without one, or with a file that cannot be used, is left out.
    """
    session = ledger.session
    if not session.transcript:
        return {}
    stem = session.transcript.removesuffix(".jsonl")
    found = {}
    for key, window in list(ledger.windows.items())[-MAX_READ:]:
        if key == MAIN:
            continue
        path = f"{stem}/{window.path.removesuffix('.jsonl') or f'subagents/agent-{key}'}.meta.json"
        text = _description(path)
        if text:
            found[key] = text
    return found


def _description(path: str) -> str:
    try:
        meta = compact_json.decode(files.read_start(path, _MAX_BYTES).decode("utf-8", "replace"))
    except (OSError, ValueError, RecursionError):
        return ""
    text = meta.get("description") if isinstance(meta, dict) else None
    return printable(" ".join(text.split()), MAX_LENGTH) if isinstance(text, str) else ""
