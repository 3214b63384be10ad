"""The settlements of a session as they come: a ledger keeps the last fifty only. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger

    Settled = tuple[str, int, int]
    """Kind of text, estimated tokens, measured tokens."""


class SettlementReader:
    """Tells the settlements of each step from those before it."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: list[Settled] = []

    def take(self, ledger: SessionLedger) -> list[Settled]:
        """Return the settlements since the last step."""
        now = [(kind, claimed, measured) for kind, claimed, measured in ledger.session.settlements]
        before, self._known = self._known, now
        if before == now:
            return []
        for kept in range(min(len(before), len(now)), -1, -1):
            if before[len(before) - kept :] == now[:kept]:
                return now[kept:]
        return now
