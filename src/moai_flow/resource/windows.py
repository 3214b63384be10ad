"""Windows: what a conversation holds, measured and estimated, and how its growth is settled.

A window is one conversation: the main thread, or one subagent. Its occupancy is what the model reads on the
next request. A measurement is absolute, so applying it twice, late or never changes nothing; estimates fill
the gap between the last measurement and now, and each is dropped once a measurement covers it.

For the main window the identity holds at every moment: what the shared swarms hold adds up to its occupancy.
"""

from __future__ import annotations

from moai_flow.resource.sharing import apportion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from moai_flow.resource.ledger import Ledger

MOST_PENDING = 128
"""Estimates a window keeps apart; without any measurement the older half is then put together."""

HANDLED_LENGTH = 48
"""Keys of settled estimates that are remembered, so that a hook that runs twice counts once."""

HANDLED_AT_REST = 4
"""The same for a subagent that has stopped: a session may have had fifty, and every hook reads them all."""

MOST_OFF = 2
"""How many times its estimate a swarm can be charged at a settlement; what is beyond was nobody's."""

PROMPT, RESULT, CALL, REPLY, MERGED = "prompt", "result", "call", "reply", "merged"
AWAITED = "awaited"
"""What an estimate is of. Awaited is the result of a call made together with one that has answered."""

COMPACTION = "compaction:"
"""How the id of a compaction begins where a message's id would stand."""


class Measurement:
    """What a transcript says of its window, in tokens.

    Args:
        occupancy: input + cache creation + cache read + output of the last metered record.
        output: that record's output alone.
        message: id of the API message (or of the compaction) it comes from.
        offset: bytes before that message's first record in the file.
        start: bytes before the first record that was looked at.
        size: bytes of the file.
        calls: ids of the tool calls the message makes.
        earlier: ids of the tool calls seen in the records before it.
        compactions: ids of the compactions seen, the measured one too.
        ended: whether the message ends a turn (it calls no tool).
        model: the model's name, "" if unknown.
    """

    __slots__ = (
        "calls",
        "compactions",
        "earlier",
        "ended",
        "message",
        "model",
        "occupancy",
        "offset",
        "output",
        "size",
        "start",
    )

    def __init__(
        self,
        occupancy: int,
        output: int,
        message: str,
        offset: int,
        *,
        start: int = 0,
        size: int = 0,
        calls: Sequence[str] = (),
        earlier: Sequence[str] = (),
        compactions: Sequence[str] = (),
        ended: bool = False,
        model: str = "",
    ) -> None:
        self.occupancy = occupancy
        self.output = output
        self.message = message
        self.offset = offset
        self.start = start
        self.size = size
        self.calls = calls
        self.earlier = earlier
        self.compactions = compactions
        self.ended = ended
        self.model = model


class Estimate:
    """Tokens that something is thought to have added to a window since the last measurement.

    Args:
        key: where it comes from: a `tool_use_id`, or the prompt it belongs to.
        role: what it is: prompt, result, call, reply, or several of them merged.
        swarm: whose tokens they are.
        kind: the kind of text, as the estimator tells them apart.
        tokens: how many.
        after: id of the message it comes after; "" for a tool's call that the transcript does not show yet.
        offset: bytes the transcript had then.
    """

    __slots__ = ("after", "key", "kind", "offset", "role", "swarm", "tokens")

    def __init__(
        self, key: str, role: str, swarm: str, kind: str, tokens: int, after: str = "", offset: int = 0
    ) -> None:
        self.key = key
        self.role = role
        self.swarm = swarm
        self.kind = kind
        self.tokens = tokens
        self.after = after
        self.offset = offset

    @property
    def identity(self) -> str:
        """The key under which it is counted once."""
        return f"{self.role}:{self.key}"

    def covered_by(self, measured: Measurement) -> bool:
        """Return whether the measured message's usage includes these tokens.

        A tool call that the message itself made is not covered by its usage: the result comes after.
        """
        if self.role in (RESULT, CALL, AWAITED):
            if self.key in measured.calls:
                self.after = measured.message
                return self.role == CALL
            if not self.after:
                # Not in the file yet, unless the message that made the call has come and gone since.
                return self.key in measured.earlier or measured.start > self.offset
        elif self.role == REPLY and not measured.ended:
            return False
        return measured.message != self.after


class Window:
    """One conversation.

    `holdings` divides the measured occupancy over swarms.
    `peak` is the highest occupancy since the last compaction: what an isolated swarm's agent has brought in.
    `turn` is the message that was the newest when the turn began, `message` the newest measured one. `path` is a
    subagent's transcript below the session's folder, where it is not in its usual place.
    """

    __slots__ = (
        "handled",
        "holdings",
        "key",
        "message",
        "occupancy",
        "offset",
        "path",
        "peak",
        "pending",
        "size",
        "swarm",
        "turn",
    )

    def __init__(self, key: str, swarm: str) -> None:
        self.key = key
        self.swarm = swarm
        self.path = ""
        self.occupancy = 0
        self.message = ""
        self.turn = ""
        self.offset = 0
        self.size = 0
        self.peak = 0
        self.holdings: dict[str, int] = {}
        self.pending: dict[str, Estimate] = {}
        self.handled: list[str] = []

    @property
    def estimated(self) -> int:
        """Tokens the window holds now: measured plus what has been added since."""
        return self.occupancy + sum([estimate.tokens for estimate in self.pending.values()])

    @property
    def guessed(self) -> bool:
        """Whether nothing was measured yet."""
        return not self.message

    @property
    def measured(self) -> bool:
        """Whether `estimated` is a measurement, with nothing pending."""
        return not self.guessed and not self.pending

    def write_off(self) -> None:
        """Take what is estimated as brought in already: its swarm was reset and counts only what comes later."""
        for estimate in self.pending.values():
            self.peak += estimate.tokens
            estimate.tokens = 0

    def rest(self) -> None:
        """Keep less of a subagent that has stopped; it may go on later."""
        del self.handled[:-HANDLED_AT_REST]

    def hand_over(self, swarm: str) -> int:
        """Give what `swarm` holds here to the window's own swarm; return the tokens."""
        moved = self.holdings.pop(swarm, 0)
        if moved:
            self.holdings[self.swarm] = self.holdings.get(self.swarm, 0) + moved
        for estimate in self.pending.values():
            if estimate.swarm == swarm:
                estimate.swarm = self.swarm
                moved += estimate.tokens
        return moved


def add_estimate(ledger: Ledger, window: Window, estimate: Estimate, now: float) -> bool:
    """Count an estimate once; return False if it was counted before."""
    identity = estimate.identity
    if identity in window.pending or identity in window.handled:
        return False
    if len(window.pending) >= MOST_PENDING:
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
            estimate = Estimate(call, AWAITED, window.swarm, "", tokens, measured.message, measured.size)
            add_estimate(ledger, window, estimate, now)
        elif awaited in window.pending:
            estimate = window.pending.pop(awaited)
            ledger.charge(ledger.swarms[estimate.swarm], -estimate.tokens, now)


def _merge_older(window: Window) -> None:
    """Put the older half of the estimates into one for each swarm: nothing has measured them for long."""
    for identity in list(window.pending)[: MOST_PENDING // 2]:
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
        claims: (kind, estimated tokens) of every estimate covered.
        measured: tokens by which the window's input grew; None where it cannot be compared (the first
            measurement of a window, a compaction).
        fell: whether the window's occupancy fell.
    """

    __slots__ = ("claims", "fell", "measured")

    def __init__(self, claims: list[tuple[str, int]], measured: int | None, *, fell: bool) -> None:
        self.claims = claims
        self.measured = measured
        self.fell = fell


def settle(ledger: Ledger, window: Window, measured: Measurement, now: float) -> Settlement:
    """Let a measurement replace the estimates that it covers, and divide the window's growth over the swarms.

    Growth goes to the swarms in proportion to what each was estimated to have added; the model's own words and
    what nobody claimed go to the window's swarm. Where the occupancy fell (a compaction, a rewind), every
    swarm's part of the window shrinks in proportion; the consumption of an isolated swarm is all that was
    ever brought in, and stays.
    """
    claims: dict[str, int] = {}
    kinds = []
    for identity, estimate in list(window.pending.items()):
        if estimate.covered_by(measured):
            del window.pending[identity]
            _handle(window, identity)
            ledger.charge(ledger.swarms[estimate.swarm], -estimate.tokens, now)
            # A call or reply of the measured message itself is in its output, which nobody claims; and what
            # was still awaited never told whose it is.
            if estimate.role in (PROMPT, RESULT, MERGED) or (
                estimate.role != AWAITED and estimate.key in measured.earlier
            ):
                claims[estimate.swarm] = claims.get(estimate.swarm, 0) + estimate.tokens
                kinds.append((estimate.kind, estimate.tokens))
    growth = measured.occupancy - window.occupancy
    brought = growth - measured.output if measured.message != window.message else 0
    was_guessed = window.guessed
    compacted = any(compaction != window.message for compaction in measured.compactions)
    # Right after a compaction the system's own prompt comes back: like a first message, that is nobody's.
    begins = was_guessed or compacted or window.message.startswith(COMPACTION)
    if ledger.swarms[window.swarm].isolated:
        _settle_isolated(ledger, window, measured, now, compacted=compacted)
    elif growth < 0:
        _shrink(ledger, window, -growth, now)
    else:
        claimed = sum(claims.values())
        share = min(max(0, brought), claimed if begins else MOST_OFF * claimed)
        parts = apportion(share, claims)
        parts[window.swarm] = parts.get(window.swarm, 0) + growth - sum(parts.values())
        for swarm_id, part in parts.items():
            if part:
                window.holdings[swarm_id] = window.holdings.get(swarm_id, 0) + part
                ledger.charge(ledger.swarms[swarm_id], part, now)
    window.occupancy = measured.occupancy
    window.message, window.offset, window.size = measured.message, measured.offset, measured.size
    return Settlement(
        kinds, brought if kinds and brought > 0 and not begins else None, fell=growth < 0 and not was_guessed
    )


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
        swarm = ledger.swarms[swarm_id]
        # A swarm that was reset no longer counts what its window still holds.
        ledger.charge(swarm, -min(part, swarm.consumed), now)
