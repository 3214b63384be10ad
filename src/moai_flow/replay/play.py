"""Playing a session's transcripts: they grow line by line while the hooks run over them, all in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moai_flow.core.swarm import MAIN
from moai_flow.core.window import Window
from moai_flow.hook import payload
from moai_flow.hook.meter import path_of
from moai_flow.replay import recorded
from moai_flow.replay.lines import read_session
from moai_flow.replay.payloads import Reader, agent_types
from moai_flow.replay.player import Player, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from moai_flow.core.ledger import SessionLedger
    from moai_flow.core.window import Measurement
    from moai_flow.replay.payloads import Payload
    from moai_flow.replay.player import Layer


class Step:
    """One hook of a session that is played again.

    Attributes:
        written: when it ran, as the client wrote it ("" where it did not).
        payload: what the hook was given.
        ledger: the session's ledger. It is the same object at each step and goes on changing: take what is needed.
        measured: what the transcripts said when it ran, by the window's key.
        to_person: what the person would have seen, "" for nothing.
        to_model: what the model would have received, "" for nothing.
    """

    __slots__ = ("ledger", "measured", "payload", "to_model", "to_person", "written")

    def __init__(
        self,
        written: str,
        given: Payload,
        ledger: SessionLedger,
        measured: dict[str, Measurement],
        to_person: str,
        to_model: str,
    ) -> None:
        self.written = written
        self.payload = given
        self.ledger = ledger
        self.measured = measured
        self.to_person = to_person
        self.to_model = to_model

    @property
    def occupancy(self) -> int:
        """Tokens of the window it happened in."""
        window = self.ledger.windows.get(self.payload.get("agent_id") or MAIN)
        return window.tokens if window is not None else 0

    @property
    def swarm(self) -> str:
        """The swarm of the window it happened in."""
        window = self.ledger.windows.get(self.payload.get("agent_id") or MAIN)
        return window.swarm if window is not None else MAIN


def play(
    session: recorded.Recorded | Path,
    settings: Sequence[Layer] | dict[str, Any] | None = None,
    *,
    window_size: int = 0,
) -> Iterator[Step]:
    """Yield every hook of a session with what the ledger and the notices would have been.

    Args:
        session: its transcripts, or the path of its main one; its subagents' lie in the folder of the same name
            beside it.
        settings: the layers of settings to play it with, from the weakest to the strongest, or one layer
            (`token_budget`'s object); None for the defaults.
        window_size: tokens of its main window where they are known, 0 for what the transcripts tell.

    Raises:
        TokenBudgetError: a transcript cannot be read or is none.
    """
    if not isinstance(session, recorded.Recorded):
        session = recorded.at(session)
    lines = read_session(session)
    types = agent_types(lines)
    reader = Reader(session.session_id, types)
    layers = [("replay", settings)] if isinstance(settings, dict) else list(settings or ())
    player = Player(layers, size=window_size)
    main = session.main.path
    for line in lines:
        if line.agent and line.agent not in types:
            # Nothing tells its type: one of the client's own helpers.
            continue
        now = seconds(line.written)
        for given in reader.before(line):
            yield _step(player, line.written, {**given, "transcript_path": main}, now)
        player.grow(path_of(Window(line.agent or MAIN, MAIN), main), line.end, line.path)
        for given in reader.after(line):
            yield _step(player, line.written, {**given, "transcript_path": main}, now)


def _step(player: Player, written: str, given: Payload, now: float) -> Step:
    event = payload.Event(given)
    to_person, to_model = player.take(event, now)
    return Step(written, given, player.ledgers[event.session], player.measured, to_person, to_model)
