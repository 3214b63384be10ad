"""What each event does: read, settle, charge, find the notices that are due, save, reply."""

from __future__ import annotations

from moai_flow.core import window_size
from moai_flow.core.config import BudgetConfig
from moai_flow.core.session import RECALLED
from moai_flow.hook import advance, meter, quiet, reply, transcript
from moai_flow.hook.payload import (
    PRE_TOOL_USE,
    SESSION_END,
    SESSION_START,
    STOP,
    SUBAGENT_STOP,
    USER_PROMPT_SUBMIT,
    Event,
)
from moai_flow.hook.state import clear_link, files, flights, paths, session_ledger, settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from moai_flow.core.ledger import SessionLedger
    from moai_flow.hook.enforcement import Decision
    from moai_flow.hook.state.event_log import EventLog
    from moai_flow.hook.state.session_ledger import LockedLedger
    from moai_flow.hook.state.settings import Layer

STATUS_COMMAND = "/token-budget:status"
WELCOME = "Token budget: /token-budget:setup adds a status line that shows how full the window is"


def respond(
    event: Event,
    environ: Mapping[str, str],
    platform: str,
    now: float,
    *,
    wait_seconds: float = meter.REPLY_SECONDS,
) -> str:
    """Take an event into its session's ledger and return the reply, "" with nothing to say.

    Args:
        event: the event.
        environ: the environment.
        platform: `sys.platform`.
        now: seconds since the epoch.
        wait_seconds: how long to wait for the reply that ended a turn to reach the transcript.

    Raises:
        Busy: the lock cannot be had now; the next hook puts things right.
        StateError, OSError: the ledger cannot be read or written; the old one stays.
    """
    state = paths.state_folder(environ, platform)
    if not state or event.is_helper:
        return ""
    project = environ.get("CLAUDE_PROJECT_DIR", "") or event.cwd
    layers, problems = settings.read_layers(environ, platform, project)
    answer = _without_lock(state, event, layers, now)
    if answer is not None:
        return answer
    files.ensure_folder(state)
    files.ensure_folder(paths.sessions(state))
    clear_link.note(state, event, environ)
    _name_type(event)
    _wait_for_transcript(state, event, layers, wait_seconds)
    flight = flights.flight(environ)
    lock = _lock(state, event.session, flight)
    try:
        locked = session_ledger.read_locked(state, event.session, now)
        if event.name == SESSION_END and locked.ledger is None and not locked.is_rebuilt:
            # `claude mcp list` ends a session that never was.
            return ""
        ledger, unusable = _open(state, locked, event, layers, environ, now)
        before = _event_log(ledger)
        reading = meter.read(ledger, event, now, is_rebuilt=locked.is_rebuilt)
        ledger = advance.advance(ledger, event, reading, project, now)
        spends = _spend(state, ledger, event, now)
        decision = _decide(ledger, event, now) if event.name == PRE_TOOL_USE else None
        _learn(state, ledger, event)
        _look_ahead(ledger, event, environ, project)
        _welcome(state, ledger, event, environ)
        reply.keep_problems(ledger, problems + unusable, is_rebuilt=locked.is_rebuilt)
        to_person, to_model = reply.notify(ledger, event, is_heard=not flight)
        _save(state, locked, ledger, _permission(ledger, event, environ))
        if spends:
            _state_spend(state, ledger)
        if locked.ledger is None or event.name == SESSION_START:
            # A session that is resumed is another process's from now on.
            clear_link.follow(state, event, environ)
    finally:
        files.close(lock)
    if before is not None:
        permission = decision.permission if decision is not None else ""
        before.write(state, ledger, event, now, permission, to_person, to_model)
    if decision is not None:
        return reply.render_decision(decision.permission, decision.text)
    return reply.render(event.name, to_person, to_model)


def _open(
    state: str,
    locked: LockedLedger,
    event: Event,
    layers: list[Layer],
    environ: Mapping[str, str],
    now: float,
) -> tuple[SessionLedger, list[str]]:
    """Return the session's ledger with its settings, a new one where the session is unknown, and unusable settings."""
    ledger, previous = locked.ledger, None
    if ledger is None and not locked.is_rebuilt:
        ended = clear_link.previous(state, event, environ, now)
        previous = session_ledger.peek(state, ended) if ended else None
    known = ledger or previous
    if event.name == PRE_TOOL_USE and ledger is not None:
        # Registered by the person and not by the plugin, it is not given the plugin's options; the other hooks were.
        layers = [*layers, ("session", ledger.session.settings)]
    config, problems = BudgetConfig.merged(layers, (known.session.window_size or None) if known is not None else None)
    return advance.opened(ledger, previous, event, config, now), problems


def _welcome(state: str, ledger: SessionLedger, event: Event, environ: Mapping[str, str]) -> None:
    """Say once to each user how to add the status line: a plugin cannot bring one."""
    if event.name != SESSION_START or not environ.get("CLAUDE_PLUGIN_ROOT", "") or not ledger.config.enable_warnings:
        return
    marker = paths.welcome_marker(state)
    if transcript.size_of(marker) < 0:
        files.replace(marker, b"")
        if ledger.session.size_source != window_size.STATUS_LINE:
            ledger.session.pending_notices.append(WELCOME)


def _wait_for_transcript(state: str, event: Event, layers: list[Layer], seconds: float) -> None:
    """Wait for the message that an event follows, where a figure has to be exact; the lock is not held meanwhile."""
    if event.name in (STOP, SUBAGENT_STOP):
        meter.wait_for_reply(event, session_ledger.peek(state, event.session), seconds)
    elif event.name == PRE_TOOL_USE and event.agent and event.call and _has_spend_limit(layers):
        meter.wait_for_call(event, seconds)


def _has_spend_limit(layers: list[Layer]) -> bool:
    """Return whether any settings limit what is billed."""
    for _, given in layers:
        rules = given.get("swarms")
        if given.get("spend") is not None or (isinstance(rules, dict) and "spend" in str(rules)):
            return True
    return False


def _name_type(event: Event) -> None:
    """Give a teammate's event the type it was started with: the client tells its name in place of it."""
    if event.agent and event.transcript and event.agent.startswith(f"a{event.agent_type}-"):
        stem = event.transcript.removesuffix(".jsonl")
        event.agent_type = transcript.spawned_type(f"{stem}/subagents/agent-{event.agent}.jsonl") or event.agent_type


def _spend(state: str, ledger: SessionLedger, event: Event, now: float) -> bool:
    """Bring what the session was billed up to date; return whether somebody limits it."""
    config = ledger.config
    if config.spend is None and not any(rule.spend is not None for rule in config.swarms):
        if ledger.spend is not None:
            ledger.spend.limits.clear()
        return False
    # Imported here: only where a limit of spend is set.
    from moai_flow.hook.spending import follow

    follow(state, ledger, event, now)
    return True


def _state_spend(state: str, ledger: SessionLedger) -> None:
    from moai_flow.hook.spending import state_figures

    state_figures(state, ledger)


def _without_lock(state: str, event: Event, layers: list[Layer], now: float) -> str | None:
    """Return the reply to an event that changes nothing, None to one that has to be charged."""
    if event.name == PRE_TOOL_USE:
        # Imported here: registered by those who asked for enforcement alone.
        from moai_flow.hook.enforcement import may_concern

        return None if may_concern(event, layers) else ""
    if event.name == USER_PROMPT_SUBMIT and event.prompt.startswith(STATUS_COMMAND):
        # Imported here: only for a prompt that begins with the command.
        from moai_flow.hook.slash_status import reply_to

        return reply_to(state, event, layers, now)
    return None


def _decide(ledger: SessionLedger, event: Event, now: float) -> Decision | None:
    # Imported here: only those who asked for enforcement have registered PreToolUse.
    from moai_flow.hook.enforcement import decide

    return decide(ledger, event, now)


def _learn(state: str, ledger: SessionLedger, event: Event) -> None:
    """Share what was learned of the model's text with other sessions: taken up at first, given back each turn."""
    session = ledger.session
    if event.agent or not session.model:
        return
    if not session.factors and RECALLED not in session.flags:
        from moai_flow.hook.estimate.learned import recall

        recall(state, session)
    elif event.name == STOP:
        from moai_flow.hook.estimate.learned import remember

        remember(state, session)


def _lock(state: str, session: str, flight: str) -> int:
    """Take the session's lock, after the hooks that were started before this one, and return its descriptor."""
    flights.wait_for_earlier(state, session, flight)
    patience = files.PATIENT_SECONDS if flight else files.LOCK_SECONDS
    # The folder changes with every ledger that is written: other sessions' hooks stand in the queue of this lock too.
    return files.lock(paths.lock_file(state, session), paths.sessions(state), patience)


def _save(state: str, locked: LockedLedger, ledger: SessionLedger, permission: str) -> None:
    """Write the ledger and what the next hooks may do: a hook that is killed in between leaves them waited for."""
    session = ledger.session.session_id
    if not permission:
        flights.forbid(state, session)
    locked.save(ledger)
    if permission:
        flights.allow(state, session, permission)


def _permission(ledger: SessionLedger, event: Event, environ: Mapping[str, str]) -> str:
    """Return what the session's next hooks may do beside it, "" where it waits for them."""
    # The launcher knows the session by this variable alone.
    is_known = environ.get(flights.SESSION_VARIABLE, "") == event.session
    return quiet.permission(ledger) if is_known and event.name != SESSION_END else ""


def _event_log(ledger: SessionLedger) -> EventLog | None:
    if not ledger.config.event_log:
        return None
    # Imported here: only for those who asked for the log.
    from moai_flow.hook.state.event_log import EventLog

    return EventLog(ledger)


def _look_ahead(ledger: SessionLedger, event: Event, environ: Mapping[str, str], project: str) -> None:
    """Note where the client will compact by itself; a person changes that while a session runs."""
    session = ledger.session
    if event.name in (SESSION_START, USER_PROMPT_SUBMIT):
        # Imported here: not for every tool call.
        from moai_flow.hook.client_window import smaller_window

        session.client_window = smaller_window(environ, project)
    session.compacts_at = window_size.compaction_point(session.window_size, environ, session.client_window)
