"""Which sessions a running client has now, by the notes that hooks leave of the client's process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moai_flow.cli import ledgers

RECENT_SECONDS = 3600.0
"""Seconds since its last event for which a session may run whose client does not tell its process."""

_MAX_BYTES = 256


class Clients:
    """The sessions of the clients that run, as the notes say.

    A note is named after the client's process and holds the session and when that process started. It counts while
    that very process lives: ids are used again, and a note outlives its client.

    Args:
        state: the folder of the ledgers.
    """

    def __init__(self, state: str) -> None:
        from moai_flow.hook.state import files, paths

        self.sessions: set[str] = set()
        self.tell_processes = False
        """Whether the clients here tell their process at all; those before 2.1.300 or so do not."""
        place = paths.processes(state)
        try:
            names = os.listdir(place)
        except OSError:
            names = []
        for name in names:
            if not name.isdigit():
                continue
            note = files.read_start(f"{place}/{name}", _MAX_BYTES).decode("ascii", "replace")
            session, _, started = note.partition(" ")
            if session:
                self.tell_processes = True
                if _is_client(name, started):
                    self.sessions.add(session)

    def has(self, session: ledgers.Summary) -> bool:
        """Return whether a running client has the session now."""
        return session.session_id in self.sessions

    def may_have(self, session: ledgers.Summary, now: float) -> bool:
        """Return whether a session counts as running: where no client tells its process, one of the last hour does."""
        if self.tell_processes:
            return self.has(session)
        return now - session.last_event < RECENT_SECONDS


def _is_client(pid: str, started: str) -> bool:
    """Return whether a process is the one that a note was left of."""
    from moai_flow.hook.state import clear_link

    try:
        os.kill(int(pid), 0)
    except PermissionError:
        # Another user's: no client of ours.
        return False
    except (OSError, OverflowError):
        return False
    now_started = clear_link.started(pid)
    return not (started and now_started) or started == now_started
