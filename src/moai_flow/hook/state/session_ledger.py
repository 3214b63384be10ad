"""The ledger of a session on disk: found, begun, set aside when damaged, and written back when it changed."""

from __future__ import annotations

import posix

from moai_flow.core import codec
from moai_flow.core.config import BudgetConfig
from moai_flow.core.errors import CorruptStateError, StateError
from moai_flow.core.opening import begin
from moai_flow.hook.payload import PRE_TOOL_USE, SESSION_END, Event
from moai_flow.hook.state import clear_link, files, paths, settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from moai_flow.core.ledger import Ledger
    from moai_flow.hook.state.settings import Layer

MAX_BYTES = 1 << 24
"""Bytes of a ledger that are read at most; a real one has a few thousand."""

KEPT_IN_QUARANTINE = 10

_DEFAULTS = BudgetConfig()


class LockedLedger:
    """One session's ledger while its lock is held.

    Attributes:
        ledger: the ledger.
        is_new: whether the session was unknown until now.
        is_rebuilt: whether the ledger that was there could not be read.
        problems: lines about settings that are not used.
        stored: the bytes that were read, None if there is nothing to keep.
    """

    __slots__ = ("is_new", "is_rebuilt", "ledger", "path", "problems", "stored")

    def __init__(self, path: str) -> None:
        self.path = path
        self.is_new = self.is_rebuilt = False
        self.problems: list[str] = []
        self.stored: bytes | None = None
        self.ledger: Ledger

    def save(self) -> None:
        """Write the ledger if it is not what was read.

        Raises:
            OSError: the old file is untouched.
        """
        data = codec.encode(self.ledger)
        if data != self.stored:
            files.replace(self.path, data)


def open_book(state: str, event: Event, layers: list[Layer], environ: Mapping[str, str], now: float) -> LockedLedger:
    """Return the book of the event's session; its lock must be held.

    Raises:
        NewerStateError: a newer version wrote it; it is left alone.
        OSError: it cannot be read.
    """
    book = LockedLedger(paths.ledger_file(state, event.session))
    book.stored = files.read(book.path, MAX_BYTES)
    previous: Ledger | None = None
    if book.stored is not None:
        try:
            book.ledger = codec.decode(book.stored, _DEFAULTS)
        except CorruptStateError:
            _set_aside(state, book.path, event.session, now)
            book.is_rebuilt = True
            book.stored = None
    session = None if book.stored is None else book.ledger.session
    book.is_new = session is None
    if book.is_new and not book.is_rebuilt:
        previous = _cleared(state, event, environ, now)
        session = previous.session if previous is not None else None
    if event.name == PRE_TOOL_USE and session is not None and not book.is_new:
        # Registered by the person and not by the plugin, it is not told the plugin's options; the other hooks were.
        layers = [*layers, ("session", session.settings)]
    window_size = session.window_size if session is not None else 0
    config, book.problems = BudgetConfig.merged(layers, window_size or None)
    if book.is_new:
        book.ledger = begin(event.session, config, previous, now)
    else:
        book.ledger.config = config
    if book.is_new or event.name == SESSION_END:
        clear_link.remember(state, event, environ)
    if book.ledger.session is not None:
        settings.keep(book.ledger.session, config)
    return book


def peek(state: str, session: str) -> Ledger | None:
    """Return a session's ledger as it stands, without its lock; None if there is none that can be read."""
    try:
        data = files.read(paths.ledger_file(state, session), MAX_BYTES)
        return None if data is None else codec.decode(data, _DEFAULTS)
    except (OSError, StateError):
        return None


def _cleared(state: str, event: Event, environ: Mapping[str, str], now: float) -> Ledger | None:
    """Return the ledger of the session that a `/clear` ended, if this one came of it."""
    session = clear_link.previous(state, event, environ, now)
    return peek(state, session) if session else None


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
