"""Measuring the windows of a session: which transcripts to read at an event, and when to wait for one.

Only reading: what was read is settled by `hook.charge`.
"""

from __future__ import annotations

from time import monotonic, sleep

from moai_flow.core.swarm import MAIN
from moai_flow.core.window import Window
from moai_flow.hook import charge, transcript
from moai_flow.hook.payload import SESSION_START, STOP, SUBAGENT_START, USER_PROMPT_SUBMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from moai_flow.core.ledger import SessionLedger
    from moai_flow.core.window import Measurement
    from moai_flow.hook.payload import Event

    class Source(Protocol):
        """Where transcripts are read: `hook.transcript`, or a session that is played again."""

        def size_of(self, path: str) -> int:
            """Return the bytes of a transcript, -1 for none."""

        def measure(
            self, path: str, *, message: str, offset: int, history_offset: int, is_agent: bool, call: str
        ) -> Measurement | None:
            """Return what a transcript says its window holds, as `transcript.measure` does."""

        def fork_baseline(self, path: str) -> int:
            """Return the tokens of the window that a fork took over, as `transcript.fork_baseline` does."""


REPLY_SECONDS = 0.15
"""Seconds to wait for the last reply: the client writes it 15 to 65 ms after Stop and SubagentStop begin."""

POLL_SECONDS = 0.005

_SUFFIX = len(".jsonl")
_SEARCHING = (SESSION_START, USER_PROMPT_SUBMIT, STOP)
"""Events at which the folder of the agents' transcripts is searched: those between which many tools run."""


class Reading:
    """What the transcripts of a session say at one moment.

    Attributes:
        measured: by the window's key, the main window's first.
        agents: (type, path below the session's folder) of agents that the event names or the search found, by their
            id; the path is "" where nothing tells it or in the usual place.
        baselines: what forks began with, in tokens: the window that they took over, by their id.
        searched: transcripts of agents in the session's folder, None where it was not searched.
        source: where the transcripts were read.
    """

    __slots__ = ("agents", "baselines", "measured", "searched", "source")

    def __init__(self, source: Source = transcript) -> None:
        self.source = source
        self.measured: dict[str, Measurement] = {}
        self.agents: dict[str, tuple[str, str]] = {}
        self.baselines: dict[str, int] = {}
        self.searched: int | None = None


def read(
    ledger: SessionLedger, event: Event, now: float, *, is_rebuilt: bool = False, source: Source = transcript
) -> Reading:
    """Return what the transcripts say at an event: of the agent's window in an agent, else of all windows.

    The event's own window is read up to the message that makes the call which is answered: a hook that the session does
    not wait for may be late, and counts the result before the next message covers it.

    Args:
        ledger: the session's ledger, which is not changed.
        event: the event.
        now: seconds since the epoch.
        is_rebuilt: whether the ledger is new because the one before was damaged: then all agents are looked for.
        source: where the transcripts are read.
    """
    reading = Reading(source)
    if event.agent:
        window = ledger.windows.get(event.agent)
        path = _given_path(event)
        reading.agents[event.agent] = (event.agent_type, path)
        # At its start an agent has said nothing yet; a hook that is late would find what comes after it.
        if event.name != SUBAGENT_START:
            _measure(reading, ledger, window or Window(event.agent, MAIN), event.transcript, path, event.call)
    else:
        _measure(reading, ledger, ledger.windows.get(MAIN) or Window(MAIN, MAIN), event.transcript, call=event.call)
        _measure_agents(reading, ledger, event.transcript)
    if event.transcript and (is_rebuilt or (event.name in _SEARCHING and not event.agent)):
        _search(reading, ledger, event.transcript, now)
    return reading


def read_all(ledger: SessionLedger, main_transcript: str, now: float) -> Reading:
    """Return what the transcripts of all windows say now, for those who look at a ledger between two events."""
    reading = Reading()
    _measure(reading, ledger, ledger.windows.get(MAIN) or Window(MAIN, MAIN), main_transcript)
    _measure_agents(reading, ledger, main_transcript)
    if main_transcript:
        _search(reading, ledger, main_transcript, now)
        # A reader leaves the ledger as it was.
        reading.searched = None
    return reading


def path_of(window: Window, main_transcript: str, below: str = "") -> str:
    """Return the transcript of a window, "" where there is none.

    A subagent's is in a folder beside the main one that is named like it; `below` is where in that folder, if the
    window itself does not tell.
    """
    if window.key == MAIN or not main_transcript:
        return main_transcript
    return f"{main_transcript[:-_SUFFIX]}/{below or window.path or f'subagents/agent-{window.key}.jsonl'}"


def wait_for_reply(event: Event, ledger: SessionLedger | None, seconds: float) -> None:
    """Wait until the transcript shows the reply that ended the turn, at most `seconds`.

    The end of a turn is when a person decides whether to `/clear`, so the figure must be exact then. The lock
    is not held meanwhile.

    Args:
        event: Stop or SubagentStop.
        ledger: the session's ledger as it stands, None if there is none.
        seconds: how long to wait.
    """
    key = event.agent or MAIN
    window = ledger.windows.get(key) if ledger is not None else None
    window = window or Window(key, MAIN)
    path = path_of(window, event.transcript, _given_path(event))
    history_offset = ledger.session.history_offset if ledger is not None else 0
    size = -2
    deadline = monotonic() + seconds
    while path:
        now_size = transcript.size_of(path)
        if now_size != size:
            size = now_size
            if charge.is_current(window, _read(window, path, history_offset), event.reply):
                return
        if monotonic() >= deadline:
            return
        sleep(POLL_SECONDS)


def wait_for_call(event: Event, seconds: float) -> None:
    """Wait until an agent's transcript shows the message that makes the call which is about to run, at most `seconds`.

    The client writes it up to 100 ms later, while its hooks run; without it an agent would be stopped one request late.
    """
    path = path_of(Window(event.agent, MAIN), event.transcript)
    deadline = monotonic() + seconds
    size = -2
    while path:
        now_size = transcript.size_of(path)
        if now_size != size:
            size = now_size
            if transcript.ends_with_call(path, event.call):
                return
        if monotonic() >= deadline:
            return
        sleep(POLL_SECONDS)


def _given_path(event: Event) -> str:
    """Return where below the session's folder an event says that an agent's transcript is, "" in the usual place."""
    if not event.agent_transcript:
        return ""
    below = event.agent_transcript[len(event.transcript) - _SUFFIX + 1 :]
    return below if below != f"subagents/agent-{event.agent}.jsonl" else ""


def _measure(
    reading: Reading, ledger: SessionLedger, window: Window, main_transcript: str, below: str = "", call: str = ""
) -> None:
    path = path_of(window, main_transcript, below)
    measured = _read(window, path, ledger.session.history_offset, call, reading.source) if path else None
    if measured is not None:
        reading.measured[window.key] = measured
        if window.key != MAIN and window.never_measured:
            baseline = reading.source.fork_baseline(path)
            if baseline:
                reading.baselines[window.key] = baseline


def _read(
    window: Window, path: str, history_offset: int, call: str = "", source: Source = transcript
) -> Measurement | None:
    return source.measure(
        path,
        message=window.newest,
        offset=window.offset,
        history_offset=history_offset if window.key == MAIN else 0,
        is_agent=window.key != MAIN,
        call=call,
    )


def _measure_agents(reading: Reading, ledger: SessionLedger, main_transcript: str) -> None:
    """Measure every agent whose transcript has changed: SubagentStop comes before the last reply is written."""
    if not main_transcript:
        return
    for window in ledger.windows.values():
        if window.key != MAIN:
            size = reading.source.size_of(path_of(window, main_transcript))
            if size not in (window.transcript_bytes, -1):
                _measure(reading, ledger, window, main_transcript)


def _search(reading: Reading, ledger: SessionLedger, main_transcript: str, now: float) -> None:
    """Find agents whose own events were lost: a hook gives up where the lock cannot be had."""
    place = f"{main_transcript[:-_SUFFIX]}/subagents"
    if reading.source.size_of(place) < 0:
        return
    # Imported here: only for sessions with agents.
    from moai_flow.hook.discovery import find_agents

    known = {*ledger.windows, *reading.agents}
    found, reading.searched = find_agents(place, known, ledger.session.agent_files, now)
    for agent, (agent_type, below) in found.items():
        reading.agents[agent] = (agent_type, below)
        _measure(reading, ledger, Window(agent, MAIN), main_transcript, below)
