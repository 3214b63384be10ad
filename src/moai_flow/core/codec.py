"""A ledger as bytes and back.

One JSON object whose last key is a checksum of everything before it: a file that was cut or changed anywhere
is distinguished from one that was written. Only numbers, names and ids are stored.
"""

from __future__ import annotations

from moai_flow.core import compact_json
from moai_flow.core.errors import CorruptStateError, NewerStateError
from moai_flow.core.ledger import Ledger, SessionLedger
from moai_flow.core.names import is_swarm_name
from moai_flow.core.session import Session
from moai_flow.core.swarm import Swarm
from moai_flow.core.window import Estimate, Window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from moai_flow.core.config import BudgetConfig

VERSION = 1

# A checksum without an import: the remainder by a prime changes with every single changed byte.
_PRIME = (1 << 61) - 1
_SEAL = b',"seal":"%016x"}\n'
_SEAL_LENGTH = len(_SEAL % 0)

MAX_MODEL = 128
MAX_PATH = 4096
"""Characters of a model's name and of a path that are taken from a ledger."""

_STORED_NAMES = {
    "flags": "said",
    "history_offset": "floor",
    "notified_compaction": "told_compaction",
    "notified_model": "told_model",
    "notified_person": "told_person",
    "pending_notices": "news",
}
"""Fields of a session that the file has under the names they had first."""

_ESTIMATE_FIELDS = ("key", "role", "swarm", "kind", "tokens", "after", "offset")

_SESSION_KEYS = {_STORED_NAMES.get(field, field): field for field in Session.__slots__}
"""The file's key of each field."""


def _checksum(body: bytes) -> int:
    return int.from_bytes(body, "little") % _PRIME


def encode(ledger: Ledger) -> bytes:
    """Return the ledger as the bytes of its file."""
    document: dict[str, Any] = {
        "version": VERSION,
        "swarms": [_swarm_row(swarm) for swarm in ledger.swarms.values()],
        "windows": [_window_row(window) for window in ledger.windows.values()],
        "history": ledger.history,
    }
    if ledger.reservations:
        document["reservations"] = [reservation.to_row() for reservation in ledger.reservations.values()]
    if isinstance(ledger, SessionLedger):
        document["session"] = {key: getattr(ledger.session, field) for key, field in _SESSION_KEYS.items()}
    if isinstance(ledger, SessionLedger) and ledger.spend is not None:
        document["spend"] = ledger.spend.to_row()
    body = compact_json.encode(document)[:-1].encode("ascii")
    return body + _SEAL % _checksum(body)


def decode(data: bytes, config: BudgetConfig) -> Ledger:
    """Return the ledger that `data` was made from.

    Raises:
        CorruptStateError: the bytes are not what was written.
        NewerStateError: a newer version of this package wrote them.
    """
    body, seal = data[:-_SEAL_LENGTH], data[-_SEAL_LENGTH:]
    if seal != _SEAL % _checksum(body):
        raise CorruptStateError("its checksum does not fit its content")
    try:
        document = compact_json.decode(body.decode("ascii") + "}")
        version = document["version"]
        if version > VERSION:
            raise NewerStateError(f"it was written by a newer version (format {version}, this one knows {VERSION})")
        if version < VERSION:
            raise CorruptStateError(f"its format {version} was never released")
        return _ledger(document, config)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, AttributeError) as error:
        raise CorruptStateError(f"its content makes no sense ({type(error).__name__})") from error


def decode_session(data: bytes, config: BudgetConfig) -> SessionLedger:
    """Return the session's ledger that `data` was made from.

    Raises:
        CorruptStateError: the bytes are not what was written, or the ledger is no session's.
        NewerStateError: a newer version of this package wrote them.
    """
    ledger = decode(data, config)
    if not isinstance(ledger, SessionLedger):
        raise CorruptStateError("it is no session's; it belongs to a program that uses the library")
    ledger.use(config)
    return ledger


def _ledger(document: dict[str, Any], config: BudgetConfig) -> Ledger:
    fields = document.get("session")
    ledger = Ledger(config) if fields is None else SessionLedger(config, _session(fields))
    for row in document["swarms"]:
        ledger.add(_swarm(row))
    for row in document["windows"]:
        window = _window(row)
        ledger.windows[window.key] = window
    for at, swarm_id, action, tokens in document["history"]:
        ledger.note(at, swarm_id, action, tokens)
    if "reservations" in document:
        # Imported here: only while agents run.
        from moai_flow.core.reservations import from_row

        for row in document["reservations"]:
            reservation = from_row(row)
            ledger.reservations[reservation.key] = reservation
    if "spend" in document and isinstance(ledger, SessionLedger):
        # Imported here: only where a limit of spend was set.
        from moai_flow.core.spend.figures import from_row as spend_from_row

        ledger.spend = spend_from_row(document["spend"])
    return ledger


def _session(fields: dict[str, Any]) -> Session:
    session = Session(_name(fields["session_id"]))
    for key, field in _SESSION_KEYS.items():
        if key in fields:
            setattr(session, field, fields[key])
    session.model = session.model[:MAX_MODEL]
    if len(session.transcript) > MAX_PATH or "\0" in session.transcript:
        raise ValueError("no path")
    return session


def _name(value: object) -> str:
    """Return a swarm's name, a session's id or a window's key: a checksum says that a file is whole, not who wrote it.

    Raises:
        ValueError: it is none, and must not reach a terminal or name a file.
    """
    if not is_swarm_name(value):
        raise ValueError("no name")
    return value  # type: ignore[return-value] # that is what `is_swarm_name` says


def _swarm_row(swarm: Swarm) -> list[Any]:
    return [
        swarm.swarm_id,
        swarm.allocated,
        swarm.guaranteed,
        swarm.consumed,
        swarm.reserved,
        int(swarm.isolated),
        int(swarm.open_ended),
        swarm.created_at,
        swarm.last_updated,
        swarm.warnings_issued,
        swarm.notified_person,
        swarm.notified_model,
        swarm.borrowed,
        *([swarm.resets] if swarm.resets else []),
    ]


def _swarm(row: list[Any]) -> Swarm:
    swarm_id, allocated, promised, consumed, reserved, isolated, open_ended, created_at, *rest = row
    swarm = Swarm(
        _name(swarm_id),
        allocated,
        created_at,
        guaranteed=promised,
        isolated=bool(isolated),
        open_ended=bool(open_ended),
    )
    swarm.consumed = consumed
    swarm.reserved = reserved
    swarm.last_updated, swarm.warnings_issued, swarm.notified_person, swarm.notified_model, swarm.borrowed = rest[:5]
    (swarm.resets,) = rest[5:] or (0,)
    return swarm


def _window_row(window: Window) -> list[Any]:
    return [
        window.key,
        window.swarm,
        window.occupancy,
        window.message,
        window.turn,
        window.offset,
        window.transcript_bytes,
        window.path,
        window.peak,
        window.holdings,
        [_estimate_row(estimate) for estimate in sorted(window.pending.values(), key=_identity)],
        window.handled,
        window.base,
        int(window.is_rough),
        window.thoughts,
    ]


def _estimate_row(estimate: Estimate) -> list[Any]:
    row = [getattr(estimate, field) for field in _ESTIMATE_FIELDS]
    return row if estimate.factor == 1.0 else [*row, round(estimate.factor, 4)]


def _identity(estimate: Estimate) -> str:
    return estimate.identity


def _window(row: list[Any]) -> Window:
    key, swarm, occupancy, message, turn, offset, size, path, peak, holdings, pending, handled, *newer = row
    window = Window(_name(key), _name(swarm))
    window.occupancy = occupancy
    window.message = message
    window.turn = turn
    window.offset = offset
    window.transcript_bytes = size
    window.path = path
    window.peak = peak
    window.holdings = holdings
    window.handled = handled
    for values in pending:
        estimate = Estimate(*values)
        window.pending[estimate.identity] = estimate
    if newer:
        window.base, window.is_rough, window.thoughts = newer[0], bool(newer[1]), newer[2]
    return window
