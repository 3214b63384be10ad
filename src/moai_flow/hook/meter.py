"""Measuring the windows of a session: which transcripts to read at an event, and when to wait for one."""

from __future__ import annotations

from time import monotonic, sleep

from moai_flow.core.swarm import MAIN
from moai_flow.hook import charge, transcript

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.ledger import Ledger
    from moai_flow.core.window import Measurement, Window
    from moai_flow.hook.payload import Event

REPLY_SECONDS = 0.15
"""Seconds to wait for the last reply: the client writes it 15 to 65 ms after Stop and SubagentStop begin."""

POLL_SECONDS = 0.005

_SUFFIX = len(".jsonl")


def path_of(window: Window, main_transcript: str) -> str:
    """Return the transcript of a window, "" where there is none.

    A subagent's is in a folder beside the main one that is named like it.
    """
    if window.key == MAIN or not main_transcript:
        return main_transcript
    return f"{main_transcript[:-_SUFFIX]}/{window.path or f'subagents/agent-{window.key}.jsonl'}"


def place(window: Window, event: Event) -> None:
    """Remember where a subagent's transcript is, if it is not in the usual place (workflow agents' are deeper)."""
    if event.agent_transcript:
        below = event.agent_transcript[len(event.transcript) - _SUFFIX + 1 :]
        if below != f"subagents/agent-{window.key}.jsonl":
            window.path = below


def measure(ledger: Ledger, window: Window, main_transcript: str, now: float) -> Measurement | None:
    """Read a window's transcript and settle what it says; return that, None if it says nothing."""
    path = path_of(window, main_transcript)
    if not path:
        return None
    session = ledger.session
    measured = _read(window, path, session.history_offset if session is not None and window.key == MAIN else 0)
    charge.observe(ledger, window, measured, now)
    return measured


def _read(window: Window, path: str, floor: int) -> Measurement | None:
    return transcript.measure(
        path, message=window.message, offset=window.offset, floor=floor, is_agent=window.key != MAIN
    )


def measure_agents(ledger: Ledger, main_transcript: str, now: float) -> None:
    """Measure every subagent whose transcript has changed: SubagentStop comes before the last reply is written."""
    if not main_transcript:
        return
    for window in ledger.windows.values():
        if window.key != MAIN and transcript.size_of(path_of(window, main_transcript)) not in (
            window.transcript_bytes,
            -1,
        ):
            measure(ledger, window, main_transcript, now)


def wait_for_reply(window: Window, main_transcript: str, floor: int) -> None:
    """Wait until the transcript shows the reply that ended the turn, or `REPLY_SECONDS`.

    The end of a turn is when a person decides whether to `/clear`, so the figure must be exact then. The lock
    is not held meanwhile.
    """
    path = path_of(window, main_transcript)
    size = -2
    deadline = monotonic() + REPLY_SECONDS
    while path:
        now_size = transcript.size_of(path)
        if now_size != size:
            size = now_size
            if charge.is_current(window, _read(window, path, floor)):
                return
        if monotonic() >= deadline:
            return
        sleep(POLL_SECONDS)
