"""The sessions' ledgers, for commands: found, measured anew, changed and saved under the hooks' own lock."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from moai_flow.cli import environment
from moai_flow.resource import codec
from moai_flow.resource.config import BudgetConfig
from moai_flow.resource.errors import (
    CorruptStateError,
    LockTimeoutError,
    NewerStateError,
    StateError,
    TokenBudgetError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moai_flow.resource.ledger import Ledger
    from moai_flow.resource.session import Session

LOOKED_AT = 200
"""Ledgers, the most recent first, among which the session of a project is looked for."""

_SUFFIX = ".json"
_HEAD_BYTES = 1 << 16


def state_folder(chosen: str | None = None) -> str:
    """Return the folder of the ledgers: `chosen`, else where the hooks keep them.

    Raises:
        TokenBudgetError: nobody can tell it, or this system has none: hooks run on Linux and macOS.
    """
    if chosen:
        return os.path.abspath(chosen)
    if os.name != "posix":
        raise TokenBudgetError("sessions are metered on Linux and macOS only; on Windows, run Claude Code in WSL")
    from moai_flow.hook import folder

    seen = environment.as_hooks_see_it(os.environ, project_folder())
    found = folder.state_folder(seen, sys.platform)
    if not found:
        raise TokenBudgetError(
            f"no state folder: {folder.STATE_VARIABLE} must be an absolute path, "
            "or unset with HOME naming the home folder"
        )
    return found


def project_folder() -> str:
    """Return the folder of the project this command was started in."""
    return os.environ.get("CLAUDE_PROJECT_DIR") or os.getcwd()


def recent(state: str) -> list[str]:
    """Return the ids of all sessions that have a ledger, the most recently changed first."""
    try:
        with os.scandir(os.path.join(state, "sessions")) as entries:
            found = [
                (entry.stat().st_mtime, entry.name.removesuffix(_SUFFIX))
                for entry in entries
                if entry.name.endswith(_SUFFIX) and entry.is_file(follow_symlinks=False)
            ]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StateError(f"{state}: cannot be read ({error.strerror}); check the folder's rights") from error
    return [session for _, session in sorted(found, reverse=True)]


def live(state: str) -> list[str]:
    """Return the ids of the sessions that a running client has now, the most recently changed first."""
    current = set()
    place = os.path.join(state, "processes")
    for pid in os.listdir(place) if os.path.isdir(place) else ():
        if pid.isdigit() and _is_running(int(pid)):
            # A client that has just ended takes its file away.
            with suppress(OSError), open(os.path.join(place, pid), encoding="ascii", errors="replace") as file:
                current.add(file.read(256))
    return [session for session in recent(state) if session in current]


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def find(state: str, wanted: str | None = None) -> str:
    """Return the id of a session: the wanted one, else the one this command runs in, this project's, the latest.

    Args:
        state: the folder of the ledgers.
        wanted: an id, or how one begins.

    Raises:
        TokenBudgetError: there is none, or several begin so.
    """
    known = recent(state)
    if wanted:
        begins = [session for session in known if session.startswith(wanted)]
        if wanted in begins or len(begins) == 1:
            return wanted if wanted in begins else begins[0]
        if begins:
            raise TokenBudgetError(f"{len(begins)} sessions begin with {wanted}: {', '.join(begins[:5])}")
        raise TokenBudgetError(f"no session {wanted} in {state}; without --session the latest is used")
    if not known:
        raise TokenBudgetError(
            f"no session yet in {state}; it begins with the first prompt in Claude Code, "
            "once the plugin is on or `token-budget install` was run (`token-budget doctor` checks that)"
        )
    own = os.environ.get("CLAUDE_CODE_SESSION_ID", "")
    if own in known:
        return own
    project = project_folder()
    for session in known[:LOOKED_AT]:
        if _belongs_to(state, session, project):
            return session
    return known[0]


def _belongs_to(state: str, session: str, project: str) -> bool:
    """Return whether a session's transcript is in the folder that the client names after the project."""
    try:
        found = read(state, session).session
    except (StateError, OSError):
        return False
    return found is not None and _named_after(found) == _as_folder_name(project)


def _named_after(session: Session) -> str:
    return os.path.basename(os.path.dirname(session.transcript))


def _as_folder_name(project: str) -> str:
    return "".join([c if c.isascii() and c.isalnum() else "-" for c in project])


def project_of(session: Session) -> str:
    """Return the project's folder of a session, "" if nobody can tell: its settings are part of the budget."""
    here = project_folder()
    if not session.transcript or _named_after(session) == _as_folder_name(here):
        return here
    from moai_flow.resource import wire

    try:
        with open(session.transcript, "rb") as file:
            lines = file.read(_HEAD_BYTES).split(b"\n")
    except OSError:
        return ""
    for line in lines:
        try:
            record = wire.decode(line.decode("utf-8", "replace")) if b'"cwd"' in line else None
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict) and isinstance(record.get("cwd"), str):
            folder: str = record["cwd"]
            return folder
    return ""


def read(state: str, session_id: str) -> Ledger:
    """Return a session's ledger as it is, not measured anew, without its lock.

    Raises:
        StateError: it has gone, is damaged or was written by a newer version.
    """
    return _load(state, session_id)[0]


def _load(state: str, session_id: str) -> tuple[Ledger, bytes]:
    from moai_flow.hook import files, folder
    from moai_flow.hook.ledgers import MOST_BYTES

    path = folder.ledger_file(state, session_id)
    data = files.read(path, MOST_BYTES)
    if data is None:
        raise StateError(f"{path}: the session has gone; `token-budget status --all` shows those that are there")
    try:
        ledger = codec.decode(data, BudgetConfig())
    except NewerStateError as error:
        raise NewerStateError(f"{path}: {error}; update moai-flow-token-budget") from error
    except CorruptStateError as error:
        raise CorruptStateError(f"{path}: {error}; the session's next hook sets it aside and measures anew") from error
    return ledger, data


@contextmanager
def opened(state: str, session_id: str) -> Iterator[Ledger]:
    """Hold a session's ledger, measured anew, and save it at the end if it changed.

    What was said to the person and the model stays said. An error inside the block leaves the file as it was.

    Raises:
        LockTimeoutError: another process keeps the ledger.
        StateError: it cannot be read or written, or it is no session's.
    """
    if os.name != "posix":
        raise TokenBudgetError("sessions are metered on Linux and macOS only; on Windows, run Claude Code in WSL")
    from moai_flow.hook import files, folder
    from moai_flow.hook.ledgers import Book

    path = folder.ledger_file(state, session_id)
    lock_path = folder.lock_file(state, session_id)
    try:
        lock = files.lock(lock_path, path)
    except files.Busy as error:
        raise LockTimeoutError(f"{lock_path}: another process keeps it; try again, or see what hangs") from error
    except OSError as error:
        raise StateError(f"{lock_path}: cannot be opened ({error.strerror}); check the folder's rights") from error
    try:
        book = Book(path)
        book.ledger, book.stored = _load(state, session_id)
        _prepare(book.ledger, time.time())
        yield book.ledger
        book.save()
    except OSError as error:
        if isinstance(error, StateError):
            raise
        raise StateError(f"{path}: cannot be read or written ({error.strerror}); check the folder's rights") from error
    finally:
        files.close(lock)


def _prepare(ledger: Ledger, now: float) -> None:
    """Give the ledger the settings its hooks use, and measure all its windows.

    The ledger itself keeps the figures that were in force at the last event: a client may have been given settings
    that nobody else can see.
    """
    from moai_flow.hook import charge, layers, meter

    session = ledger.session
    if session is None:
        raise StateError("the ledger is no session's; it belongs to a program that uses the library")
    project = project_of(session)
    seen = environment.as_hooks_see_it(os.environ, project)
    settings, _ = layers.read_layers(seen, sys.platform, project)
    if session.settings:
        settings.append(("ledger", session.settings))
    ledger.config, _ = BudgetConfig.merged(settings, session.window_size or None)
    meter.measure(ledger, charge.main_window(ledger, now), session.transcript, now)
    meter.measure_agents(ledger, session.transcript, now)
