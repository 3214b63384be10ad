"""Traces that are kept, so that a session whose files have not changed is not played again.

They hold names of files and commands, with secrets masked: the file is the user's alone, and it is made anew where it
is damaged or of another version.
"""

from __future__ import annotations

import gc
import json
import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moai_flow import __version__
from moai_flow.analysis.trace import AgentUse, Mark, Point, Result, SwarmUse, Trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FORMAT = f"1 {__version__}"
"""Traces of another format, or made by another version's hooks, are made anew."""

_NAME = "analysis.sqlite"
_PRIVATE_FILE = 0o600
_WAIT_SECONDS = 5.0
_HEAD_FIELDS = (
    "session_id",
    "project",
    "model",
    "total_budget",
    "warning",
    "critical",
    "window_size",
    "after_clear",
    "prompts",
    "other",
    "highest",
    "measured",
    "full_steps",
    "full_last",
)


class Cache:
    """Traces by the main transcript's path, each with the signature of what it was made from.

    Args:
        place: a private folder of the user's; "" keeps nothing. Where it cannot be used, nothing is kept either.
    """

    def __init__(self, place: str) -> None:
        self._database = _opened(str(Path(place) / _NAME)) if place else None

    def read(self, signatures: Mapping[str, str]) -> dict[str, Trace]:
        """Return the kept traces whose signature is still the same, by path."""
        found: dict[str, Trace] = {}
        if self._database is None:
            return found
        query = "SELECT trace FROM traces WHERE path = ? AND signature = ?"
        # A hundred thousand objects are made and none is dropped: looking for garbage would take half the time.
        collects = gc.isenabled()
        gc.disable()
        try:
            with suppress(sqlite3.Error):
                for key in signatures.items():
                    row = self._database.execute(query, key).fetchone()
                    if row is not None:
                        with suppress(ValueError, TypeError):
                            found[key[0]] = decode(json.loads(row[0]))
        finally:
            if collects:
                gc.enable()
                gc.freeze()
        return found

    def write(self, made: Iterable[tuple[str, str, Trace]]) -> None:
        """Keep traces: (path, signature, trace). An error costs the time next time."""
        if self._database is not None:
            rows = [
                (path, signature, json.dumps(encode(trace), separators=(",", ":"))) for path, signature, trace in made
            ]
            with suppress(sqlite3.Error), self._database:
                self._database.executemany("INSERT OR REPLACE INTO traces VALUES (?, ?, ?)", rows)

    def forget_gone(self) -> None:
        """Forget the sessions whose transcripts have been deleted: what the client deletes is not kept here."""
        if self._database is not None:
            with suppress(sqlite3.Error), self._database:
                paths = self._database.execute("SELECT path FROM traces").fetchall()
                gone = [path for path in paths if not Path(path[0]).exists()]
                self._database.executemany("DELETE FROM traces WHERE path = ?", gone)

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()


def encode(trace: Trace) -> list[Any]:
    """Return a trace as JSON values."""
    return [
        [getattr(trace, name) for name in _HEAD_FIELDS],
        [
            [
                one.at,
                one.tool,
                one.target,
                one.is_part,
                one.swarm,
                one.agent,
                one.tokens,
                one.measured,
                one.call,
                one.asked,
            ]
            for one in trace.results
        ],
        [[point.at, point.occupancy, point.shares] for point in trace.points],
        [[mark.index, mark.before, mark.after, mark.automatic, mark.measured] for mark in trace.marks],
        [
            [
                use.name,
                use.isolated,
                use.open_ended,
                use.allocated,
                use.guaranteed,
                use.consumed,
                use.highest,
                use.measured,
            ]
            for use in trace.swarms.values()
        ],
        [[use.agent, use.agent_type, use.swarm, use.highest, use.measured] for use in trace.agents.values()],
    ]


def decode(values: list[Any]) -> Trace:
    """Return the trace that `encode` made values of.

    Raises:
        ValueError, TypeError, IndexError: it made none of these.
    """
    head, results, points, marks, swarms, agents = values
    return Trace(
        **dict(zip(_HEAD_FIELDS, head, strict=True)),
        results=[Result(*one) for one in results],
        points=[Point(*one) for one in points],
        marks=[Mark(*one) for one in marks],
        swarms={one[0]: SwarmUse(*one) for one in swarms},
        agents={one[0]: AgentUse(*one) for one in agents},
    )


def _opened(path: str) -> sqlite3.Connection | None:
    """Return the database, made anew where it is damaged or of another format; None where it cannot be."""
    for attempt in (1, 2):
        try:
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            os.close(os.open(path, flags, _PRIVATE_FILE))
            database = sqlite3.connect(path, timeout=_WAIT_SECONDS)
        except (OSError, sqlite3.Error):
            return None
        try:
            # What a crash of the machine loses is played again.
            database.execute("PRAGMA synchronous = OFF")
            with database:
                database.execute("CREATE TABLE IF NOT EXISTS format (name TEXT)")
                database.execute(
                    "CREATE TABLE IF NOT EXISTS traces (path TEXT PRIMARY KEY, signature TEXT, trace TEXT)"
                )
                if database.execute("SELECT name FROM format").fetchall() != [(FORMAT,)]:
                    database.execute("DELETE FROM traces")
                    database.execute("DELETE FROM format")
                    database.execute("INSERT INTO format VALUES (?)", (FORMAT,))
        except sqlite3.OperationalError:
            database.close()
            return None
        except sqlite3.DatabaseError:
            database.close()
            if attempt == 1:
                with suppress(OSError):
                    Path(path).unlink()
        else:
            return database
    return None
