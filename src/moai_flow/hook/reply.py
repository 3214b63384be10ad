"""From notices to the one JSON object that the client reads, or nothing.

Pure. `additionalContext` starts the turn again at Stop and SubagentStop, is discarded at SessionEnd, and text at
PreCompact becomes instructions: only the events listed here may speak, and only to whom the client passes it on.
"""

from __future__ import annotations

from moai_flow.core import compact_json, notices
from moai_flow.core.session import CONFIG_PROBLEMS
from moai_flow.hook.payload import (
    POST_TOOL_USE,
    POST_TOOL_USE_FAILURE,
    PRE_TOOL_USE,
    SESSION_END,
    SESSION_START,
    STOP,
    SUBAGENT_START,
    USER_PROMPT_SUBMIT,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger
    from moai_flow.hook.payload import Event

MAX_CHARACTERS = 10_000
"""The client's own limit for what a hook may say."""

REACHES_PERSON = frozenset({SESSION_START, USER_PROMPT_SUBMIT, POST_TOOL_USE, POST_TOOL_USE_FAILURE, STOP})
REACHES_MODEL = frozenset({USER_PROMPT_SUBMIT, POST_TOOL_USE, POST_TOOL_USE_FAILURE, SUBAGENT_START})

_ROOM = 4_500


def render_decision(permission: str, text: str) -> str:
    """Return the reply to a tool call that is about to be made, in ASCII.

    Args:
        permission: "ask" or "deny", "" for a fact that the model is given.
        text: the reason, or the fact.
    """
    output = {"hookEventName": PRE_TOOL_USE}
    if permission:
        output.update(permissionDecision=permission, permissionDecisionReason=text)
    else:
        output["additionalContext"] = text
    return compact_json.encode({"hookSpecificOutput": output})


def render(event_name: str, to_person: list[str], to_model: list[str]) -> str:
    """Return the reply in ASCII, "" with nothing to say.

    Args:
        event_name: the event that is answered.
        to_person: lines for the person.
        to_model: lines for the model.
    """
    reply: dict[str, object] = {}
    if to_person and event_name in REACHES_PERSON:
        reply["systemMessage"] = _joined(to_person)
    if to_model and event_name in REACHES_MODEL:
        reply["hookSpecificOutput"] = {"hookEventName": event_name, "additionalContext": _joined(to_model)}
    return compact_json.encode(reply) if reply else ""


def _joined(lines: list[str]) -> str:
    """Return the lines as one text that leaves room for the other reader's; the first lines matter most."""
    text = "\n".join(lines)
    return text if len(text) <= _ROOM else text[: _ROOM - 3] + "..."


MAX_PROBLEMS = 5
"""Settings that cannot be used which are named in a session; one line each."""


def keep_problems(ledger: SessionLedger, problems: list[str], *, is_rebuilt: bool) -> None:
    """Keep for the person what is wrong with the ledger or the settings.

    Args:
        ledger: the session's ledger.
        problems: a line for each setting that cannot be used.
        is_rebuilt: whether the ledger that was there could not be read.
    """
    session = ledger.session
    if not ledger.config.enable_warnings:
        return
    if is_rebuilt:
        session.pending_notices.append(
            "Token budget: the ledger of this session was damaged; it starts anew from the transcripts"
        )
    if problems and session.first_time(CONFIG_PROBLEMS):
        session.pending_notices += [f"Token budget: {problem}" for problem in problems[:MAX_PROBLEMS]]
        more = len(problems) - MAX_PROBLEMS
        if more > 0:
            session.pending_notices.append(
                f"Token budget: {more} more settings not used; token-budget doctor names all"
            )


def notify(ledger: SessionLedger, event: Event, *, is_heard: bool = True) -> tuple[list[str], list[str]]:
    """Return the lines that are due to the person and to the model, and take them as given.

    The client shows nothing from inside a subagent and at its end, so what the person has to see waits for the next
    event of the main thread; a subagent's model receives notices of its own swarm only.

    Args:
        ledger: the session's ledger.
        event: the event that is answered.
        is_heard: whether the client waits for the answer; else every notice is left to a hook for which it does.
    """
    config, session = ledger.config, ledger.session
    to_person: list[str] = []
    to_model: list[str] = []
    if not is_heard or not config.enable_warnings or event.name == SESSION_END:
        return to_person, to_model
    if event.agent:
        if event.name == SUBAGENT_START and config.tell_agents:
            swarm = ledger.swarms[ledger.windows[event.agent].swarm]
            own = ledger.reservations.get(event.agent)
            left = swarm.available + (own.left if own is not None else 0)
            to_model.append(f"Token budget: swarm {swarm.swarm_id} has {left:,} of {swarm.allocated:,} tokens left")
        if event.name in (POST_TOOL_USE, POST_TOOL_USE_FAILURE) and config.notify != "person":
            swarm_id = ledger.windows[event.agent].swarm
            to_model += notices.due_to_model(ledger, swarm_id) + _spend_to_model(ledger, [swarm_id])
        return to_person, to_model
    if event.name in REACHES_PERSON and config.notify != "model":
        to_person, session.pending_notices = session.pending_notices, []
        if event.name != SESSION_START:
            to_person = to_person + notices.due_to_person(ledger) + _spend_to_person(ledger)
    if event.name in REACHES_MODEL and config.notify != "person":
        to_model += notices.due_to_model(ledger) + _spend_to_model(ledger, None)
    return to_person, to_model


def _spend_to_person(ledger: SessionLedger) -> list[str]:
    if ledger.spend is None or not ledger.spend.limits:
        return []
    # Imported here: only where a limit of spend is set.
    from moai_flow.core.spend.notices import due_to_person

    return due_to_person(ledger.spend)


def _spend_to_model(ledger: SessionLedger, names: list[str] | None) -> list[str]:
    """Return the lines about limits of spend that are due to the model.

    Args:
        ledger: the session's ledger.
        names: the swarms they are about; None for the main window's model: all together, and the shared swarms.
    """
    if ledger.spend is None or not ledger.spend.limits:
        return []
    from moai_flow.core.spend.notices import due_to_model

    if names is None:
        names = [name for name in ledger.spend.limits if name not in ledger.swarms or not ledger.swarms[name].isolated]
    return due_to_model(ledger.spend, names)
