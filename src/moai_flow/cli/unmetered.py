"""A session that has no ledger, because no hook has run in it: its budget from the transcripts that are there."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from moai_flow.cli import chosen, projects, sessions
from moai_flow.core.errors import TokenBudgetError

if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger

STATE = "without hooks, last written"


def last(session: str | None) -> tuple[sessions.Found, SessionLedger] | None:
    """Return this project's last session that has a transcript, played with the settings in force; None without one.

    Args:
        session: the wanted session, None for the one that was written last.
    """
    from moai_flow.hook.state import settings
    from moai_flow.replay.play import play

    try:
        [recorded] = chosen.pointed_at(session)
        layers, _ = settings.read_layers(chosen.environment(), sys.platform, projects.here())
        ledger = None
        for step in play(recorded, layers):
            ledger = step.ledger
    except (TokenBudgetError, ValueError, OSError):
        return None
    if ledger is None:
        return None
    written = os.stat(recorded.main.path).st_mtime
    state = f"{STATE} {sessions.ago(time.time() - written)}"
    project = projects.of(str(recorded.main.path))
    return sessions.Found(recorded.session_id, project, is_running=False, last_event=written, state=state), ledger
