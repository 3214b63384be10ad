"""Charging events to a session's ledger: measurements are settled, what is newer is estimated.

Pure: the transcript was read and the time taken by the caller.
"""

from __future__ import annotations

from moai_flow.core import notices, opening, window_size
from moai_flow.core.session import STARTED
from moai_flow.core.setting_checks import MAX_TOKENS
from moai_flow.core.settlement import add_estimate, await_results, settle
from moai_flow.core.swarm import MAIN
from moai_flow.core.window import CALL, DROPPED, PROMPT, REPLY, RESULT, TOLD, Estimate, Measurement, Window
from moai_flow.hook.attribution import agent_swarm, agent_window, move_window, tool_swarm
from moai_flow.hook.estimate import rates, tokenizer
from moai_flow.hook.payload import (
    POST_MODEL_SWITCH,
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
    from collections.abc import Sequence

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
        if "-" in agent:
            # A teammate, whose type may have been unknown when its window was made.
            move_window(ledger, window, agent_swarm(ledger, agent_type, now), now)
    for agent, baseline in reading.baselines.items():
        ledger.windows[agent].peak = baseline
        if agent in ledger.reservations:
            ledger.reservations[agent].peak = baseline
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
    elif event.name == POST_MODEL_SWITCH and not event.agent:
        window_size.switch_model(session, event.model)
        if event.context_tokens:
            take_told(ledger, window, event.context_tokens, now)
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
    if window.message.startswith(TOLD) and measured.message.startswith(window.newest):
        return
    before = window.occupancy
    measured.occupancy = window.taken(measured)
    if measured.message != window.message:
        window.thoughts += measured.thoughts
    settlement = settle(ledger, window, measured, now)
    if settlement.measured is not None:
        # What was learned since they were made would have changed them.
        claims = [
            (kind, round(tokens * rates.factor_of(session.factors, kind) / factor))
            for kind, tokens, factor in settlement.claims
        ]
        kinds = {kind for kind, _ in claims}
        if settlement.teaches:
            session.factors = rates.learn(session.factors, claims, settlement.measured)
        session.remember_settlement(
            kinds.pop() if len(kinds) == 1 else "mixed",
            sum([tokens for _, tokens, _ in settlement.claims]),
            settlement.measured,
        )
    if window.occupancy != before:
        ledger.note(now, window.swarm, "settle", window.occupancy - before)
    if settlement.fell:
        notices.rearm(ledger)
    if window.key == MAIN:
        window_size.take_model(session, measured.model)
        window_size.take_usage(session, measured.occupancy)


def take_told(ledger: SessionLedger, window: Window, tokens: int, now: float) -> None:
    """Take what the client tells beside its transcript: after a rewind or a switch of the model, until the next reply.

    Args:
        ledger: the session's ledger.
        window: the main window.
        tokens: what it holds.
        now: seconds since the epoch.
    """
    told = Measurement(
        tokens,
        0,
        TOLD + window.newest,
        window.offset,
        transcript_bytes=window.transcript_bytes,
        ended=True,
        tells_output=False,
    )
    observe(ledger, window, told, now)


def charge_prompt(ledger: SessionLedger, window: Window, event: Event, now: float) -> None:
    """Estimate a submitted prompt, and remember where the turn began."""
    window.turn = window.newest
    kind, tokens = rates.prompt(event.prompt, ledger.session.factors, _family(ledger, window))
    key = event.prompt_key or _unnamed(now)
    factor = rates.factor_of(ledger.session.factors, kind)
    prompt = Estimate(key, PROMPT, window.swarm, kind, tokens, window.message, factor=factor)
    add_estimate(ledger, window, prompt, now)
    if window.thoughts:
        forgotten = Estimate(key, DROPPED, window.swarm, "", -window.thoughts, window.message)
        add_estimate(ledger, window, forgotten, now)
        window.thoughts = 0


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
    factors, family = ledger.session.factors, _family(ledger, window, measured)
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
        kind, tokens = rates.failure(event.error, factors, family)
    else:
        # A payload that was piped by hand comes from no client that would have kept a long output in a file.
        short = bool(event.transcript)
        client = measured.client if measured is not None else ""
        kind, tokens = rates.response(
            event.tool, event.response, factors, family=family, client=client, is_kept_short=short
        )
    factor = rates.factor_of(factors, kind)
    add_estimate(ledger, window, Estimate(call, RESULT, swarm, kind, tokens, after, offset, factor), now)
    if measured is not None and after:
        await_results(ledger, window, measured, rates.AWAITED_TOKENS, now)
    else:
        kind, tokens = rates.call(event.tool_input, factors, family)
        factor = rates.factor_of(factors, kind)
        add_estimate(ledger, window, Estimate(call, CALL, window.swarm, kind, tokens, after, offset, factor), now)


def charge_reply(ledger: SessionLedger, window: Window, event: Event, measured: Measurement | None, now: float) -> None:
    """Estimate the last reply of a turn, where the transcript does not show it yet."""
    if event.reply and not is_current(window, measured, event.reply):
        kind, tokens = rates.reply(event.reply, ledger.session.factors, _family(ledger, window, measured))
        key = f"{window.message}.{fingerprint(event.reply)}"
        add_estimate(ledger, window, Estimate(key, REPLY, window.swarm, kind, tokens, window.message), now)


def is_current(window: Window, measured: Measurement | None, reply: str) -> bool:
    """Return whether the transcript shows the reply that ended this turn.

    Its id alone does not tell: a teammate's message, or another plugin's Stop hook, begins a turn without an event.

    Args:
        window: where the turn ended.
        measured: what the transcript says.
        reply: the reply's text as the event has it, "" for a reply without one.
    """
    if measured is None or not measured.ended or measured.message == window.turn:
        return False
    return not reply or not measured.texts or _is_said(reply, measured.texts)


_TRIMMED = 4
"""Characters that the client may take from the ends of a reply."""


def _is_said(reply: str, texts: Sequence[str]) -> bool:
    """Return whether a message's texts are a reply. A transcript that was made unreadable keeps their lengths."""
    reply = reply.strip()
    escapes = sum([reply.count(character) for character in '\n"\\\t'])
    spelled = len(reply.encode("utf-8", "surrogatepass")) + escapes
    whole = (texts[-1], "".join(texts), "\n".join(texts))
    return any(text.strip() == reply or spelled <= len(text) <= spelled + _TRIMMED for text in whole)


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
            total,
            0,
            f"total-{event.call}",
            window.offset,
            transcript_bytes=window.transcript_bytes,
            ended=True,
            tells_output=False,
        )
        observe(ledger, window, finished, now)


def _family(ledger: SessionLedger, window: Window, measured: Measurement | None = None) -> str:
    """Return the family of the tokenizer that counts a window's tokens: a subagent's model may be another."""
    model = measured.model if measured is not None else ""
    return tokenizer.family(model or ledger.session.model, window.message)


def _unnamed(now: float) -> str:
    """Return a key for something that came without an id: it counts each time it comes."""
    return f"@{now:.6f}"
