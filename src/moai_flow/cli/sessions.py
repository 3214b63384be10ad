"""Which session a command works on: one rule for all of them.

1. The session that is named (`--session`), or the one this command runs in (`CLAUDE_CODE_SESSION_ID`).
2. The session of this project that a running client has now.
3. This project's last session, by the time of its last event.
4. A command that only shows something takes the last session of all; one that changes something takes none.

The project is the nearest folder, from the working folder upwards, that has a session.
"""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from moai_flow.cli import projects
from moai_flow.cli.ledgers import Summary, listed, state_folder
from moai_flow.cli.running import RECENT_SECONDS, Clients
from moai_flow.core.errors import TokenBudgetError
from moai_flow.core.names import printable

__all__ = ["Found", "find", "look_up", "running", "state_folder"]

OWN_VARIABLE = "CLAUDE_CODE_SESSION_ID"

_MAX_NAMED = 5
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


class Found(NamedTuple):
    """A session and what every command says of it.

    Attributes:
        session_id: its id.
        project: its project's folder, "" if unknown.
        is_running: whether a running client has it now.
        last_event: when its last event came, in seconds since the epoch, 0.0 if unknown.
        state: "running", "ended 5 min ago", or "last event 5 min ago" where the client does not tell.
        problem: why its ledger cannot be read, "" if it can.
    """

    session_id: str
    project: str
    is_running: bool
    last_event: float
    state: str
    problem: str = ""

    @property
    def document(self) -> dict[str, object]:
        """The session as every command's JSON names it."""
        return {
            "session_id": self.session_id,
            "project": self.project,
            "running": self.is_running,
            "last_event": self.last_event or None,
        }

    @property
    def line(self) -> str:
        """The session as one line for a terminal."""
        return "  ".join([printable(text) for text in (f"session {self.session_id}", self.project, self.state) if text])


def find(state: str, wanted: str | None = None, *, to_change: bool = False) -> str:
    """Return the id of the session that a command works on.

    Args:
        state: the folder of the ledgers.
        wanted: an id, or how one begins.
        to_change: whether the command changes something.

    Raises:
        TokenBudgetError: there is none, or several could be meant; names them.
    """
    return look_up(state, wanted, to_change=to_change).session_id


def look_up(state: str, wanted: str | None = None, *, to_change: bool = False) -> Found:
    """Return the session that a command works on; arguments and errors as for `find`."""
    known, clients, now = listed(state), Clients(state), time.time()
    if wanted:
        return _describe(_named(state, known, wanted), clients, now)
    own = os.environ.get(OWN_VARIABLE, "")
    for session in known:
        if session.session_id == own:
            return _describe(session, clients, now)
    if own and to_change:
        raise TokenBudgetError(
            f"the session this runs in ({printable(own)}) has no ledger yet; name another one with --session ID, "
            "or run `token-budget doctor`"
        )
    worked = [session for session in known if _counts(session, clients)]
    if not worked:
        raise TokenBudgetError(
            f"no session yet in {state}; it begins with the first prompt in Claude Code, "
            "once the plugin is on or `token-budget install` was run (`token-budget doctor` checks that)"
        )
    ours = _of_this_project(worked)
    live = [session for session in ours if clients.has(session)]
    if to_change and len(live) > 1:
        raise TokenBudgetError(_choice(f"{len(live)} sessions of this project run now", live, clients, now))
    if to_change and not ours:
        raise TokenBudgetError(_choice(f"no session of {projects.here()}", worked, clients, now))
    return _describe([*live, *ours, *worked][0], clients, now)


def running(state: str) -> list[Found]:
    """Return the sessions that a running client has now, the one with the latest event first.

    Where no client tells its process (before 2.1.300 or so), those of the last hour.

    Raises:
        TokenBudgetError: the folder of the ledgers cannot be read.
    """
    clients, now = Clients(state), time.time()
    return [
        _describe(session, clients, now)
        for session in listed(state)
        if _counts(session, clients) and clients.may_have(session, now)
    ]


def _counts(session: Summary, clients: Clients) -> bool:
    """Return whether a ledger is a session's: one that saw neither a prompt nor a tool is not, unless it runs."""
    return session.has_worked or clients.has(session)


def _named(state: str, known: list[Summary], wanted: str) -> Summary:
    begins = [session for session in known if session.session_id.startswith(wanted)]
    exact = [session for session in begins if session.session_id == wanted]
    if len(begins) > 1 and not exact:
        names = ", ".join([session.session_id for session in begins[:_MAX_NAMED]])
        raise TokenBudgetError(f"{len(begins)} sessions begin with {wanted}: {names}")
    if not begins:
        raise TokenBudgetError(f"no session {wanted} in {state}; without --session this project's is used")
    return (exact or begins)[0]


def _of_this_project(known: list[Summary]) -> list[Summary]:
    """Return the sessions of the nearest project, the one with the latest event first."""
    folders = projects.around()
    near = [(projects.distance(session.transcript, folders), session) for session in known]
    places = [place for place, _ in near if place is not None]
    return [session for place, session in near if place == min(places)] if places else []


def _describe(session: Summary, clients: Clients, now: float) -> Found:
    project = projects.of(session.transcript) if session.transcript else ""
    is_running = clients.has(session)
    return Found(
        session.session_id, project, is_running, session.last_event, _state(session, clients, now), session.problem
    )


def _state(session: Summary, clients: Clients, now: float) -> str:
    if clients.has(session):
        return "running"
    if not session.last_event:
        return ""
    seconds = now - session.last_event
    is_over = clients.tell_processes or seconds > RECENT_SECONDS
    return f"{'ended' if is_over else 'last event'} {ago(seconds)}"


def ago(seconds: float) -> str:
    """Return how long something is past, as people say it: "just now", "5 min ago", "3 h ago", "2 days ago"."""
    if seconds < _MINUTE:
        return "just now"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min ago"
    if seconds < _DAY:
        return f"{seconds / _HOUR:.0f} h ago"
    days = round(seconds / _DAY)
    return f"{days} day{'s' if days > 1 else ''} ago"


def _choice(problem: str, sessions: list[Summary], clients: Clients, now: float) -> str:
    """Return an error that names the sessions there are and how to name one."""
    found = [_describe(session, clients, now) for session in sessions[:_MAX_NAMED]]
    rows = [f"  {'  '.join([text for text in (one.session_id, one.project, one.state) if text])}" for one in found]
    more = len(sessions) - len(found)
    if more > 0:
        rows.append(f"  and {more} more")
    return "\n".join([f"{problem}; name one with --session ID:", *rows])
