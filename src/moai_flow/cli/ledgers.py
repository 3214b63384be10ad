"""The sessions' ledgers: listed, read and measured without a lock, and changed under the hooks' own."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from moai_flow.cli import projects
from moai_flow.cli.client import environment
from moai_flow.core import codec
from moai_flow.core.config import BudgetConfig
from moai_flow.core.errors import CorruptStateError, LockTimeoutError, NewerStateError, StateError, TokenBudgetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moai_flow.core.ledger import SessionLedger

MAX_LISTED = 500
"""Ledgers that are read for a list, those whose files changed last."""

MAX_PARTS = 100
"""Times that a reader goes on reading what hooks left for later, 8 MB each."""

MAX_LEFT_BYTES = 1 << 20
"""Bytes of transcripts that a reader leaves unread: lines that are half written."""

_SUFFIX = ".json"
_NO_SESSIONS = "sessions are metered on Linux and macOS only; on Windows, run Claude Code in WSL"


class Summary(NamedTuple):
    """What a list of sessions needs of one.

    Attributes:
        session_id: its id.
        transcript: its main transcript's path, "" if unknown.
        last_event: when its last event came, in seconds since the epoch, as its ledger says.
        has_worked: whether it saw a prompt or a tool, or holds tokens.
        problem: why its ledger cannot be read, "" if it can.
    """

    session_id: str
    transcript: str
    last_event: float
    has_worked: bool
    problem: str = ""


def state_folder(chosen: str | None = None) -> str:
    """Return the folder of the ledgers: `chosen`, else where the hooks keep them.

    Raises:
        TokenBudgetError: it cannot be derived, or this system has none: hooks run on Linux and macOS.
    """
    if chosen:
        return os.path.abspath(chosen)
    if os.name != "posix":
        raise TokenBudgetError(_NO_SESSIONS)
    from moai_flow.hook.state import paths

    seen = environment.as_hooks_see_it(os.environ, projects.here())
    found = paths.state_folder(seen, sys.platform)
    if not found:
        raise TokenBudgetError(
            f"no state folder: {paths.STATE_VARIABLE} must be an absolute path, "
            "or unset with HOME naming the home folder"
        )
    return found


def ids(state: str) -> list[str]:
    """Return the ids of the sessions that have a ledger, those whose files changed last first.

    Raises:
        StateError: the folder cannot be read.
    """
    try:
        with os.scandir(os.path.join(state, "sessions")) as entries:
            found = []
            for entry in entries:
                # A file that goes meanwhile: the sweep takes old ledgers away.
                with suppress(FileNotFoundError):
                    if entry.name.endswith(_SUFFIX) and entry.is_file(follow_symlinks=False):
                        found.append((entry.stat(follow_symlinks=False).st_mtime, entry.name.removesuffix(_SUFFIX)))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StateError(f"{state}: cannot be read ({error.strerror}); check the folder's rights") from error
    return [session for _, session in sorted(found, reverse=True)]


def listed(state: str) -> list[Summary]:
    """Return the sessions, the one with the latest event first.

    The time of the last event is the one stored in the ledger. The files' dates, which a copy or an edit changes, only
    choose which `MAX_LISTED` are read.

    Raises:
        StateError: the folder cannot be read.
    """
    found = [_summary(state, session_id) for session_id in ids(state)[:MAX_LISTED]]
    return sorted(found, key=lambda one: one.last_event, reverse=True)


def _summary(state: str, session_id: str) -> Summary:
    try:
        ledger = read(state, session_id)
    except (StateError, OSError) as error:
        return Summary(session_id, "", _changed(state, session_id), has_worked=True, problem=str(error))
    session = ledger.session
    # A ledger of an earlier version tells neither.
    has_worked = session.has_worked or any(window.tokens for window in ledger.windows.values())
    return Summary(session_id, session.transcript, last_event(ledger), has_worked)


def _changed(state: str, session_id: str) -> float:
    """Return when a ledger that cannot be read was written (epoch), 0.0 if it has gone: nothing else tells."""
    try:
        return os.lstat(os.path.join(state, "sessions", session_id + _SUFFIX)).st_mtime
    except OSError:
        return 0.0


def last_event(ledger: SessionLedger) -> float:
    """Return when the session's last event came (epoch), 0.0 if unknown."""
    if ledger.session.last_event:
        return ledger.session.last_event
    return max([0.0, *(max(swarm.created_at, swarm.last_updated) for swarm in ledger.swarms.values())])


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
    try:
        data = files.read(path, MAX_BYTES)
    except OSError as error:
        raise StateError(f"{path}: cannot be read ({error.strerror}); check the file's rights") from error
    if data is None:
        raise StateError(f"{path}: no such session; `token-budget status --all` shows those that run")
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

    Notices given to the person and the model stay given. An error inside the block leaves the file as it was.

    Raises:
        LockTimeoutError: another process keeps the ledger.
        StateError: it cannot be read or written, or it is no session's.
    """
    if os.name != "posix":
        raise TokenBudgetError(_NO_SESSIONS)
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
    that no other program can see.
    """
    from moai_flow.hook import charge, meter
    from moai_flow.hook.state import settings

    session = ledger.session
    project = projects.of(session.transcript)
    seen = environment.as_hooks_see_it(os.environ, project)
    layers, _ = settings.read_layers(seen, sys.platform, project)
    if session.settings:
        layers.append(("ledger", session.settings))
    config, _ = BudgetConfig.merged(layers, session.window_size or None)
    ledger.use(config)
    charge.settle_reading(ledger, meter.read_all(ledger, session.transcript, now), now)
    if ledger.spend is not None:
        from moai_flow.hook.spending import complete

        for _ in range(MAX_PARTS):
            if complete(ledger, now) <= MAX_LEFT_BYTES:
                break
