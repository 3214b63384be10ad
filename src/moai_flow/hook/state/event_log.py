"""The event log: what happened to the budget, one JSON object a line, for those who asked for it.

Loaded with `"event_log": true` alone. Lines hold ids, names of swarms and numbers, never what people or tools wrote.
The file is private, its size is capped, and the one before it is kept.
"""

from __future__ import annotations

import posix

from moai_flow.core import compact_json
from moai_flow.core.notices import LEVEL_NAMES
from moai_flow.hook.state import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from moai_flow.core.ledger import SessionLedger
    from moai_flow.hook.payload import Event

NAME = "events.jsonl"
OLDER = ".1"
"""What the name of the file before ends in."""

MAX_BYTES = 5_000_000
"""Bytes from which the file is set aside, in place of the one before."""

BUDGET, SWARM, COMPACTION, OTHER = "budget", "swarm", "compaction", "other"
"""What a notice is about."""

_FLAGS = posix.O_WRONLY | posix.O_CREAT | posix.O_APPEND | posix.O_CLOEXEC | posix.O_NOFOLLOW | posix.O_NONBLOCK
_TYPE, _REGULAR = 0o170000, 0o100000


class EventLog:
    """What a ledger was before an event, to tell afterwards what the event changed."""

    __slots__ = ("_compaction", "_history", "_told")

    def __init__(self, ledger: SessionLedger) -> None:
        self._history = {tuple(entry) for entry in ledger.history}
        self._told = _told(ledger)
        self._compaction = ledger.session.notified_compaction

    def lines(self, ledger: SessionLedger, now: float) -> list[dict[str, Any]]:
        """Return what has happened since: one object for each entry of the history and each notice. Pure.

        Args:
            ledger: the ledger after the event.
            now: seconds since the epoch, for the notices; an entry of the history has its own time.
        """
        found: list[dict[str, Any]] = []
        for entry in ledger.history:
            if tuple(entry) not in self._history:
                at, swarm_id, action, tokens = entry
                line = {"time": at, "type": action, "swarm": swarm_id, "tokens": tokens}
                swarm = ledger.swarms.get(swarm_id)
                if swarm is not None:
                    line |= {"consumed": swarm.consumed, "reserved": swarm.reserved, "allocated": swarm.allocated}
                found.append(line)
        for (to, swarm_id), level in _told(ledger).items():
            if level > self._told.get((to, swarm_id), 0):
                found.append(_notice(ledger, now, to, swarm_id, level))
        if ledger.session.notified_compaction and not self._compaction:
            found.append({"time": now, "type": "notice", "to": "person", "about": COMPACTION})
        return found

    def write(
        self,
        state: str,
        ledger: SessionLedger,
        event: Event,
        now: float,
        decision: str,
        to_person: list[str],
        to_model: list[str],
    ) -> None:
        """Append what an event has changed and what was said. An error costs the lines, never the reply.

        Args:
            state: the state folder.
            ledger: the ledger after the event.
            event: the event.
            now: seconds since the epoch.
            decision: what was decided about a tool call, "" where nothing was.
            to_person: the lines for the person.
            to_model: the lines for the model.
        """
        found = self.lines(ledger, now)
        if decision:
            found.append({"time": now, "type": "decision", "decision": decision, "call": event.call})
        for to, lines in (("person", to_person), ("model", to_model)):
            if lines and not any(line["type"] == "notice" and line["to"] == to for line in found):
                found.append({"time": now, "type": "notice", "to": to, "about": OTHER})
        where = {"session": event.session, "hook": event.name}
        if event.agent:
            where["agent"] = event.agent
        append(state, [{**line, **where} for line in found])


def append(state: str, lines: list[dict[str, Any]]) -> None:
    """Append objects to the log in the state folder, each on a line of its own, all in one write.

    What cannot be written is left out: the ledger has it.
    """
    if not lines:
        return
    data = "".join([compact_json.encode(line) + "\n" for line in lines]).encode("ascii")
    path = f"{state}/{NAME}"
    try:
        descriptor = _open(path)
        try:
            if posix.fstat(descriptor).st_size + len(data) > MAX_BYTES and _set_aside(state, path):
                fresh = _open(path)
                posix.close(descriptor)
                descriptor = fresh
            posix.write(descriptor, data)
        finally:
            posix.close(descriptor)
    except OSError:
        return


def _open(path: str) -> int:
    """Open a regular file of the user's own for appending.

    Raises:
        OSError: it is something else, a link for one.
    """
    descriptor = posix.open(path, _FLAGS, files.PRIVATE_FILE)
    status = posix.fstat(descriptor)
    if status.st_mode & _TYPE != _REGULAR or status.st_uid != posix.geteuid() or status.st_nlink > 1:
        posix.close(descriptor)
        raise PermissionError(path)
    return descriptor


def _set_aside(state: str, path: str) -> bool:
    """Move a full log aside; False if another hook does that now. Only a look under the lock tells that it is full."""
    lock = files.try_lock(f"{state}/events.lock")
    if lock < 0:
        return False
    try:
        if posix.stat(path).st_size * 2 > MAX_BYTES:
            posix.replace(path, path + OLDER)
        return True
    finally:
        files.close(lock)


def _told(ledger: SessionLedger) -> dict[tuple[str, str], int]:
    """Return the level last said to each reader of each swarm, "" for the whole budget."""
    told = {}
    told["person", ""] = ledger.session.notified_person
    told["model", ""] = ledger.session.notified_model
    for swarm in ledger.swarms.values():
        told["person", swarm.swarm_id] = swarm.notified_person
        told["model", swarm.swarm_id] = swarm.notified_model
    return told


def _notice(ledger: SessionLedger, now: float, to: str, swarm_id: str, level: int) -> dict[str, Any]:
    line: dict[str, Any] = {"time": now, "type": "notice", "to": to, "level": LEVEL_NAMES[level]}
    if not swarm_id:
        return line | {"about": BUDGET, "consumed": ledger.total_consumed, "allocated": ledger.config.total_budget}
    swarm = ledger.swarms[swarm_id]
    return line | {"about": SWARM, "swarm": swarm_id, "consumed": swarm.consumed, "allocated": swarm.allocated}
