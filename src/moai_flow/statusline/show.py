"""The status line: shows where the session's budget stands, and learns how large the window is.

The client starts it after every message and gives up on it when the next comes, so it waits for nothing: the
ledger is read without its lock, measured anew in memory, and only a new window size and the figure
after a rewind are stored, if the lock is free at this moment.
"""

from __future__ import annotations

import posix
import sys
from time import time

from moai_flow.core import codec, compact_json, opening, window_size
from moai_flow.core.config import BudgetConfig
from moai_flow.core.swarm import MAIN
from moai_flow.hook import charge, meter
from moai_flow.hook.payload import safe_id, transcript_path
from moai_flow.hook.records import occupancy_of, tokens_of
from moai_flow.hook.start import process
from moai_flow.hook.state import files, paths, session_ledger, settings
from moai_flow.statusline import line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from moai_flow.core.ledger import SessionLedger

WRAP = "--wrap"
_STDOUT = 1
_IDLE_SECONDS = 2.0
"""Seconds without a change of the transcript: no conversation is rewound faster."""


def main() -> None:
    """Print the status line for the session on standard input; after another's, with `--wrap COMMAND`.

    Whatever goes wrong is not shown: then the line is the other's alone, or empty.
    """
    try:
        with process.watchdog(process.WORK_SECONDS, process.BUSY_SECONDS):
            data = process.read_input()
            environ = process.environment()
            if WRAP in sys.argv[1:-1]:
                from moai_flow.statusline import wrapped

                wrapped.show(sys.argv[sys.argv.index(WRAP) + 1], data)
            text = status_line(data, environ, sys.platform, time())
            if text:
                posix.write(_STDOUT, text.encode("utf-8", "replace") + b"\n")
    except BaseException:
        return


def status_line(data: bytes, environ: Mapping[str, str], platform: str, now: float) -> str:
    """Return the status line, "" if `data` is not what the client hands to one.

    Args:
        data: standard input.
        environ: the environment.
        platform: `sys.platform`.
        now: seconds since the epoch.
    """
    given = compact_json.decode(data.decode("utf-8", "replace"))
    if not isinstance(given, dict) or not isinstance(given.get("session_id"), str):
        return ""
    context = _object(given, "context_window")
    size = tokens_of(context.get("context_window_size"))
    state = paths.state_folder(environ, platform)
    session_id = safe_id(given["session_id"])
    ledger = _stored(state, session_id) if state else None
    if ledger is None:
        ledger = opening.begin(session_id, _read_config(given, environ, platform, size), now)
    elif size and not _knows(ledger, size):
        _store_size(state, session_id, size)
    if _bring_up_to_date(ledger, given, size, now) and state:
        _store_figure(state, session_id, ledger, now)
    session = ledger.session
    session.compacts_at = window_size.compaction_point(session.window_size, environ, session.client_window)
    return line.render(
        ledger,
        width=window_size.number_of(environ, "COLUMNS"),
        is_coloured=not environ.get("NO_COLOR") and environ.get("TERM") != "dumb",
    )


def _knows(ledger: SessionLedger, size: int) -> bool:
    session = ledger.session
    return (session.window_size, session.size_source) == (size, window_size.STATUS_LINE)


def _object(value: dict[str, Any], field: str) -> dict[str, Any]:
    inner = value.get(field)
    return inner if isinstance(inner, dict) else {}


def _stored(state: str, session_id: str) -> SessionLedger | None:
    """Return the session's ledger with the settings in force at its last event, None if there is none to use."""
    ledger = session_ledger.peek(state, session_id)
    if ledger is not None:
        ledger.use(settings.recall(ledger.session))
    return ledger


def _read_config(given: dict[str, Any], environ: Mapping[str, str], platform: str, size: int) -> BudgetConfig:
    """Return the settings as the files say, for a session that no hook has seen yet."""
    project = _object(given, "workspace").get("project_dir")
    layers, _ = settings.read_layers(environ, platform, project if isinstance(project, str) else "")
    return BudgetConfig.merged(layers, size or None)[0]


def _store_size(state: str, session_id: str, size: int) -> None:
    """Store the window's size."""

    def change(ledger: SessionLedger) -> None:
        ledger.session.window_size, ledger.session.size_source = size, window_size.STATUS_LINE

    _store(state, session_id, change)


def _store(state: str, session_id: str, change: Callable[[SessionLedger], None]) -> None:
    """Change the stored ledger, if the lock is free; else the next status line will."""
    try:
        lock = files.try_lock(paths.lock_file(state, session_id))
        if lock < 0:
            return
        try:
            ledger = session_ledger.peek(state, session_id)
            if ledger is not None:
                change(ledger)
                files.replace(paths.ledger_file(state, session_id), codec.encode(ledger))
        finally:
            files.close(lock)
    except OSError:
        return


def _bring_up_to_date(ledger: SessionLedger, given: dict[str, Any], size: int, now: float) -> bool:
    """Measure the windows anew, in memory only; return whether the client's own figure is to be kept.

    That figure is that of the main window's last reply, which may not be in the transcript yet; after a compaction it
    is 0 until the next. After a rewind it is the only one that is true, until the next reply.
    """
    session = ledger.session
    if size:
        session.window_size, session.size_source = size, window_size.STATUS_LINE
    path = given.get("transcript_path")
    transcript = transcript_path(path) if isinstance(path, str) else ""
    reading = meter.read_all(ledger, transcript or session.transcript, now)
    charge.settle_reading(ledger, reading, now)
    window, measured = ledger.windows[MAIN], reading.measured.get(MAIN)
    # The client may draw the line for the last time of a turn before the turn's Stop hook has run.
    if measured is not None and measured.ended and session.turns[-1:] != [window.tokens]:
        session.end_turn(window.tokens)
    usage = _object(_object(given, "context_window"), "current_usage")
    tokens = occupancy_of(usage)
    fell = 0 < tokens < window.occupancy
    if tokens and tokens != window.occupancy:
        charge.take_told(ledger, window, tokens, now)
    if session.last_event:
        ledger.use(settings.recall(session))
    return fell and _is_idle(transcript or session.transcript, now)


def _is_idle(transcript: str, now: float) -> bool:
    """Return whether nothing was written for a while: a line that is drawn late shows an older figure too."""
    try:
        return now - posix.stat(transcript).st_mtime >= _IDLE_SECONDS
    except OSError:
        return False


def _store_figure(state: str, session_id: str, told: SessionLedger, now: float) -> None:
    """Store what the window holds after a rewind, which no hook sees and the transcript does not show."""
    window = told.windows[MAIN]

    def change(ledger: SessionLedger) -> None:
        kept = ledger.windows.get(MAIN)
        if kept is not None and kept.newest == window.newest:
            charge.take_told(ledger, kept, window.occupancy, now)

    _store(state, session_id, change)
