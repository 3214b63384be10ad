"""The ledger of a session on disk: read, set aside when damaged, and written back when it changed."""

from __future__ import annotations

import posix

from moai_flow.core import codec
from moai_flow.core.config import BudgetConfig
from moai_flow.core.errors import CorruptStateError, StateError
from moai_flow.hook.state import files, paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger

MAX_BYTES = 1 << 24
"""Bytes of a ledger that are read at most; a real one has a few thousand."""

KEPT_IN_QUARANTINE = 10

_DEFAULTS = BudgetConfig()


class LockedLedger:
    """One session's ledger file while its lock is held.

    Attributes:
        ledger: what was read, with the default settings; None where the session is unknown.
        is_rebuilt: whether the ledger that was there could not be read.
    """

    __slots__ = ("_path", "_stored", "is_rebuilt", "ledger")

    def __init__(self, path: str, stored: bytes | None, ledger: SessionLedger | None, *, is_rebuilt: bool) -> None:
        self._path = path
        self._stored = stored
        self.ledger = ledger
        self.is_rebuilt = is_rebuilt

    def save(self, ledger: SessionLedger) -> None:
        """Write a ledger in place of what was read, if it differs.

        Raises:
            OSError: the old file is untouched.
        """
        data = codec.encode(ledger)
        if data != self._stored:
            files.replace(self._path, data)


def read_locked(state: str, session: str, now: float) -> LockedLedger:
    """Return the ledger of a session; its lock must be held.

    Raises:
        NewerStateError: a newer version wrote it; it is left alone.
        OSError: it cannot be read.
    """
    path = paths.ledger_file(state, session)
    stored = files.read(path, MAX_BYTES)
    if stored is None:
        return LockedLedger(path, None, None, is_rebuilt=False)
    try:
        return LockedLedger(path, stored, codec.decode_session(stored, _DEFAULTS), is_rebuilt=False)
    except CorruptStateError:
        _set_aside(state, path, session, now)
        return LockedLedger(path, None, None, is_rebuilt=True)


def peek(state: str, session: str) -> SessionLedger | None:
    """Return a session's ledger as it stands, without its lock; None if there is none that can be read."""
    try:
        data = files.read(paths.ledger_file(state, session), MAX_BYTES)
        return None if data is None else codec.decode_session(data, _DEFAULTS)
    except (OSError, StateError):
        return None


def _set_aside(state: str, path: str, session: str, now: float) -> None:
    """Keep a ledger that does not parse in the quarantine too, which holds the last ten.

    It also stays where it is until the rebuilt one replaces it: a hook that is killed in between leaves a
    damaged ledger, which the next one finds damaged, and not a missing one, which it would take for new.
    """
    if posix.lstat(path).st_nlink > 1:
        return
    place = paths.quarantine(state)
    files.ensure_folder(place)
    kept = f"{place}/{int(now * 1000):015d}-{session}.json"
    try:
        posix.link(path, kept)
    except OSError:
        # Not every file system has links.
        posix.replace(path, kept)
    for name in sorted(posix.listdir(place))[:-KEPT_IN_QUARANTINE]:
        posix.unlink(f"{place}/{name}")
