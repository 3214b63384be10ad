"""What each event does: measure, charge, find the notices that are due, reply."""

from __future__ import annotations

from moai_flow.core import opening, window_size
from moai_flow.core.session import RECALLED, STARTED, WINDOW_DIFFERS
from moai_flow.core.swarm import MAIN
from moai_flow.core.window import Window
from moai_flow.hook import attribution, charge, meter, reply, transcript
from moai_flow.hook.payload import (
    POST_TOOL_USE,
    POST_TOOL_USE_FAILURE,
    PRE_TOOL_USE,
    SESSION_START,
    STOP,
    SUBAGENT_START,
    SUBAGENT_STOP,
    USER_PROMPT_SUBMIT,
    Event,
)
from moai_flow.hook.state import clear_link, files, paths
from moai_flow.hook.state.session_ledger import LockedLedger, open_book, peek
from moai_flow.hook.state.settings import read_layers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from moai_flow.core.ledger import Ledger
    from moai_flow.core.session import Session
    from moai_flow.hook.state.event_log import EventLog
    from moai_flow.hook.state.settings import Layer

CLEAR = "/clear"
MOAI_COMMAND = "/moai:"


def respond(event: Event, environ: Mapping[str, str], platform: str, now: float) -> str:
    """Take an event into its session's ledger and return the reply, "" with nothing to say.

    Args:
        event: the event.
        environ: the environment.
        platform: `sys.platform`.
        now: seconds since the epoch.

    Raises:
        Busy: the lock cannot be had now; the next hook puts things right.
        StateError, OSError: the ledger cannot be read or written; the old one stays.
    """
    state = paths.state_folder(environ, platform)
    if not state or event.is_helper:
        return ""
    project = environ.get("CLAUDE_PROJECT_DIR", "") or event.cwd
    layers, problems = read_layers(environ, platform, project)
    if event.name == PRE_TOOL_USE and not _may_be_stopped(event, layers):
        return ""
    files.ensure_folder(state)
    files.ensure_folder(paths.sessions(state))
    if event.name in (STOP, SUBAGENT_STOP):
        _wait(state, event)
    path = paths.ledger_file(state, event.session)
    lock = files.lock(paths.lock_file(state, event.session), path)
    try:
        book = open_book(state, event, layers, environ, now)
        book.problems = problems + book.problems
        log = _event_log(book.ledger)
        _take(book, event, project, now)
        _follow_reservations(book.ledger, event, now)
        _scale(book.ledger, now)
        decision = _decide(book.ledger, event, now) if event.name == PRE_TOOL_USE else ""
        _learn(state, book.ledger, event)
        _look_ahead(book.ledger, environ)
        to_person, to_model = reply.notify(book, event)
        book.save()
    finally:
        files.close(lock)
    text = decision or reply.render(event.name, to_person, to_model)
    if log is not None:
        log.write(state, book.ledger, event, now, text)
    return text


def _wait(state: str, event: Event) -> None:
    """Wait for the last reply, before the lock is taken; what is known of the window is read without it."""
    window, floor = Window(event.agent or MAIN, MAIN), 0
    ledger = peek(state, event.session)
    if ledger is not None:
        window = ledger.windows.get(window.key, window)
        floor = ledger.session.history_offset if ledger.session is not None else 0
    if event.agent:
        meter.place(window, event)
    meter.wait_for_reply(window, event.transcript, floor)


def _take(book: LockedLedger, event: Event, project: str, now: float) -> None:
    """Measure what the event tells to measure and charge what is newer."""
    ledger = book.ledger
    session = ledger.session
    if session is None:
        return
    if event.transcript:
        session.transcript = event.transcript
    window_size.take_model(session, event.model)
    if book.is_rebuilt:
        _rebuild(ledger, event, now)
    if event.agent:
        _take_agent(ledger, event, project, now)
        return
    window = opening.main_window(ledger, now)
    measured = meter.measure(ledger, window, event.transcript, now)
    meter.measure_agents(ledger, event.transcript, now)
    if event.name in (POST_TOOL_USE, POST_TOOL_USE_FAILURE):
        charge.charge_tool(ledger, window, event, measured, project, now)
        charge.charge_finished_agent(ledger, event, now)
    elif event.name == STOP:
        charge.charge_reply(ledger, window, event, measured, now)
        session.end_turn(window.tokens)
    elif _is_clear(session, event):
        floor = max(0, transcript.size_of(event.transcript)) if event.transcript else 0
        book.ledger = opening.start_again(ledger, floor, now)
    elif event.name == USER_PROMPT_SUBMIT:
        _take_prompt(ledger, window, event, now)
    elif event.name == SESSION_START:
        session.first_time(STARTED)
        charge.charge_resumed(ledger, window, event, now)


def _take_prompt(ledger: Ledger, window: Window, event: Event, now: float) -> None:
    before = window.tokens
    charge.charge_prompt(ledger, window, event, now)
    if event.prompt.startswith(MOAI_COMMAND) and window.tokens != before:
        # Imported here: only for those who work with MoAI-ADK.
        from moai_flow.core.phases import begin_phase, phase_of

        phase = phase_of(event.prompt)
        if phase:
            begin_phase(ledger, phase, before)


def _is_clear(session: Session, event: Event) -> bool:
    """Return whether a session is cleared and keeps its id: by a submitted prompt, or by a front end that does so.

    A SessionStart that comes late after a `/clear`, or twice, clears nothing: no turn has ended since.
    """
    if event.name == USER_PROMPT_SUBMIT:
        return event.prompt.strip() == CLEAR
    is_again = event.source == clear_link.CLEAR and STARTED in session.flags
    return event.name == SESSION_START and is_again and bool(session.turns or not event.transcript)


def _learn(state: str, ledger: Ledger, event: Event) -> None:
    """Share what was learned of the model's text with other sessions: taken up at first, given back each turn."""
    session = ledger.session
    if session is None or event.agent or not session.model:
        return
    if not session.factors and RECALLED not in session.flags:
        from moai_flow.hook.estimate.learned import recall

        recall(state, session)
    elif event.name == STOP:
        from moai_flow.hook.estimate.learned import remember

        remember(state, session)


def _rebuild(ledger: Ledger, event: Event, now: float) -> None:
    # Imported here: a ledger is damaged once in years.
    from moai_flow.hook.rebuild import find_agents

    find_agents(ledger, event.transcript, now)


def _take_agent(ledger: Ledger, event: Event, project: str, now: float) -> None:
    window = attribution.agent_window(ledger, event.agent, event.agent_type, now)
    meter.place(window, event)
    measured = meter.measure(ledger, window, event.transcript, now)
    if event.name in (POST_TOOL_USE, POST_TOOL_USE_FAILURE):
        charge.charge_tool(ledger, window, event, measured, project, now)
        charge.charge_finished_agent(ledger, event, now)
    elif event.name == SUBAGENT_STOP:
        charge.charge_reply(ledger, window, event, measured, now)
        window.rest()


def _follow_reservations(ledger: Ledger, event: Event, now: float) -> None:
    """Take the event into the agents' reservations, where there are any or it concerns an agent."""
    if ledger.reservations or event.name == SUBAGENT_START or event.tool in ("Agent", "Task"):
        # Imported here: only while agents run.
        from moai_flow.hook.agents import follow

        follow(ledger, event, now)


def _scale(ledger: Ledger, now: float) -> None:
    """Let swarms near their limit borrow, where the settings say so."""
    if ledger.config.enable_auto_scaling:
        from moai_flow.core.scaling import scale

        scale(ledger, now)


def _may_be_stopped(event: Event, layers: list[Layer]) -> bool:
    from moai_flow.hook.enforcement import may_concern

    return may_concern(event, layers)


def _decide(ledger: Ledger, event: Event, now: float) -> str:
    # Imported here: only those who asked for enforcement have registered PreToolUse.
    from moai_flow.hook.enforcement import decide

    return decide(ledger, event, now)


def _event_log(ledger: Ledger) -> EventLog | None:
    if not ledger.config.event_log:
        return None
    # Imported here: only for those who asked for the log.
    from moai_flow.hook.state.event_log import EventLog

    return EventLog(ledger)


def _look_ahead(ledger: Ledger, environ: Mapping[str, str]) -> None:
    """Note where the client will compact by itself, and once whether the budget is not the window's size."""
    session = ledger.session
    if session is None:
        return
    session.compacts_at = window_size.compaction_point(session.window_size, environ)
    difference = window_size.difference(session, ledger.config)
    if difference and ledger.config.enable_warnings and session.first_time(WINDOW_DIFFERS):
        session.pending_notices.append(difference)
