"""Ledgers on disk, changed as a test needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moai_flow.core import codec
from moai_flow.core.config import BudgetConfig

if TYPE_CHECKING:
    from pathlib import Path


def change(state: Path, session: str, **fields: Any) -> None:
    """Set fields of a stored session."""
    path = state / "sessions" / f"{session}.json"
    ledger = codec.decode_session(path.read_bytes(), BudgetConfig())
    for name, value in fields.items():
        setattr(ledger.session, name, value)
    path.write_bytes(codec.encode(ledger))
