"""Settlement: estimates are counted, and a measurement replaces those it covers.

The window's growth is divided over the swarms. For the main window the identity holds at every moment: what the
shared swarms hold adds up to its occupancy.
"""

from __future__ import annotations

from moai_flow.core.apportion import apportion
from moai_flow.core.window import AWAITED, COMPACTION, DROPPED, MERGED, PROMPT, RESULT, UNCLAIMED, Estimate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.ledger import Ledger
    from moai_flow.core.window import Measurement, Window

MAX_PENDING = 128
"""Estimates a window keeps apart; without any measurement the older half is then put together."""

HANDLED_LENGTH = 48
"""Keys of settled estimates that are remembered, so that a hook that runs twice counts once."""

MAX_OFF = 2
"""How many times its estimate a swarm can be charged at a settlement; what is beyond is unclaimed."""


def add_estimate(ledger: Ledger, window: Window, estimate: Estimate, now: float) -> bool:
    """Count an estimate once; return False if it was counted before."""
    identity = estimate.identity
    if identity in window.pending or identity in window.handled:
        return False
    if len(window.pending) >= MAX_PENDING:
        _merge_older(window)
    window.pending[identity] = estimate
    ledger.charge(ledger.swarms[estimate.swarm], estimate.tokens, now)
    return True


def await_results(ledger: Ledger, window: Window, measured: Measurement, tokens: int, now: float) -> None:
    """Count `tokens` for each call of the measured message that has no result yet, and nothing for the others.

    Calls made in parallel answer one after another, and the next request carries all the answers.
    """
    for call in measured.calls:
        result, awaited = f"{RESULT}:{call}", f"{AWAITED}:{call}"
        if result not in window.pending and result not in window.handled:
            estimate = Estimate(call, AWAITED, window.swarm, "", tokens, measured.message, measured.transcript_bytes)
            add_estimate(ledger, window, estimate, now)
        elif awaited in window.pending:
            estimate = window.pending.pop(awaited)
            _charge(ledger, estimate.swarm, -estimate.tokens, now)


def _merge_older(window: Window) -> None:
    """Put the older half of the estimates into one for each swarm: nothing has measured them for long."""
    for identity in list(window.pending)[: MAX_PENDING // 2]:
        estimate = window.pending[identity]
        if estimate.role != MERGED:
            del window.pending[identity]
            _handle(window, identity)
            merged = Estimate(estimate.swarm, MERGED, estimate.swarm, "mixed", 0, window.message)
            window.pending.setdefault(merged.identity, merged).tokens += estimate.tokens


def _handle(window: Window, identity: str) -> None:
    window.handled.append(identity)
    del window.handled[:-HANDLED_LENGTH]


class Settlement:
    """How a measurement replaced estimates: the claims it covered and what they were measured to be.

    Args:
        claims: (kind, estimated tokens, factor they were multiplied with) of every estimate covered.
        measured: tokens by which the window's input grew; None where it cannot be compared (the first
            measurement of a window, a compaction, a reply whose usage was never written).
        fell: whether the window's occupancy fell.
        teaches: whether the rates can be learned from it; not where unclaimed tokens come along.
    """

    __slots__ = ("claims", "fell", "measured", "teaches")

    def __init__(
        self, claims: list[tuple[str, int, float]], measured: int | None, *, fell: bool, teaches: bool
    ) -> None:
        self.claims = claims
        self.measured = measured
        self.fell = fell
        self.teaches = teaches


def settle(ledger: Ledger, window: Window, measured: Measurement, now: float) -> Settlement:
    """Let a measurement replace the estimates that it covers, and divide the window's growth over the swarms.

    Growth goes to the swarms in proportion to what each was estimated to have added; the model's own words and
    what is unclaimed go to the window's swarm. Where the occupancy fell (a compaction, a rewind), every
    swarm's part of the window shrinks in proportion; the consumption of an isolated swarm is all that was
    ever brought in, and stays.
    """
    is_first = not window.handled
    claims, kinds, dropped = _cover(ledger, window, measured, now)
    growth = measured.occupancy - window.occupancy
    brought = growth - measured.output + dropped if measured.message != window.message else 0
    was_guessed = window.never_measured
    compacted = any(compaction != window.message for compaction in measured.compactions)
    # Right after a compaction the system's own prompt comes back: like a first message, that is unclaimed.
    begins = was_guessed or compacted or window.message.startswith(COMPACTION)
    # A growth that a reply is part of, or that is itself partly estimated, compares with nothing.
    is_comparable = not begins and not window.is_rough and measured.tells_output
    # With a subagent's first results come reminders that are unclaimed.
    teaches = not (is_first and ledger.swarms[window.swarm].isolated)
    if not measured.message.startswith(COMPACTION):
        _take_base(window, measured)
    if ledger.swarms[window.swarm].isolated:
        _settle_isolated(ledger, window, measured, now, compacted=compacted)
    elif growth < 0:
        _shrink(ledger, window, -growth, now)
    else:
        claimed = sum(claims.values())
        share = min(max(0, brought), claimed if begins else MAX_OFF * claimed)
        parts = apportion(share, claims)
        parts[window.swarm] = parts.get(window.swarm, 0) + growth - sum(parts.values())
        for swarm_id, part in parts.items():
            if part:
                window.holdings[swarm_id] = window.holdings.get(swarm_id, 0) + part
                _charge(ledger, swarm_id, part, now)
    window.occupancy, window.is_rough = measured.occupancy, measured.is_rough
    window.message, window.offset, window.transcript_bytes = (
        measured.message,
        measured.offset,
        measured.transcript_bytes,
    )
    return Settlement(
        kinds,
        brought if kinds and brought > 0 and is_comparable else None,
        fell=growth < 0 and not was_guessed,
        teaches=teaches,
    )


def _cover(
    ledger: Ledger, window: Window, measured: Measurement, now: float
) -> tuple[dict[str, int], list[tuple[str, int, float]], int]:
    """Take away the estimates that a measurement covers.

    Returns:
        The tokens that each swarm claims of it, the claims one by one, and the tokens of thoughts that were dropped.
    """
    claims: dict[str, int] = {}
    kinds: list[tuple[str, int, float]] = []
    dropped = 0
    for identity, estimate in list(window.pending.items()):
        if estimate.covered_by(measured):
            del window.pending[identity]
            _handle(window, identity)
            _charge(ledger, estimate.swarm, -estimate.tokens, now)
            if estimate.role == DROPPED:
                dropped -= estimate.tokens
            # A call or reply of the measured message itself is in its output, which is unclaimed; and what
            # was still awaited never told whose it is.
            if estimate.role in (PROMPT, RESULT, MERGED) or (
                estimate.role not in (AWAITED, DROPPED) and estimate.key in measured.earlier
            ):
                claims[estimate.swarm] = claims.get(estimate.swarm, 0) + estimate.tokens
                kinds.append((estimate.kind, estimate.tokens, estimate.factor))
    return claims, kinds, dropped


def _take_base(window: Window, measured: Measurement) -> None:
    """Learn what every request carries from the first request of a window, and from the first after a compaction."""
    if not measured.tells_output:
        return
    read = measured.occupancy - measured.output
    if window.never_measured:
        window.base = read
    elif window.message.startswith(COMPACTION) and measured.message != window.message:
        window.base = max(0, window.base + read - window.occupancy)


def _settle_isolated(ledger: Ledger, window: Window, measured: Measurement, now: float, *, compacted: bool) -> None:
    """Charge what a subagent's window brought in: growth above its peak, which a compaction starts anew."""
    swarm = ledger.swarms[window.swarm]
    if compacted:
        window.peak = min(window.peak, measured.occupancy)
    if measured.occupancy > window.peak:
        ledger.charge(swarm, measured.occupancy - window.peak, now)
        window.peak = measured.occupancy
    window.holdings = {window.swarm: measured.occupancy}


def _shrink(ledger: Ledger, window: Window, by: int, now: float) -> None:
    for swarm_id, part in apportion(by, window.holdings).items():
        window.holdings[swarm_id] -= part
        if not window.holdings[swarm_id]:
            del window.holdings[swarm_id]
        _charge(ledger, swarm_id, -part, now)


def _charge(ledger: Ledger, swarm_id: str, tokens: int, now: float) -> None:
    """Move the consumption of a swarm; what a reset has written off is in the window and counts for no swarm."""
    if swarm_id != UNCLAIMED:
        ledger.charge(ledger.swarms[swarm_id], tokens, now)
