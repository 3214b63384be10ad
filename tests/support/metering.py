"""Plays a recording through the hooks, in this process, and tells what the ledger said after each event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.harness import Session

from moai_flow.core.swarm import MAIN
from moai_flow.hook import payload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.harness import Reply
    from support.recordings import Event, Recording

    from moai_flow.core.ledger import SessionLedger

REGISTERED = payload.EVENTS - {payload.PRE_TOOL_USE}


class Step:
    """One event after the hooks ran: what they replied and what the session's ledger is now."""

    __slots__ = ("event", "ledger", "replies")

    def __init__(self, event: Event, replies: list[Reply], ledger: SessionLedger) -> None:
        self.event = event
        self.replies = replies
        self.ledger = ledger

    @property
    def occupancy(self) -> int:
        """Tokens of the main window, measured and estimated; 0 before it has any."""
        window = self.ledger.windows.get(MAIN)
        return window.tokens if window is not None else 0

    @property
    def shared(self) -> int:
        """Tokens of all shared swarms."""
        return sum(swarm.consumed for swarm in self.ledger.swarms.values() if not swarm.isolated)


def figures(step: Step) -> dict[str, object]:
    """Return every figure of a ledger that somebody can see."""
    return {
        "swarms": {name: swarm.consumed for name, swarm in step.ledger.swarms.items()},
        "windows": {
            key: (window.occupancy, window.tokens, window.message, dict(window.holdings))
            for key, window in step.ledger.windows.items()
        },
        "total": step.ledger.total_consumed,
    }


def play(
    recording: Recording,
    place: Path,
    *,
    times: int = 1,
    settings: dict[str, str] | None = None,
    ordered: Callable[[list[Event]], list[Event]] | None = None,
) -> Iterator[Step]:
    """Yield each event of a recording once the hooks have run.

    Args:
        recording: what to play.
        place: an empty folder for transcripts and ledgers.
        times: how often every hook runs (twice where settings and a plugin both register it).
        settings: variables of the environment beside the state folder's.
        ordered: the order of events that ran at the same time; the transcripts stay those of the first.
    """
    session = Session(place)
    session.env = {"HOME": str(place), "TOKEN_BUDGET_STATE_DIR": str(session.state), **(settings or {})}
    events = (event for event in recording.replay(place) if event.name in REGISTERED)
    for group in _groups(events) if ordered else ([event] for event in events):
        for event in ordered(group) if ordered else group:
            session.session = str(event.payload["session_id"])
            now = 1_000_000.0 + event.at
            replies = [session.respond(event.payload, env=event.env, now=now) for _ in range(times)]
            if session.ledger_file.exists():
                yield Step(event, replies, session.ledger)


def _groups(events: Iterator[Event]) -> Iterator[list[Event]]:
    """Yield the events in groups that may run in any order: tool results of one window while its file stands."""
    group: list[Event] = []
    for event in events:
        together = (
            bool(group)
            and event.name == group[0].name == payload.POST_TOOL_USE
            and event.window == group[0].window
            and event.sizes == group[0].sizes
        )
        if group and not together:
            yield group
            group = []
        group.append(event)
    if group:
        yield group
