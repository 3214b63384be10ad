"""Reading sessions for the analysis: from their ledgers to their transcripts to their traces."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moai_flow.analysis.collect import collect
from moai_flow.analysis.recommend import Recommendation, recommend
from moai_flow.core import codec
from moai_flow.core.config import BudgetConfig
from moai_flow.core.errors import StateError, TokenBudgetError
from moai_flow.hook.records import project_in
from moai_flow.hook.state import paths, settings
from moai_flow.replay.play import play

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moai_flow.analysis.trace import Trace
    from moai_flow.core.ledger import SessionLedger

DAY_SECONDS = 86_400.0

_CLEAR = b"<command-name>/clear</command-name>"
_HEAD_BYTES = 1 << 16
_SUFFIX = ".json"


def get_recommendations(days: float = 7.0, state_dir: str | None = None) -> list[Recommendation]:
    """Return what could be done about the sessions of the last days, what matters most first.

    Args:
        days: how far to go back.
        state_dir: the folder of the ledgers; None for the one the hooks use.

    Raises:
        TokenBudgetError: nobody can tell where the ledgers are.
    """
    state = state_dir or paths.state_folder(os.environ, sys.platform)
    if not state:
        raise TokenBudgetError(f"no state folder: {paths.STATE_VARIABLE} must be an absolute path, or HOME be set")
    return recommend([trace for trace in map(load, ledgers(state, days)) if trace is not None])


def ledgers(state: str, days: float) -> Iterator[SessionLedger]:
    """Yield the ledgers of the sessions of the last days, the earliest first; what cannot be read is left out.

    Args:
        state: the folder of the ledgers.
        days: how far to go back.
    """
    place = Path(paths.sessions(state))
    since = time.time() - days * DAY_SECONDS
    found = [(path.stat().st_mtime, path) for path in place.glob(f"*{_SUFFIX}") if path.is_file()]
    for changed, path in sorted(found):
        if changed >= since:
            ledger = read_ledger(path)
            if ledger is not None:
                yield ledger


def read_ledger(path: Path) -> SessionLedger | None:
    """Return the ledger in a file, None if it is none of a session."""
    try:
        return codec.decode_session(path.read_bytes(), BudgetConfig())
    except (OSError, StateError):
        return None


def load(ledger: SessionLedger) -> Trace | None:
    """Return the trace of a session, None where its transcript is gone.

    The session is played with the settings that were in force at its last event; rules for swarms are the project's
    present ones.
    """
    session = ledger.session
    transcript = Path(session.transcript) if session.transcript else None
    if transcript is None or not transcript.is_file():
        return None
    with transcript.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    layers, _ = settings.read_layers(os.environ, sys.platform, project_in(head))
    if session.settings:
        layers.append(("ledger", session.settings))
    config, _ = BudgetConfig.merged(layers, session.window_size or None)
    try:
        trace = collect(play(transcript, _section(config)), session.session_id)
    except TokenBudgetError:
        return None
    trace.window_size = session.window_size or trace.window_size
    trace.after_clear = _CLEAR in head
    return trace


def _section(config: BudgetConfig) -> dict[str, Any]:
    """Return settings as a file would have them, with the budget as a number."""
    section = config.to_dict()
    section["total_budget"] = config.total_budget
    section["swarms"] = {
        name: {key: value for key, value in rule.items() if value is not None}
        for name, rule in section["swarms"].items()
    }
    return section
