"""What was found in each transcript, kept between runs in one SQLite file: only what is new is read again.

It is a cache: losing it costs time. A file of another version, or one that is damaged, is replaced.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moai_flow.usage.classes import FIELDS, Usage
from moai_flow.usage.client_totals import merge_totals
from moai_flow.usage.scan import Found, Task, scan
from moai_flow.usage.tally import LONG_INPUT, Entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moai_flow.usage.client_totals import Totals
    from moai_flow.usage.places import Transcript

VERSION = 2
BUCKET_SECONDS = 900
"""Sums are kept by quarters of an hour: every time zone's days begin with one."""

_WAIT_SECONDS = 10.0
_SUMS = ", ".join(f"SUM({field})" for field in FIELDS)
_COLUMNS = ", ".join(f"{field} INTEGER" for field in FIELDS)
_SCHEMA = f"""
CREATE TABLE files (id INTEGER PRIMARY KEY, path BLOB UNIQUE, size INTEGER, changed INTEGER, progress TEXT,
  folder TEXT, session TEXT, agent TEXT, agent_type TEXT, project TEXT, client_totals TEXT);
CREATE TABLE messages (key INTEGER, file INTEGER, counted INTEGER, near INTEGER, at INTEGER, origin TEXT, agent TEXT,
  agent_type TEXT, model TEXT, prompt TEXT, {_COLUMNS}, PRIMARY KEY (key, file)) WITHOUT ROWID;
CREATE TABLE sums (file INTEGER, origin TEXT, agent TEXT, agent_type TEXT, model TEXT, is_long INTEGER,
  bucket INTEGER, {_COLUMNS});
CREATE TABLE agent_types (agent TEXT PRIMARY KEY, agent_type TEXT);
PRAGMA user_version = {VERSION};
"""
_TABLES = 4
_INSERT = (
    f"INSERT INTO messages VALUES ({', '.join('?' * (10 + len(FIELDS)))}) ON CONFLICT (key, file) DO UPDATE SET "  # noqa: S608 - names of this module
    + ", ".join(f"{name} = excluded.{name}" for name in ("at", "near", "model", *FIELDS))
    + " WHERE excluded.input + excluded.cache_write_5m + excluded.cache_write_1h + excluded.cache_read"
    " + excluded.output > messages.input + messages.cache_write_5m + messages.cache_write_1h + messages.cache_read"
    " + messages.output"
)


class Store:
    """The kept results for one set of folders.

    Args:
        path: the file, made if it is missing; "" keeps the results in memory.

    Attributes:
        problems: files that could not be read, and why.
    """

    def __init__(self, path: str) -> None:
        self.problems: dict[str, str] = {}
        self._database = _opened(path)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def update(self, transcripts: list[Transcript]) -> None:
        """Read what is new in some transcripts, and forget all others."""
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        try:
            if self._update(transcripts):
                _count_once(database)
                _sum_up(database)
            database.execute("COMMIT")
        except BaseException:
            database.execute("ROLLBACK")
            raise

    def entries(self, *, session: str = "", by_prompt: bool = False) -> Iterator[Entry]:
        """Yield the sums of all messages, each counted once.

        Args:
            session: how the session's id begins; "" for all.
            by_prompt: whether to keep prompts apart, message by message.
        """
        rows = self._database.execute("SELECT id, folder, session, agent, agent_type, project FROM files").fetchall()
        projects = {folder: project for _, folder, _, _, _, project in sorted(rows, key=lambda row: row[5]) if project}
        places = {row[0]: row[1:5] for row in rows}
        if by_prompt:
            query = (
                "SELECT file, origin, agent, agent_type, model, prompt, at, "  # noqa: S608 - names of this module
                f"input + cache_write_5m + cache_write_1h + cache_read > {LONG_INPUT}, {', '.join(FIELDS)} "
                "FROM messages WHERE counted"
            )
        else:
            query = (
                "SELECT file, origin, agent, agent_type, model, '', "  # noqa: S608 - names of this module
                f"bucket * {BUCKET_SECONDS}, is_long, {', '.join(FIELDS)} FROM sums"
            )
        for file, origin, agent, agent_type, model, prompt, at, is_long, *usage in self._database.execute(query):
            folder, of_file, file_agent, file_type = places[file]
            owner = origin or of_file
            if session and not owner.startswith(session):
                continue
            yield Entry(
                Usage(*usage),
                session=owner,
                agent=agent or file_agent,
                agent_type=agent_type if agent else file_type,
                model=model,
                prompt=prompt,
                at=at,
                project=projects.get(folder, folder),
                is_long=bool(is_long),
            )

    def client_totals(self, *, session: str = "") -> dict[str, Totals]:
        """Return what the clients say they were billed in all, by session.

        Args:
            session: how the session's id begins; "" for all.
        """
        found: dict[str, Totals] = {}
        query = "SELECT session, client_totals FROM files WHERE client_totals != '{}'"
        for name, totals in self._database.execute(query):
            if name.startswith(session):
                merge_totals(found.setdefault(name, {}), json.loads(totals))
        return found

    def _client_totals(self, found: Found) -> Totals:
        """Return what is known of a file's totals, with those that are new."""
        row = self._database.execute("SELECT client_totals FROM files WHERE id = ?", (found.number,)).fetchone()
        known: Totals = json.loads(row[0]) if row else {}
        merge_totals(known, found.client_totals)
        return known

    def _update(self, transcripts: list[Transcript]) -> bool:
        """Read what is new; return whether anything is."""
        database = self._database
        known = {
            os.fsdecode(path): (number, size, changed, progress)
            for number, path, size, changed, progress in database.execute(
                "SELECT id, path, size, changed, progress FROM files"
            )
        }
        current = {transcript.path for transcript in transcripts}
        gone = [(known[path][0],) for path in known if path not in current]
        if gone:
            database.executemany("DELETE FROM files WHERE id = ?", gone)
            database.execute("DELETE FROM messages WHERE file NOT IN (SELECT id FROM files)")
        next_number = 1 + max((entry[0] for entry in known.values()), default=0)
        tasks = []
        for transcript in transcripts:
            number, size, changed, progress = known.get(transcript.path, (0, -1, -1, "null"))
            if (size, changed) != (transcript.size, transcript.changed):
                if not number:
                    number, next_number = next_number, next_number + 1
                tasks.append(Task(number, transcript, json.loads(progress)))
        by_number = {task.number: task.transcript for task in tasks}
        for found in scan(tasks):
            self._take(found, by_number[found.number])
        return bool(tasks or gone)

    def _take(self, found: Found, transcript: Transcript) -> None:
        database = self._database
        if found.problem:
            self.problems[transcript.path] = found.problem
            _forget(database, found.number)
            return
        if found.is_other:
            _forget(database, found.number)
        place = found.place
        database.execute(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
            "size = excluded.size, changed = excluded.changed, progress = excluded.progress, "
            "client_totals = excluded.client_totals, "
            "agent_type = CASE excluded.agent_type WHEN '' THEN agent_type ELSE excluded.agent_type END",
            (
                found.number,
                os.fsencode(transcript.path),
                transcript.size,
                transcript.changed,
                json.dumps(found.progress),
                transcript.folder,
                place.session,
                place.agent,
                place.agent_type,
                place.project,
                json.dumps(self._client_totals(found)),
            ),
        )
        database.executemany(_INSERT, [(row[0], found.number, 1, *row[1:]) for row in found.messages])
        database.executemany("INSERT OR IGNORE INTO agent_types VALUES (?, ?)", found.agent_types.items())


def _opened(path: str) -> sqlite3.Connection:
    """Return the database, made anew where it is damaged or of another version."""
    for attempt in (1, 2):
        database = sqlite3.connect(path or ":memory:", timeout=_WAIT_SECONDS, isolation_level=None)
        try:
            # What a crash of the machine loses is read again from the transcripts.
            database.execute("PRAGMA synchronous = OFF")
            version = database.execute("PRAGMA user_version").fetchone()[0]
            tables = database.execute("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table'").fetchone()[0]
            if version == VERSION and tables == _TABLES:
                return database
            if not version and not tables:
                database.executescript(_SCHEMA)
                if path:
                    Path(path).chmod(0o600)
                return database
        except sqlite3.OperationalError:
            database.close()
            raise
        except sqlite3.DatabaseError:
            pass
        database.close()
        if attempt == 1:
            with suppress(OSError):
                Path(path).unlink()
    raise sqlite3.DatabaseError(f"{path} cannot be used")


def _forget(database: sqlite3.Connection, file: int) -> None:
    database.execute("DELETE FROM messages WHERE file = ?", (file,))
    database.execute("DELETE FROM files WHERE id = ?", (file,))


def _count_once(database: sqlite3.Connection) -> None:
    """Count each message in the file nearest to its origin, with the fullest usage of its copies."""
    database.execute("UPDATE messages SET counted = 1 WHERE counted = 0")
    copies = database.execute(
        f"SELECT key, file, near, {', '.join(FIELDS)} FROM messages WHERE key IN "  # noqa: S608 - names of this module
        "(SELECT key FROM messages GROUP BY key HAVING COUNT(*) > 1) ORDER BY key, near, file"
    ).fetchall()
    uncounted: list[tuple[int, int]] = []
    fuller: list[tuple[Any, ...]] = []
    first: tuple[Any, ...] = (None,)
    best: tuple[int, ...] = ()
    for row in [*copies, (None, 0, 0)]:
        key, file, _, *usage = row
        if key is not None and key == first[0]:
            uncounted.append((key, file))
            best = max(best, tuple(usage), key=lambda fields: sum(fields[1:]))
            continue
        if first[0] is not None and sum(best[1:]) > sum(first[4:]):
            fuller.append((*best, first[0], first[1]))
        first, best = row, tuple(usage)
    database.executemany("UPDATE messages SET counted = 0 WHERE key = ? AND file = ?", uncounted)
    assignments = ", ".join(f"{field} = ?" for field in FIELDS)
    database.executemany(f"UPDATE messages SET {assignments} WHERE key = ? AND file = ?", fuller)  # noqa: S608 - the same


def _sum_up(database: sqlite3.Connection) -> None:
    """Sum the counted messages up by all that the command line asks for."""
    database.execute(
        "UPDATE files SET agent_type = COALESCE((SELECT agent_type FROM agent_types WHERE agent = files.agent), '') "
        "WHERE agent_type = '' AND agent != ''"
    )
    database.execute("DELETE FROM sums")
    database.execute(
        "INSERT INTO sums SELECT file, origin, agent, agent_type, model, "  # noqa: S608 - names of this module
        f"input + cache_write_5m + cache_write_1h + cache_read > {LONG_INPUT} AS is_long, "
        f"at / {BUCKET_SECONDS} AS bucket, {_SUMS} FROM messages WHERE counted "
        "GROUP BY file, origin, agent, agent_type, model, is_long, bucket"
    )
