"""Charging events to a session's ledger: measurements are settled, what is newer is estimated.

Pure: the transcript was read and the time taken by the caller.
"""

from __future__ import annotations

from moai_flow.core import notices, window_size
from moai_flow.core.settlement import add_estimate, await_results, settle
from moai_flow.core.swarm import MAIN
from moai_flow.core.window import CALL, PROMPT, REPLY, RESULT, Estimate, Measurement, Window
from moai_flow.hook.attribution import agent_window, tool_swarm
from moai_flow.hook.estimate import rates
from moai_flow.hook.payload import MAX_COUNTED, agent_id, fingerprint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.ledger import Ledger
    from moai_flow.hook.payload import Event


def observe(ledger: Ledger, window: Window, measured: Measurement | None, now: float) -> None:
    """Settle a measurement, learn from it how far the estimates were off, and arm notices after a fall."""
    session = ledger.session
    if measured is None or session is None:
        return
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


def charge_prompt(ledger: Ledger, window: Window, event: Event, now: float) -> None:
    """Estimate a submitted prompt, and remember where the turn began."""
    window.turn = window.message
    kind, tokens = rates.prompt(event.prompt, _factors(ledger))
    key = event.prompt_key or _unnamed(now)
    add_estimate(ledger, window, Estimate(key, PROMPT, window.swarm, kind, tokens, window.message), now)


def charge_tool(
    ledger: Ledger, window: Window, event: Event, measured: Measurement | None, project: str, now: float
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
    factors = _factors(ledger)
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


def charge_reply(ledger: Ledger, window: Window, event: Event, measured: Measurement | None, now: float) -> None:
    """Estimate the last reply of a turn, where the transcript does not show it yet."""
    if event.reply and not is_current(window, measured):
        kind, tokens = rates.reply(event.reply, _factors(ledger))
        key = f"{window.message}.{fingerprint(event.reply)}"
        add_estimate(ledger, window, Estimate(key, REPLY, window.swarm, kind, tokens, window.message), now)


def is_current(window: Window, measured: Measurement | None) -> bool:
    """Return whether the transcript shows the reply that ended this turn."""
    return measured is not None and measured.ended and measured.message != window.turn


def charge_resumed(ledger: Ledger, window: Window, event: Event, now: float) -> None:
    """Take what a resumed or forked session begins with from its SessionStart: a fork's transcript comes later."""
    if window.never_measured and event.context_tokens:
        observe(ledger, window, Measurement(event.context_tokens, 0, f"resumed-{event.session}", 0, ended=True), now)


def charge_finished_agent(ledger: Ledger, event: Event, now: float) -> None:
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
    if not isinstance(total, int) or isinstance(total, bool) or not 0 < total < MAX_COUNTED:
        return
    window = agent_window(ledger, agent_id(agent), agent_type, now)
    if window.tokens != total or not window.is_exact:
        finished = Measurement(
            total, 0, f"total-{event.call}", window.offset, transcript_bytes=window.transcript_bytes, ended=True
        )
        observe(ledger, window, finished, now)


def _factors(ledger: Ledger) -> dict[str, float]:
    return ledger.session.factors if ledger.session is not None else {}


def _unnamed(now: float) -> str:
    """Return a key for something that came without an id: it counts each time it comes."""
    return f"@{now:.6f}"
