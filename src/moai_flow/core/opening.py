"""Opening a session's ledger: the first one, the one after `/clear`, and its main window. Pure."""

from __future__ import annotations

from moai_flow.core import notices
from moai_flow.core.ledger import Ledger
from moai_flow.core.session import STARTED, Session
from moai_flow.core.swarm import MAIN, Swarm
from moai_flow.core.window import Window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.config import BudgetConfig


def begin(session_id: str, config: BudgetConfig, previous: Ledger | None, now: float) -> Ledger:
    """Return the ledger of a new session.

    Args:
        session_id: the session.
        config: its settings.
        previous: the ledger of the session that a `/clear` ended, whose limits and experience live on; None
            where there was none.
        now: seconds since the epoch.
    """
    ledger = Ledger(config)
    session = ledger.session = Session(session_id)
    main_swarm(ledger, now)
    if previous is None or previous.session is None:
        return ledger
    for swarm in previous.swarms.values():
        if swarm.guaranteed:
            ledger.add(
                Swarm(swarm.swarm_id, swarm.allocated, now, guaranteed=swarm.guaranteed, isolated=swarm.isolated)
            )
    before = previous.session
    session.factors = before.factors
    session.finished = before.finished
    session.window_size = before.window_size
    session.size_source = before.size_source
    session.model = before.model
    session.flags = [what for what in before.flags if what != STARTED]
    freed = previous.windows.get(MAIN)
    if freed is not None and freed.tokens:
        mark = notices.global_mark(previous)
        session.pending_notices.append(
            f"Token budget reset by /clear: {mark}{freed.tokens:,} tokens freed, limits kept"
        )
    return ledger


def start_again(ledger: Ledger, floor: int, now: float) -> Ledger:
    """Return the ledger of a session that was cleared without getting a new id.

    Args:
        ledger: the ledger so far.
        floor: bytes of the transcript that are history from now on.
        now: seconds since the epoch.
    """
    session = ledger.session
    fresh = begin(session.session_id if session else "", ledger.config, ledger, now)
    if session is not None and fresh.session is not None:
        fresh.session.transcript = session.transcript
        fresh.session.settings = session.settings
        fresh.session.history_offset = floor
        fresh.session.flags.append(STARTED)
    return fresh


def main_window(ledger: Ledger, now: float) -> Window:
    """Return the main window, made at first use."""
    window = ledger.windows.get(MAIN)
    if window is None:
        window = ledger.windows[MAIN] = Window(MAIN, main_swarm(ledger, now).swarm_id)
    return window


def main_swarm(ledger: Ledger, now: float) -> Swarm:
    """Return the swarm of the main window, which has no limit of its own."""
    swarm = ledger.swarms.get(MAIN)
    return swarm or ledger.add(Swarm(MAIN, 0, now, open_ended=True))
