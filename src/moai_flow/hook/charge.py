"""Charging events to a session's ledger: measurements are settled, what is newer is estimated.

Pure: the transcript was read and the time taken by the caller.
"""

from __future__ import annotations

from moai_flow.core import notices, opening, window_size
from moai_flow.core.session import STARTED
from moai_flow.core.setting_checks import MAX_TOKENS
from moai_flow.core.settlement import add_estimate, await_results, settle
from moai_flow.core.swarm import MAIN
from moai_flow.core.window import CALL, PROMPT, REPLY, RESULT, Estimate, Measurement, Window
from moai_flow.hook.attribution import agent_window, tool_swarm
from moai_flow.hook.estimate import rates
from moai_flow.hook.payload import (
    POST_TOOL_USE,
    POST_TOOL_USE_FAILURE,
    SESSION_START,
    STOP,
    SUBAGENT_STOP,
    USER_PROMPT_SUBMIT,
    agent_id,
    fingerprint,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger
    from moai_flow.hook.meter import Reading
    from moai_flow.hook.payload import Event

MOAI = "/moai"


def settle_reading(ledger: SessionLedger, reading: Reading, now: float) -> None:
    """Settle what the transcripts say, the main window first, and take up the agents that were read of."""
    opening.main_window(ledger, now)
    for agent, (agent_type, below) in reading.agents.items():
        window = agent_window(ledger, agent, agent_type, now)
        window.path = below or window.path
    for key, measured in reading.measured.items():
        observe(ledger, ledger.windows[key], measured, now)
    if reading.searched is not None:
        ledger.session.agent_files = reading.searched


def charge_event(ledger: SessionLedger, event: Event, measured: Measurement | None, project: str, now: float) -> None:
    """Charge what an event adds to its window and no measurement covers yet.

    Args:
        ledger: the session's ledger, settled.
        event: the event.
        measured: what the transcript of its window said just now.
        project: the project's folder, for `paths` rules.
        now: seconds since the epoch.
    """
    session = ledger.session
    window = ledger.windows[event.agent or MAIN]
    if event.name in (POST_TOOL_USE, POST_TOOL_USE_FAILURE):
        charge_tool(ledger, window, event, measured, project, now)
        charge_finished_agent(ledger, event, now)
    elif event.name == SUBAGENT_STOP:
        charge_reply(ledger, window, event, measured, now)
        window.rest()
    elif event.name == STOP:
        charge_reply(ledger, window, event, measured, now)
        session.end_turn(window.tokens)
    elif event.name == USER_PROMPT_SUBMIT:
        before = window.tokens
        charge_prompt(ledger, window, event, now)
        if window.tokens != before:
            _begin_phase(ledger, event.prompt, before)
    elif event.name == SESSION_START and not event.agent:
        session.first_time(STARTED)
        charge_resumed(ledger, window, event, now)


def _begin_phase(ledger: SessionLedger, prompt: str, occupancy: int) -> None:
    if prompt.startswith(MOAI):
        # Imported here: only for those who work with MoAI-ADK.
        from moai_flow.core.phases import begin_phase, phase_of

        phase = phase_of(prompt)
        if phase:
            begin_phase(ledger, phase, occupancy)


def observe(ledger: SessionLedger, window: Window, measured: Measurement, now: float) -> None:
    """Settle a measurement, learn from it how far the estimates were off, and arm notices after a fall."""
    session = ledger.session
    before = window.occupancy
    settlement = settle(ledger, window, measured, now)
    if settlement.measured is not None:
        claims = settlement.claims
        kinds = {kind for kind, _ in claims}
        session.factors = rates.learn(session.factors, claims, settlement.measured)
        session.remember_settlement(
            kinds.pop() if len(kinds) == 1 else "mixed",
            sum([tokens for _, tokens in claims]),
            settlement.measured,
        )
    if window.occupancy != before:
        ledger.note(now, window.swarm, "settle", window.occupancy - before)
    if settlement.fell:
        notices.rearm(ledger)
    if window.key == MAIN:
        window_size.take_model(session, measured.model)
        window_size.take_usage(session, measured.occupancy)


def charge_prompt(ledger: SessionLedger, window: Window, event: Event, now: float) -> None:
    """Estimate a submitted prompt, and remember where the turn began."""
    window.turn = window.message
    kind, tokens = rates.prompt(event.prompt, ledger.session.factors)
    key = event.prompt_key or _unnamed(now)
    add_estimate(ledger, window, Estimate(key, PROMPT, window.swarm, kind, tokens, window.message), now)


def charge_tool(
    ledger: SessionLedger, window: Window, event: Event, measured: Measurement | None, project: str, now: float
) -> None:
    """Estimate the result of a tool call, and the call too where the transcript does not show it yet.

    Args:
        ledger: the session's ledger.
        window: where the tool ran.
        event: PostToolUse or PostToolUseFailure.
        measured: what the transcript said just now.
        project: the project's folder, for `paths` rules.
        now: seconds since the epoch.
    """
    factors = ledger.session.factors
    swarm = window.swarm
    if window.key == MAIN:
        swarm = tool_swarm(ledger, event, project, now).swarm_id
    call = event.call or _unnamed(now)
    after, offset = "", 0
    if measured is not None:
        if call in measured.earlier:
            return
        offset = measured.transcript_bytes
        if call in measured.calls:
            after = measured.message
    if event.error is not None and event.response is None:
        kind, tokens = rates.failure(event.error, factors)
    else:
        # A payload that was piped by hand comes from no client that would have kept a long output in a file.
        short = bool(event.transcript)
        kind, tokens = rates.response(event.tool, event.response, factors, is_kept_short=short)
    add_estimate(ledger, window, Estimate(call, RESULT, swarm, kind, tokens, after, offset), now)
    if measured is not None and after:
        await_results(ledger, window, measured, rates.AWAITED_TOKENS, now)
    else:
        kind, tokens = rates.call(event.tool_input, factors)
        add_estimate(ledger, window, Estimate(call, CALL, window.swarm, kind, tokens, after, offset), now)


def charge_reply(ledger: SessionLedger, window: Window, event: Event, measured: Measurement | None, now: float) -> None:
    """Estimate the last reply of a turn, where the transcript does not show it yet."""
    if event.reply and not is_current(window, measured):
        kind, tokens = rates.reply(event.reply, ledger.session.factors)
        key = f"{window.message}.{fingerprint(event.reply)}"
        add_estimate(ledger, window, Estimate(key, REPLY, window.swarm, kind, tokens, window.message), now)


def is_current(window: Window, measured: Measurement | None) -> bool:
    """Return whether the transcript shows the reply that ended this turn."""
    return measured is not None and measured.ended and measured.message != window.turn


def charge_resumed(ledger: SessionLedger, window: Window, event: Event, now: float) -> None:
    """Take what a resumed or forked session begins with from its SessionStart: a fork's transcript comes later."""
    if window.never_measured and event.context_tokens:
        observe(ledger, window, Measurement(event.context_tokens, 0, f"resumed-{event.session}", 0, ended=True), now)


def charge_finished_agent(ledger: SessionLedger, event: Event, now: float) -> None:
    """Take a finished subagent's total from the Agent tool's own response: its transcript may not show it yet.

    `totalTokens` is the usage of the agent's last request.
    """
    response = event.response
    if not isinstance(response, dict):
        return
    agent, total = response.get("agentId"), response.get("totalTokens")
    agent_type = response.get("agentType")
    if not isinstance(agent_type, str) and isinstance(event.tool_input, dict):
        agent_type = event.tool_input.get("subagent_type")
    if not isinstance(agent, str) or not isinstance(agent_type, str) or not agent_type:
        return
    if not isinstance(total, int) or isinstance(total, bool) or not 0 < total <= MAX_TOKENS:
        return
    window = agent_window(ledger, agent_id(agent), agent_type, now)
    if window.tokens != total or not window.is_exact:
        finished = Measurement(
            total, 0, f"total-{event.call}", window.offset, transcript_bytes=window.transcript_bytes, ended=True
        )
        observe(ledger, window, finished, now)


def _unnamed(now: float) -> str:
    """Return a key for something that came without an id: it counts each time it comes."""
    return f"@{now:.6f}"
