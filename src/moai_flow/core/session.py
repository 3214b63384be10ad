"""What a session's ledger remembers beside tokens: its window's size, its pace, the notices given."""

from __future__ import annotations

STARTED, RECALLED, CONFIG_PROBLEMS = "start", "recalled", "config"
"""Flags of a session: its SessionStart was seen; what earlier sessions learned was taken up; the settings that cannot
be used were named."""

TURNS_LENGTH = 10
"""Ends of turns that the pace is taken from."""

SETTLEMENTS_LENGTH = 50
"""Settlements that are kept to tell how far the estimates were off."""


class Session:
    """One session of the client.

    Attributes:
        session_id: its id.
        transcript: its main transcript's path.
        model: the model in use.
        turns: the main window's occupancy (tokens) at the end of each of the last turns since it last fell.
        settlements: (kind, estimated, measured) of the last settlements, in tokens.
        factors: what was learned of the model's text, by kind.
        finished: the tokens that the last agents of each swarm used.
        notified_person: the level (0-2) of the whole budget that the person was last notified of.
        notified_model: the same for the model.
        notified_compaction: whether the person was notified of the client's own compaction since it came near.
        pending_notices: lines that wait for the next event that reaches the person.
        flags: what happens once in a session and has happened (the names are this module's constants).
        window_size: tokens of the main window, 0 if unknown; `size_source` says where that is known from.
        client_window: tokens of the smaller window that the client was told to compact in, 0 for none.
        compacts_at: tokens at which the client compacts by itself, 0 if unknown.
        history_offset: bytes of the transcript that are history since a reset without a new session.
        settings: those in force at the last event, for readers that see fewer settings than a hook.
        last_event: when the last event was charged, in seconds since the epoch; 0.0 if unknown.
        has_worked: whether a prompt was submitted, a tool or an agent has run, or a turn has ended.
        agent_files: transcripts of subagents that were in the session's folder when it was last searched.
        phase: MoAI-ADK's phase; `phase_from` is what the main window held (tokens) when it began.
    """

    __slots__ = (
        "agent_files",
        "client_window",
        "compacts_at",
        "factors",
        "finished",
        "flags",
        "has_worked",
        "history_offset",
        "last_event",
        "model",
        "notified_compaction",
        "notified_model",
        "notified_person",
        "pending_notices",
        "phase",
        "phase_from",
        "session_id",
        "settings",
        "settlements",
        "size_source",
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
        self.client_window = 0
        self.compacts_at = 0
        self.history_offset = 0
        self.last_event = 0.0
        self.has_worked = False
        self.agent_files = 0
        self.notified_person = 0
        self.notified_model = 0
        self.notified_compaction = False
        self.factors: dict[str, float] = {}
        self.finished: dict[str, list[int]] = {}
        self.turns: list[int] = []
        self.settlements: list[tuple[str, int, int]] = []
        self.flags: list[str] = []
        self.pending_notices: list[str] = []
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

    def pace_range(self) -> tuple[int, int]:
        """Return the tokens that a short and a long one of the last turns added: the means of both halves."""
        steps = sorted([after - before for before, after in zip(self.turns, self.turns[1:], strict=False)])
        half = (len(steps) + 1) // 2
        return (sum(steps[:half]) // half, sum(steps[-half:]) // half) if steps else (0, 0)

    def remember_settlement(self, kind: str, estimated: int, measured: int) -> None:
        """Keep how far an estimate of `kind` was from what was then measured, in tokens."""
        self.settlements.append((kind, estimated, measured))
        del self.settlements[:-SETTLEMENTS_LENGTH]

    def first_time(self, flag: str) -> bool:
        """Return True the first time a flag is asked for, and never again."""
        if flag in self.flags:
            return False
        self.flags.append(flag)
        return True
