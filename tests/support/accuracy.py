"""How far the main window's figure is from what its next request read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.metering import play

from moai_flow.core.window import COMPACTION
from moai_flow.hook import payload

if TYPE_CHECKING:
    from pathlib import Path

    from support.recordings import Event, Recording

JUDGED = (payload.USER_PROMPT_SUBMIT, payload.POST_TOOL_USE, payload.POST_TOOL_USE_FAILURE)
"""Events after which the figure is compared."""


def is_alone(recording: Recording, event: Event) -> bool:
    """Return whether no other tool call of the window is under way: nobody can know what it will answer."""
    begun, done = set(), set()
    for other in recording.events:
        if other.seq <= event.seq and other.window == event.window and "tool_use_id" in other.payload:
            (begun if other.name == payload.PRE_TOOL_USE else done).add(other.payload["tool_use_id"])
    return begun <= done


def errors(recording: Recording, place: Path) -> list[tuple[Event, float]]:
    """Return the errors (percent) of the main window's occupancy against what its next request read."""
    found = []
    for step in play(recording, place):
        window = step.ledger.windows.get("main")
        if "agent_id" in step.event.payload or step.event.name not in JUDGED or window is None or window.never_measured:
            continue
        request = recording.next_request(step.event)
        # The client's own figure of a compacted window leaves out the system's prompt, which comes back.
        if request is not None and not window.message.startswith(COMPACTION):
            found.append((step.event, abs(step.occupancy - request.read) * 100 / request.read))
    return found


def percentile(values: list[float], percent: int) -> float:
    """Return the value that `percent` of the values do not exceed."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]
