"""The sessions' ledgers, for commands: found, measured anew, changed and saved under the hooks' own lock."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from moai_flow.cli import projects
from moai_flow.cli.client import environment
from moai_flow.core import codec
from moai_flow.core.config import BudgetConfig
from moai_flow.core.errors import CorruptStateError, LockTimeoutError, NewerStateError, StateError, TokenBudgetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moai_flow.core.ledger import SessionLedger

LOOKED_AT = 200
"""Ledgers, the most recent first, among which the session of a project is looked for."""

MAX_PARTS = 100
"""Times that a reader goes on reading what hooks left for later, 8 MB each."""

MAX_LEFT_BYTES = 1 << 23
"""Bytes of transcripts that a reader leaves unread: half-written lines."""

_SUFFIX = ".json"
_LATELY_SECONDS = 3600.0


def state_folder(chosen: str | None = None) -> str:
    """Return the folder of the ledgers: `chosen`, else where the hooks keep them.

    Raises:
        TokenBudgetError: nobody can tell it, or this system has none: hooks run on Linux and macOS.
    """
    if chosen:
        return os.path.abspath(chosen)
    if os.name != "posix":
        raise TokenBudgetError("sessions are metered on Linux and macOS only; on Windows, run Claude Code in WSL")
    from moai_flow.hook.state import paths

    seen = environment.as_hooks_see_it(os.environ, projects.here())
    found = paths.state_folder(seen, sys.platform)
    if not found:
        raise TokenBudgetError(
            f"no state folder: {paths.STATE_VARIABLE} must be an absolute path, "
            "or unset with HOME naming the home folder"
        )
    return found


def recent(state: str, *, since: float = 0.0) -> list[str]:
    """Return the ids of the sessions whose ledger changed since then (epoch), the most recently changed first."""
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
    return [session for changed, session in sorted(found, reverse=True) if changed >= since]


def live(state: str) -> list[str]:
    """Return the ids of the sessions that a running client has now, the most recently changed first.

    Clients before 2.1.300 or so do not tell their process: where no other runs, what changed within the hour counts.
    """
    current = set()
    place = os.path.join(state, "processes")
    for pid in os.listdir(place) if os.path.isdir(place) else ():
        if pid.isdigit() and _is_running(int(pid)):
            # A client that has just ended takes its file away.
            with suppress(OSError), open(os.path.join(place, pid), encoding="ascii", errors="replace") as file:
                current.add(file.read(256))
    if current:
        return [session for session in recent(state) if session in current]
    return recent(state, since=time.time() - _LATELY_SECONDS)


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
    return _of_this_project(state, known[:LOOKED_AT]) or known[0]


def _of_this_project(state: str, known: list[str]) -> str:
    """Return the first session of the project at hand, else of the nearest project around it, "" if there is none."""
    folders, found = projects.around(), ""
    for session_id in known:
        try:
            session = read(state, session_id).session
        except (StateError, OSError):
            continue
        near = projects.distance(session, folders)
        if near is not None:
            folders, found = folders[:near], session_id
        if not folders:
            break
    return found


def read(state: str, session_id: str) -> SessionLedger:
    """Return a session's ledger as it is, not measured anew, without its lock.

    Raises:
        StateError: it has gone, is damaged or was written by a newer version.
    """
    return _load(state, session_id)[0]


def measured(state: str, session_id: str) -> SessionLedger:
    """Return a session's ledger, measured anew, without its lock and without saving it.

    Raises:
        StateError: it has gone, is damaged, was written by a newer version, or is no session's.
    """
    ledger = read(state, session_id)
    _prepare(ledger, time.time())
    return ledger


def _load(state: str, session_id: str) -> tuple[SessionLedger, bytes]:
    from moai_flow.hook.state import files, paths
    from moai_flow.hook.state.session_ledger import MAX_BYTES

    path = paths.ledger_file(state, session_id)
    data = files.read(path, MAX_BYTES)
    if data is None:
        raise StateError(f"{path}: the session has gone; `token-budget status --all` shows those that are there")
    try:
        ledger = codec.decode_session(data, BudgetConfig())
    except NewerStateError as error:
        raise NewerStateError(f"{path}: {error}; update moai-flow-token-budget") from error
    except CorruptStateError as error:
        raise CorruptStateError(f"{path}: {error}; the session's next hook sets it aside and measures anew") from error
    return ledger, data


@contextmanager
def opened(state: str, session_id: str) -> Iterator[SessionLedger]:
    """Hold a session's ledger, measured anew, and save it at the end if it changed.

    What was said to the person and the model stays said. An error inside the block leaves the file as it was.

    Raises:
        LockTimeoutError: another process keeps the ledger.
        StateError: it cannot be read or written, or it is no session's.
    """
    if os.name != "posix":
        raise TokenBudgetError("sessions are metered on Linux and macOS only; on Windows, run Claude Code in WSL")
    from moai_flow.hook.state import event_log, files, paths
    from moai_flow.hook.state.session_ledger import LockedLedger

    path = paths.ledger_file(state, session_id)
    lock_path = paths.lock_file(state, session_id)
    try:
        lock = files.lock(lock_path, path)
    except files.Busy as error:
        raise LockTimeoutError(f"{lock_path}: another process keeps it; try again, or see what hangs") from error
    except OSError as error:
        raise StateError(f"{lock_path}: cannot be opened ({error.strerror}); check the folder's rights") from error
    try:
        ledger, stored = _load(state, session_id)
        locked = LockedLedger(path, stored, ledger, is_rebuilt=False)
        log = event_log.EventLog(ledger)
        _prepare(ledger, time.time())
        yield ledger
        locked.save(ledger)
        if ledger.config.event_log:
            event_log.append(state, [{**line, "session": session_id} for line in log.lines(ledger, time.time())])
    except OSError as error:
        if isinstance(error, StateError):
            raise
        raise StateError(f"{path}: cannot be read or written ({error.strerror}); check the folder's rights") from error
    finally:
        files.close(lock)


def _prepare(ledger: SessionLedger, now: float) -> None:
    """Give the ledger the settings its hooks use, and measure all its windows.

    The ledger itself keeps the figures that were in force at the last event: a client may have been given settings
    that nobody else can see.
    """
    from moai_flow.hook import charge, meter
    from moai_flow.hook.state import settings

    session = ledger.session
    project = projects.of(session)
    seen = environment.as_hooks_see_it(os.environ, project)
    layers, _ = settings.read_layers(seen, sys.platform, project)
    if session.settings:
        layers.append(("ledger", session.settings))
    config, _ = BudgetConfig.merged(layers, session.window_size or None)
    ledger.use(config)
    charge.settle_reading(ledger, meter.read_all(ledger, session.transcript, now), now)
    if ledger.spend is not None:
        from moai_flow.hook.spending import complete

        # What hooks left for later is at most what the files hold.
        for _ in range(MAX_PARTS):
            if complete(ledger, now) <= MAX_LEFT_BYTES:
                break
