"""Whether the session may go on before a hook has answered: while it is far from every notice.

Pure. The answer of most hooks is silence, so the client need not wait for it. It must wait where a notice could be
due: a notice to the person only leaves from a hook that is waited for.

Between the moment a hook decides this and the next hook that is waited for, other hooks run: those of tool calls made
in parallel and of agents. Each may bring one result into a window. So the room up to the next notice must hold one
result as large as the client lets it be, and for each further hook as much as a step of this session brings:

    in flight = 1 + (room - LARGEST_RESULT - step) / step

The hook that crosses a threshold is then one that is waited for, unless several results at the client's limit come at
once: in that case the notice comes with the next event.
"""

from __future__ import annotations

from moai_flow.core import forecast, notices
from moai_flow.core.swarm import MAIN
from moai_flow.hook.payload import POST_TOOL_USE, POST_TOOL_USE_FAILURE, STOP, SUBAGENT_START, SUBAGENT_STOP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from moai_flow.core.ledger import SessionLedger
    from moai_flow.core.swarm import Swarm

EVENTS = (POST_TOOL_USE, POST_TOOL_USE_FAILURE, SUBAGENT_START, SUBAGENT_STOP, STOP)
"""The events at which the client does nothing with a silent answer but wait for it."""

MAX_IN_FLIGHT = 16
"""Hooks of one session that may run beside it; on a machine that cannot keep up, the next one is waited for."""

LARGEST_RESULT = 25_000
"""Tokens: the client's limit for a Read and for a result of MCP; other tools stop at 50,000 characters."""

SMALLEST_STEP = 2_000
"""Tokens that a step brings at least."""

KNOWN_STEPS = 3
"""Steps that must have been measured: of a session that has just begun nothing tells how much the next one brings."""

_STEPS = 10
_FAR = 1 << 60


def permission(ledger: SessionLedger) -> str:
    """Return what the next hooks may do: "16 PostToolUse Stop", or "" if the session has to wait for them.

    The number is how many hooks may be in flight at once; the names are the events that need not be waited for.

    Args:
        ledger: the session's ledger after an event, with what this event said taken as said.
    """
    number = in_flight(room(ledger), step(ledger)) if _is_possible(ledger) and _spends_little(ledger) else 0
    if not number:
        return ""
    events = [name for name in EVENTS if name != SUBAGENT_START or not ledger.config.tell_agents]
    return " ".join([str(number), *events])


def _is_possible(ledger: SessionLedger) -> bool:
    config, window = ledger.config, ledger.windows.get(MAIN)
    # How full a window is that was never measured is unknown.
    return config.quiet and config.enforce == "off" and window is not None and not window.never_measured


def _spends_little(ledger: SessionLedger) -> bool:
    """Return whether no limit of spend can be crossed by the requests of as many hooks as may be in flight."""
    if ledger.spend is None or not ledger.spend.limits:
        return True
    # Imported here: only where a limit of spend is set.
    from moai_flow.core.spend.notices import to_next_level

    spend = ledger.spend
    largest = max(spend.last_request.values(), default=0)
    return all(to_next_level(spend, name) > MAX_IN_FLIGHT * largest for name in spend.limits)


def in_flight(free: int, each: int) -> int:
    """Return how many hooks may run beside the session, 0 to `MAX_IN_FLIGHT`.

    Args:
        free: tokens up to the next notice.
        each: tokens that a step of this session brings.
    """
    spare = free - LARGEST_RESULT - each
    return min(MAX_IN_FLIGHT, 1 + spare // each) if spare >= 0 else 0


def step(ledger: SessionLedger) -> int:
    """Return the tokens that one step brings: the second largest of the last ten that were measured.

    The largest alone may be a first request with the system's prompt in it, or one long file. More than any window
    while too few were measured.
    """
    steps = sorted([tokens for _, _, action, tokens in ledger.history if action == "settle" and tokens > 0][-_STEPS:])
    return max(SMALLEST_STEP, steps[-2]) if len(steps) >= KNOWN_STEPS else _FAR


def room(ledger: SessionLedger) -> int:
    """Return the tokens that can come before something has to be said; 0 if something waits to be said."""
    config, session = ledger.config, ledger.session
    if not config.enable_warnings:
        return _FAR
    to_person, to_model = config.notify != "model", config.notify != "person"
    if to_person and session.pending_notices:
        return 0
    rooms = [_FAR]
    thresholds = (config.warning_threshold_1, config.warning_threshold_2)
    said = _said(session.notified_person if to_person else None, session.notified_model if to_model else None)
    if notices.global_level(ledger) > said:
        return 0
    rooms += [threshold - ledger.total_consumed for threshold in thresholds[said:][:1]]
    near = forecast.compaction_nears_at(ledger)
    if near and to_person and not session.notified_compaction:
        rooms.append(near - ledger.total_consumed)
    rooms += _rooms_of_swarms(ledger, to_person=to_person, to_model=to_model)
    return max(0, min(rooms))


def _rooms_of_swarms(ledger: SessionLedger, *, to_person: bool, to_model: bool) -> Iterator[int]:
    running = {reservation.swarm for reservation in ledger.reservations.values()}
    for swarm in ledger.swarms.values():
        is_working = not swarm.isolated or swarm.swarm_id in running
        # An agent's own model receives notices of its swarm; one that has stopped receives none.
        heard_by_model = swarm.notified_model if to_model and is_working else None
        said = _said(swarm.notified_person if to_person else None, heard_by_model)
        if notices.swarm_level(swarm) > said:
            yield 0
        elif is_working:
            yield _room_of(swarm, said)


def _room_of(swarm: Swarm, said: int) -> int:
    if swarm.open_ended or not swarm.has_limit or said >= notices.CRITICAL:
        return _FAR
    percent = notices.SWARM_WARNING_PERCENT if said == notices.NORMAL else notices.SWARM_CRITICAL_PERCENT
    return int(swarm.allocated * percent // 100) - swarm.consumed


def _said(*levels: int | None) -> int:
    """Return the level that every reader was notified of."""
    return min([level for level in levels if level is not None], default=notices.CRITICAL)
