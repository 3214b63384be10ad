"""How far the estimates of sessions were from what was then measured. Pure but for the reading of transcripts."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from moai_flow.analysis.settled import SettlementReader
from moai_flow.core.swarm import MAIN
from moai_flow.core.window import COMPACTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from moai_flow.replay.play import Step

    Pair = tuple[int, int]
    """What was estimated, and what was then measured, in tokens."""


class Errors:
    """What was estimated and what was then measured.

    Attributes:
        kinds: by the kind of text, what estimates claimed to add to a window and what it grew by.
        requests: what a window was thought to hold, and what its next request read.
        factors: what was learned of the model's text, by kind, of the last session.
    """

    __slots__ = ("factors", "kinds", "requests")

    def __init__(self) -> None:
        self.kinds: dict[str, list[Pair]] = {}
        self.requests: list[Pair] = []
        self.factors: dict[str, float] = {}

    def add(self, other: Errors) -> None:
        """Add those of another session."""
        for kind, pairs in other.kinds.items():
            self.kinds.setdefault(kind, []).extend(pairs)
        self.requests += other.requests
        self.factors = other.factors


def errors(steps: Iterable[Step]) -> Errors:
    """Return the errors of one session that is played again."""
    found, reader = Errors(), SettlementReader()
    thought: dict[str, tuple[str, int]] = {}
    for step in steps:
        ledger = step.ledger
        for kind, claimed, measured in reader.take(ledger):
            found.kinds.setdefault(kind, []).append((claimed, measured))
        for key, measurement in step.measured.items():
            message, tokens = thought.get(key, ("", 0))
            # The client's own figure of a compacted window leaves out the system's prompt, which comes back.
            if message and message != measurement.message and not _is_compaction(message, measurement.message):
                found.requests.append((tokens, measurement.occupancy - measurement.output))
        for key in {MAIN, str(step.payload.get("agent_id") or MAIN), *step.measured}:
            window = ledger.windows.get(key)
            if window is not None:
                thought[key] = window.message, window.tokens
        found.factors = ledger.session.factors
    return found


def summary(pairs: Sequence[Pair]) -> dict[str, Any] | None:
    """Return count, median, 95th percentile and worst of the errors in percent of what was measured, None for none."""
    percents = sorted(abs(estimated - measured) * 100 / measured for estimated, measured in pairs if measured > 0)
    if not percents:
        return None
    return {
        "count": len(percents),
        "median_percent": round(statistics.median(percents), 2),
        "p95_percent": round(percents[max(0, -(-len(percents) * 95 // 100) - 1)], 2),
        "worst_percent": round(percents[-1], 2),
    }


def by_kind(found: Errors) -> dict[str, dict[str, Any]]:
    """Return the summary for each kind of text, by its name, and for all together."""
    groups = {kind: found.kinds[kind] for kind in sorted(found.kinds)}
    groups["all"] = [pair for pairs in found.kinds.values() for pair in pairs]
    rows = {kind: summary(pairs) for kind, pairs in groups.items()}
    return {kind: row for kind, row in rows.items() if row is not None}


def _is_compaction(*messages: str) -> bool:
    return any(message.startswith(COMPACTION) for message in messages)
