"""What a session's ledger remembers beside tokens: its window's size, its pace, and what was said already."""

from __future__ import annotations

TURNS_LENGTH = 10
"""Ends of turns that the pace is taken from."""

SETTLEMENTS_LENGTH = 50
"""Settlements that are kept to tell how far the estimates were off."""


class Session:
    """One session of the client.

    `turns` is the main window's occupancy (tokens) at the end of each of the last turns since it last fell.
    `settlements` are (kind, estimated, measured) in tokens. `told_person` and `told_model` are the levels (0-2)
    last said of the whole budget. `news` are lines that wait for the next event that reaches the person, `said`
    names what is only ever said once. `size_source` says where the window's size is known from; `compacts_at` is
    where the client compacts by itself (tokens, 0 if unknown), `told_compaction` whether that was said since it
    came near. `settings` are those in force at the last event, for readers that are told less than a hook. `floor`
    is where in the transcript (bytes) a reset without a new session was made: what stands before it is history.
    `phase` is MoAI-ADK's phase, `phase_from` what the main window held (tokens) when it began.
    `finished` are the tokens that the last agents of each swarm used.
    """

    __slots__ = (
        "compacts_at",
        "factors",
        "finished",
        "floor",
        "model",
        "news",
        "phase",
        "phase_from",
        "said",
        "session_id",
        "settings",
        "settlements",
        "size_source",
        "told_compaction",
        "told_model",
        "told_person",
        "transcript",
        "turns",
        "window_size",
    )

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.transcript = ""
        self.model = ""
        self.phase = ""
        self.phase_from = 0
        self.window_size = 0
        self.size_source = ""
        self.compacts_at = 0
        self.floor = 0
        self.told_person = 0
        self.told_model = 0
        self.told_compaction = False
        self.factors: dict[str, float] = {}
        self.finished: dict[str, list[int]] = {}
        self.turns: list[int] = []
        self.settlements: list[tuple[str, int, int]] = []
        self.said: list[str] = []
        self.news: list[str] = []
        self.settings: dict[str, object] = {}

    def end_turn(self, occupancy: int) -> None:
        """Remember the occupancy (tokens) at the end of a turn; a fall starts the pace anew."""
        if self.turns and occupancy < self.turns[-1]:
            self.turns.clear()
        self.turns.append(occupancy)
        del self.turns[:-TURNS_LENGTH]

    def pace(self) -> int:
        """Return the tokens a turn added on average over the last turns, 0 while nothing is known."""
        steps = len(self.turns) - 1
        return (self.turns[-1] - self.turns[0]) // steps if steps > 0 else 0

    def remember_settlement(self, kind: str, estimated: int, measured: int) -> None:
        """Keep how far an estimate of `kind` was from what was then measured, in tokens."""
        self.settlements.append((kind, estimated, measured))
        del self.settlements[:-SETTLEMENTS_LENGTH]

    def once(self, what: str) -> bool:
        """Return True the first time `what` is asked for, and never again."""
        if what in self.said:
            return False
        self.said.append(what)
        return True
