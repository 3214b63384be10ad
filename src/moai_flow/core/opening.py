"""Opening a session's ledger: the first one, the one after `/clear`, and its main window. Pure."""

from __future__ import annotations

from moai_flow.core import notices
from moai_flow.core.ledger import Ledger, SessionLedger
from moai_flow.core.session import STARTED, Session
from moai_flow.core.swarm import MAIN, Swarm
from moai_flow.core.window import Window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.config import BudgetConfig


def begin(session_id: str, config: BudgetConfig, now: float) -> SessionLedger:
    """Return the ledger of a new session: one swarm, `main`, without a limit of its own.

    Args:
        session_id: the session.
        config: its settings.
        now: seconds since the epoch.
    """
    ledger = SessionLedger(config, Session(session_id))
    main_swarm(ledger, now)
    return ledger


def begin_after(previous: SessionLedger, session_id: str, config: BudgetConfig, now: float) -> SessionLedger:
    """Return the ledger of the session that follows one ended by `/clear`: limits and what was learned live on.

    Args:
        previous: the ledger of the ended session; its main window is what `/clear` freed.
        session_id: the new session.
        config: its settings.
        now: seconds since the epoch.
    """
    ledger = begin(session_id, config, now)
    for swarm in previous.swarms.values():
        if swarm.guaranteed:
            ledger.add(
                Swarm(swarm.swarm_id, swarm.allocated, now, guaranteed=swarm.guaranteed, isolated=swarm.isolated)
            )
    session, before = ledger.session, previous.session
    session.factors = before.factors
    session.finished = before.finished
    session.window_size = before.window_size
    session.size_source = before.size_source
    session.model = before.model
    session.flags = [flag for flag in before.flags if flag != STARTED]
    freed = previous.windows.get(MAIN)
    if freed is not None and freed.tokens:
        mark = notices.global_mark(previous)
        session.pending_notices.append(
            f"Token budget reset by /clear: {mark}{freed.tokens:,} tokens freed, limits kept"
        )
    return ledger


def start_again(ledger: SessionLedger, history_offset: int, now: float) -> SessionLedger:
    """Return the ledger of a session that was cleared without getting a new id.

    Args:
        ledger: the ledger so far.
        history_offset: bytes of the transcript that are history from now on.
        now: seconds since the epoch.
    """
    session = ledger.session
    fresh = begin_after(ledger, session.session_id, ledger.config, now)
    fresh.session.transcript = session.transcript
    fresh.session.settings = session.settings
    fresh.session.has_worked = session.has_worked
    fresh.session.history_offset = history_offset
    fresh.session.flags.append(STARTED)
    fresh.spend = ledger.spend
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
