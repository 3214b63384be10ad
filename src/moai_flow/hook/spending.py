"""What a session was billed, in its hooks: read where a limit of spend is set, and stated to other sessions.

A session states its figures of the last days in a file of its own, and reads those of the others: nothing is ever
added to what another session states.
"""

from __future__ import annotations

import posix

from moai_flow.core import compact_json
from moai_flow.core.spend.figures import SESSION, WHOLE, Spend, add_to
from moai_flow.core.spend.limits import DEFAULT_WEIGHTS
from moai_flow.core.swarm import MAIN
from moai_flow.hook.meter import path_of
from moai_flow.hook.state import files, paths
from moai_flow.usage.reading import MAX_BYTES
from moai_flow.usage.session import begins, read_session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger
    from moai_flow.hook.payload import Event
    from moai_flow.usage.session import Source

OTHERS_SECONDS = 5.0
"""Seconds for which the figures of other sessions are taken as they were read."""

MAX_OTHERS = 200
"""Sessions whose figures are read, the latest."""

MAX_STATED_BYTES = 1 << 18
_SUFFIX = len(".jsonl")
_HELPER = "acompact-"
_AGENT, _TRANSCRIPT = "agent-", ".jsonl"


def follow(state: str, ledger: SessionLedger, event: Event, now: float) -> None:
    """Bring what the session was billed up to date: in an agent its own window, else all windows.

    Args:
        state: the state folder.
        ledger: the session's ledger, settled.
        event: any event.
        now: seconds since the epoch.
    """
    config = ledger.config
    spend = ledger.spend = ledger.spend or Spend()
    spend.limits = {rule.name: rule.spend for rule in config.swarms if rule.spend is not None}
    if config.spend is not None:
        spend.limits[WHOLE] = config.spend
    spend.weights = config.spend_weights or DEFAULT_WEIGHTS
    complete(ledger, now, agent=event.agent)
    spend.forget_before(int(now))
    if any(limit.per != SESSION for limit in spend.limits.values()):
        is_other_period = any(begin != spend.begins[per] for per, (begin, _) in spend.others.items())
        if is_other_period or not 0 <= now - spend.others_at < OTHERS_SECONDS:
            read_others(state, spend, ledger.session.session_id, now)


def complete(ledger: SessionLedger, now: float, *, agent: str = "", most: int = MAX_BYTES) -> int:
    """Count what is new in the session's transcripts; return the bytes that are left to read.

    Args:
        ledger: the session's ledger, settled, with its `spend`.
        now: seconds since the epoch.
        agent: the agent whose transcript alone is read, "" for all.
        most: bytes that are read at most.
    """
    spend, session = ledger.spend, ledger.session
    if spend is None or not session.transcript:
        return 0
    spend.begins = begins(now)
    for key, (swarm, _) in list(spend.agents.items()):
        window = ledger.windows.get(key)
        if window is not None and key != MAIN and window.swarm != swarm:
            spend.move_agent(key, window.swarm)
    sources = _sources(ledger, session.transcript, agent)
    return read_session(spend, sources, session.session_id, now, main=MAIN, most=most)


def _sources(ledger: SessionLedger, transcript: str, agent: str) -> list[Source]:
    if agent:
        window = ledger.windows[agent]
        return [(agent, path_of(window, transcript), {window.swarm: 1})]
    sources: list[Source] = []
    for key, window in ledger.windows.items():
        held = {name: tokens for name, tokens in window.holdings.items() if tokens > 0} if key == MAIN else {}
        sources.append((key, path_of(window, transcript), held or {window.swarm: 1}))
    folder = f"{transcript[:-_SUFFIX]}/subagents"
    try:
        names = posix.listdir(folder)
    except OSError:
        names = []
    # The client's own helpers cause no hooks; what they cost is the main window's.
    helpers = [name for name in names if name.startswith(_AGENT + _HELPER) and name.endswith(_TRANSCRIPT)]
    return sources + [(name[len(_AGENT) : -_SUFFIX], f"{folder}/{name}", {MAIN: 1}) for name in helpers]


def state_figures(state: str, ledger: SessionLedger) -> None:
    """State what the session was billed in the last days, for the others; the session's lock must be held.

    Raises:
        OSError: it cannot be written; what was stated before stays.
    """
    spend = ledger.spend
    if spend is None or all(limit.per == SESSION for limit in spend.limits.values()):
        return
    folder = paths.spend(state)
    path = f"{folder}/{ledger.session.session_id}.json"
    data = compact_json.encode([[block, by_swarm] for block, by_swarm in spend.blocks.items()]).encode("ascii")
    if spend.blocks and data != files.read(path, MAX_STATED_BYTES):
        files.ensure_folder(folder)
        files.replace(path, data)


def read_others(state: str, spend: Spend, session: str, now: float) -> None:
    """Take what the other sessions state of the present periods; what is damaged counts as nothing."""
    pers = sorted({limit.per for limit in spend.limits.values() if limit.per != SESSION})
    earliest = min([spend.begins[per] for per in pers])
    sums: dict[str, dict[str, list[int]]] = {per: {} for per in pers}
    for path in _stated(paths.spend(state), f"{session}.json", earliest):
        try:
            data = files.read(path, MAX_STATED_BYTES)
            for block, by_swarm in compact_json.decode((data or b"[]").decode("ascii")):
                for name, figures in by_swarm.items():
                    if len(figures) == 6 and all(type(amount) is int and amount >= 0 for amount in figures):  # noqa: PLR2004 - requests and five classes
                        for per in pers:
                            if block >= spend.begins[per]:
                                add_to(sums[per], name, figures)
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            continue
    spend.others = {per: (spend.begins[per], sums[per]) for per in pers}
    spend.others_at = now


def _stated(folder: str, own: str, since: int) -> list[str]:
    found = []
    try:
        names = posix.listdir(folder)
    except OSError:
        return []
    for name in names:
        if name.endswith(".json") and name != own:
            try:
                changed = posix.lstat(f"{folder}/{name}").st_mtime
            except OSError:
                continue
            if changed >= since:
                found.append((changed, f"{folder}/{name}"))
    return [path for _, path in sorted(found)[-MAX_OTHERS:]]
