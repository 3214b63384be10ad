"""From one event of a session to the next: its ledger is opened, settled, charged, and what follows from that.

The hooks and the replay of a session that is over share this; files and locks are the callers'.
"""

from __future__ import annotations

from moai_flow.core import notices, opening, window_size
from moai_flow.core.config import BudgetConfig
from moai_flow.core.session import STARTED
from moai_flow.core.swarm import MAIN
from moai_flow.hook import charge, transcript
from moai_flow.hook.payload import SESSION_END, SESSION_START, SUBAGENT_START, USER_PROMPT_SUBMIT, Event
from moai_flow.hook.state import clear_link, settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger
    from moai_flow.hook.meter import Reading, Source

CLEAR = "/clear"

_IDLE = (SESSION_START, SESSION_END)
"""Events of a session in which nothing may ever have been asked for."""


def opened(
    ledger: SessionLedger | None, previous: SessionLedger | None, event: Event, config: BudgetConfig, now: float
) -> SessionLedger:
    """Return the event's ledger with its settings: the known one, else one that follows a `/clear`, else a new one.

    Args:
        ledger: the session's ledger, None where the session is unknown.
        previous: then the ledger of the session that `/clear` ended, None if there is none.
        event: the event.
        config: the settings in force.
        now: seconds since the epoch.
    """
    if ledger is not None:
        ledger.use(config)
    elif previous is not None:
        ledger = opening.begin_after(previous, event.session, config, now)
    else:
        ledger = opening.begin(event.session, config, now)
    session = ledger.session
    session.last_event = now
    # A session that follows a `/clear` is the one that people go on with, though nothing was asked of it yet.
    session.has_worked = session.has_worked or previous is not None or event.name not in _IDLE
    session.transcript = event.transcript or session.transcript
    window_size.take_model(session, event.model)
    settings.keep(session, config)
    return ledger


def advance(
    ledger: SessionLedger, event: Event, reading: Reading, project: str, now: float, *, source: Source = transcript
) -> SessionLedger:
    """Settle what was read, charge the event, and follow the agents; return the ledger, a new one after `/clear`.

    Args:
        ledger: the session's ledger.
        event: the event.
        reading: what the transcripts said just now.
        project: the project's folder, for `paths` rules.
        now: seconds since the epoch.
        source: where the transcripts are read.
    """
    charge.settle_reading(ledger, reading, now)
    if _is_clear(ledger, event):
        history = max(0, source.size_of(event.transcript)) if event.transcript else 0
        ledger = opening.start_again(ledger, history, now)
    else:
        charge.charge_event(ledger, event, reading.measured.get(event.agent or MAIN), project, now)
    _follow_window(ledger)
    _follow_agents(ledger, event, now)
    _scale(ledger, now)
    return ledger


def _is_clear(ledger: SessionLedger, event: Event) -> bool:
    """Return whether a session is cleared and keeps its id: by a submitted prompt, or by a front end that does so.

    A SessionStart that comes late after a `/clear`, or twice, clears nothing: no turn has ended since.
    """
    if event.agent:
        return False
    if event.name == USER_PROMPT_SUBMIT:
        return event.prompt.strip() == CLEAR
    session = ledger.session
    is_again = event.source == clear_link.CLEAR and STARTED in session.flags
    return event.name == SESSION_START and is_again and bool(session.turns or not event.transcript)


def _follow_window(ledger: SessionLedger) -> None:
    """Let the budget follow the window's size, if the event has told another one."""
    size = ledger.session.window_size
    if ledger.config.auto and size and ledger.config.total_budget != size:
        ledger.use(BudgetConfig.merged([("settings", ledger.config.given)], size)[0])
        notices.rearm(ledger)


def _follow_agents(ledger: SessionLedger, event: Event, now: float) -> None:
    """Take the event into the agents' reservations, where there are any or it concerns an agent."""
    if ledger.reservations or event.name == SUBAGENT_START or event.tool in ("Agent", "Task"):
        # Imported here: only while agents run.
        from moai_flow.hook.agents import follow

        follow(ledger, event, now)


def _scale(ledger: SessionLedger, now: float) -> None:
    """Let swarms near their limit borrow, where the settings say so."""
    if ledger.config.enable_auto_scaling:
        from moai_flow.core.scaling import scale

        scale(ledger, now)
