"""Reservations for subagents: what a swarm sets aside when one starts, drawn down as it works.

Pure. A reservation is a promise, not a consumption: it lowers what the swarm has available and never moves a
figure that is measured. A swarm's `reserved` is always the sum of what its reservations have left.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger

FINISHED_LENGTH = 20
"""Finished agents of a swarm that are remembered."""

SPAWN = "call:"
"""How the key of a reservation begins whose agent was asked for and has not started."""


class Reservation:
    """Tokens set aside for one agent.

    Args:
        key: the agent's window, or `SPAWN` and the id of the tool call that asks for it.
        parent: the window that asks for it, "" where unknown.
        agent_type: the agent's type, "" where the call did not name one.
        swarm: whose tokens they are.
        tokens: what was set aside at first.
        now: seconds since the epoch.
    """

    __slots__ = (
        "agent_type",
        "at",
        "background",
        "key",
        "left",
        "parent",
        "peak",
        "swarm",
        "tokens",
        "transcript_bytes",
        "used",
    )

    def __init__(self, key: str, parent: str, agent_type: str, swarm: str, tokens: int, now: float) -> None:
        self.key = key
        self.parent = parent
        self.agent_type = agent_type
        self.swarm = swarm
        self.tokens = tokens
        self.at = now
        # Tokens: what is not drawn down yet, what the agent has brought in, and the height of its window then.
        self.left = tokens
        self.used = 0
        self.peak = 0
        # Bytes of its transcript when it last changed, and whether it outlives the turn that started it.
        self.transcript_bytes = 0
        self.background = False

    def to_row(self) -> list[object]:
        """Return the values from which `from_row` makes it again."""
        return [
            *(self.key, self.parent, self.agent_type, self.swarm, self.tokens, self.at),
            *(self.left, self.used, self.peak, self.transcript_bytes, int(self.background)),
        ]


def from_row(row: list[object]) -> Reservation:
    """Return the reservation of which `row` was made.

    Raises:
        TypeError, ValueError: it is no such row.
    """
    reservation = Reservation(*row[:6])  # type: ignore[arg-type] # checked by the file's checksum
    reservation.left, reservation.used, reservation.peak, reservation.transcript_bytes, background = row[6:]  # type: ignore[assignment]
    reservation.background = bool(background)
    return reservation


def expected(ledger: SessionLedger, swarm_id: str) -> int:
    """Return the tokens that one agent of a swarm is expected to use, 0 if nothing is known.

    That is what the settings say, else the median (the upper one of two) of the agents that have finished.
    """
    for rule in ledger.config.swarms:
        if rule.name == swarm_id and rule.reserve is not None:
            return rule.reserve
    finished = ledger.session.finished.get(swarm_id)
    return sorted(finished)[len(finished) // 2] if finished else 0


def reserve(ledger: SessionLedger, key: str, parent: str, agent_type: str, swarm_id: str, now: float) -> Reservation:
    """Set aside what an agent is expected to use, at most what its swarm has available; the key is a new one."""
    swarm = ledger.swarms[swarm_id]
    tokens = min(expected(ledger, swarm_id), swarm.available)
    reservation = ledger.reservations[key] = Reservation(key, parent, agent_type, swarm_id, tokens, now)
    if tokens:
        swarm.reserved += tokens
        ledger.note(now, swarm_id, "reserve", tokens)
    return reservation


def take_over(ledger: SessionLedger, reservation: Reservation, agent: str, now: float) -> None:
    """Let an agent that has started have the reservation that was made when it was asked for."""
    del ledger.reservations[reservation.key]
    reservation.key = agent
    reservation.at = now
    ledger.reservations[agent] = reservation


def draw_down(ledger: SessionLedger, reservation: Reservation, now: float) -> None:
    """Lower a reservation by what its agent has brought into its window.

    A compaction empties the window and gives nothing back. What is estimated counts as long as it is; if a
    measurement corrects it, so is the reservation.
    """
    window = ledger.windows.get(reservation.key)
    if window is None:
        return
    height = max(window.peak, window.occupancy)
    reservation.used += max(0, height - reservation.peak)
    reservation.peak = height
    if window.transcript_bytes != reservation.transcript_bytes:
        reservation.transcript_bytes = window.transcript_bytes
        reservation.at = now
    _set_left(ledger, reservation, reservation.tokens - reservation.used - (window.tokens - window.occupancy))


def release(ledger: SessionLedger, key: str, now: float) -> Reservation | None:
    """Give back what is left of a reservation, and return it; None if there is none."""
    reservation = ledger.reservations.pop(key, None)
    if reservation is not None and reservation.left:
        ledger.note(now, reservation.swarm, "release", reservation.left)
        _set_left(ledger, reservation, 0)
    return reservation


def finish(ledger: SessionLedger, agent: str, now: float) -> None:
    """Release the reservation of an agent that has stopped, and remember what it used; once."""
    reservation = ledger.reservations.get(agent)
    window = ledger.windows.get(agent)
    if reservation is None or window is None:
        return
    draw_down(ledger, reservation, now)
    used = reservation.used + window.tokens - window.occupancy
    if used > 0:
        finished = ledger.session.finished.setdefault(reservation.swarm, [])
        finished.append(used)
        del finished[:-FINISHED_LENGTH]
    release(ledger, agent, now)


def _set_left(ledger: SessionLedger, reservation: Reservation, left: int) -> None:
    left = max(0, left)
    swarm = ledger.swarms.get(reservation.swarm)
    if swarm is not None:
        swarm.reserved = max(0, swarm.reserved + left - reservation.left)
    reservation.left = left
