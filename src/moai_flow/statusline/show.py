"""The status line: shows where the session's budget stands, and learns how large the window is.

The client starts it after every message and gives up on it when the next comes, so it waits for nothing: the
ledger is read without its lock, measured anew in memory, and only a new window size is stored, if the lock is
free at this moment.
"""

from __future__ import annotations

import posix
import sys
from time import time

from moai_flow.core import codec, compact_json, opening, window_size
from moai_flow.core.config import BudgetConfig
from moai_flow.core.swarm import MAIN
from moai_flow.core.window import Measurement
from moai_flow.hook import charge, meter
from moai_flow.hook.payload import safe_id, transcript_path
from moai_flow.hook.records import occupancy_of, tokens_of
from moai_flow.hook.start import process
from moai_flow.hook.state import files, paths, session_ledger, settings
from moai_flow.statusline import line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from moai_flow.core.ledger import SessionLedger

WRAP = "--wrap"
_STDOUT = 1
_STATUS_LINE = "status-line"
"""What stands for the id of the message that the client's own figure is of."""


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
    _bring_up_to_date(ledger, given, size, now)
    ledger.session.compacts_at = window_size.compaction_point(ledger.session.window_size, environ)
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
    """Store the window's size, if the lock is free; else the next status line will."""
    try:
        lock = files.try_lock(paths.lock_file(state, session_id))
        if lock < 0:
            return
        try:
            ledger = session_ledger.peek(state, session_id)
            if ledger is not None:
                ledger.session.window_size, ledger.session.size_source = size, window_size.STATUS_LINE
                files.replace(paths.ledger_file(state, session_id), codec.encode(ledger))
        finally:
            files.close(lock)
    except OSError:
        return


def _bring_up_to_date(ledger: SessionLedger, given: dict[str, Any], size: int, now: float) -> None:
    """Measure the windows anew, in memory only.

    The client's own figure is that of the main window's last reply, which may not be in the transcript yet; after a
    compaction it is 0 until the next.
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
    if tokens and tokens != window.occupancy:
        charge.observe(ledger, window, Measurement(tokens, 0, _STATUS_LINE, 0), now)
    if session.last_event:
        ledger.use(settings.recall(session))
