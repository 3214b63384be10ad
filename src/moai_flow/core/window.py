"""Windows: what a conversation holds, measured and estimated.

A window is one conversation: the main thread, or one subagent. Its occupancy is what the model reads on the
next request. A measurement is absolute, so applying it twice, late or never changes nothing; estimates fill
the gap between the last measurement and now, and each is dropped once a measurement covers it.
"""

from __future__ import annotations

from moai_flow.core.names import MAX_ID_LENGTH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

HANDLED_AT_REST = 4
"""Keys of settled estimates that are remembered of a subagent that has stopped: a session may have had fifty, and
every hook reads them all."""

PROMPT, RESULT, CALL, REPLY, MERGED = "prompt", "result", "call", "reply", "merged"
DROPPED = "dropped"
AWAITED = "awaited"
"""What an estimate is of. Awaited is the result of a call made together with one that has answered; dropped are the
thoughts that a model forgets at the next prompt, less than nothing."""

UNCLAIMED = ""
"""Stands for a swarm where tokens are in a window and no swarm counts them."""

COMPACTION = "compaction:"
"""How the id of a compaction, or of a window that was emptied in mid-session, begins where a message's id would
stand."""

TOLD = "told:"
"""How the id begins of a figure that the client tells beside its transcript; the message that it comes after follows.
The transcript says nothing newer until it shows another message."""

MAX_BASE_SHARE = 0.4
"""Share of what a window held before a compaction that comes back at most: a session that was resumed, or forked,
began with more than the system's own prompt."""


class Measurement:
    """What a transcript says of its window, in tokens.

    Args:
        occupancy: input + cache creation + cache read + output of the last metered record. For a compaction: what
            the client says that is left, or the summary; what every request carries comes on top of it.
        output: that record's output alone.
        message: id of the API message (or of the compaction) it comes from.
        offset: bytes before that message's first record in the file.
        start: bytes before the first record that was looked at.
        transcript_bytes: bytes of the file.
        calls: ids of the tool calls the message makes.
        earlier: ids of the tool calls seen in the records before it.
        compactions: ids of the compactions seen, the measured one too.
        ended: whether the message ends a turn (it calls no tool).
        model: the model's name, "" if unknown.
        client: the version of the client that wrote the message, "" if unknown.
        is_rough: whether the occupancy is partly an estimate: a compaction's, or a reply whose usage was never written.
        before: tokens that the window held before a compaction, 0 if unknown.
        texts: what the message says, block by block.
        thoughts: tokens of thoughts, in messages that were not measured before, which the model will forget.
        tells_output: whether `output` is known, so that the growth of the input is known.

    What is kept in a ledger (message, calls, model) is cut at `MAX_ID_LENGTH` characters.
    """

    __slots__ = (
        "before",
        "calls",
        "client",
        "compactions",
        "earlier",
        "ended",
        "is_rough",
        "message",
        "model",
        "occupancy",
        "offset",
        "output",
        "start",
        "tells_output",
        "texts",
        "thoughts",
        "transcript_bytes",
    )

    def __init__(
        self,
        occupancy: int,
        output: int,
        message: str,
        offset: int,
        *,
        start: int = 0,
        transcript_bytes: int = 0,
        calls: Sequence[str] = (),
        earlier: Sequence[str] = (),
        compactions: Sequence[str] = (),
        ended: bool = False,
        model: str = "",
        client: str = "",
        is_rough: bool = False,
        before: int = 0,
        tells_output: bool = True,
        texts: Sequence[str] = (),
        thoughts: int = 0,
    ) -> None:
        self.occupancy = occupancy
        self.output = output
        self.message = message[:MAX_ID_LENGTH]
        self.offset = offset
        self.start = start
        self.transcript_bytes = transcript_bytes
        self.calls = [call[:MAX_ID_LENGTH] for call in calls]
        self.earlier = earlier
        self.compactions = compactions
        self.ended = ended
        self.model = model[:MAX_ID_LENGTH]
        self.client = client
        self.is_rough = is_rough
        self.before = before
        self.tells_output = tells_output
        self.texts = texts
        self.thoughts = thoughts


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
        factor: the learned factor that the tokens were multiplied with.
    """

    __slots__ = ("after", "factor", "key", "kind", "offset", "role", "swarm", "tokens")

    def __init__(
        self,
        key: str,
        role: str,
        swarm: str,
        kind: str,
        tokens: int,
        after: str = "",
        offset: int = 0,
        factor: float = 1.0,
    ) -> None:
        self.key = key
        self.role = role
        self.swarm = swarm
        self.kind = kind
        self.tokens = tokens
        self.after = after
        self.offset = offset
        self.factor = factor

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

    `holdings` divides the measured occupancy over swarms, and `UNCLAIMED`.
    `peak` is the highest occupancy since the last compaction: what an isolated swarm's agent has brought in.
    `turn` is the message that was the newest when the turn began, `message` the newest measured one. `path` is a
    subagent's transcript below the session's folder, where it is not in its usual place. `base` are the tokens that
    every request carries, as the first one showed; `is_rough` tells that `occupancy` is partly an estimate. `thoughts`
    are the tokens of this turn's thoughts that the model will forget at the next prompt.
    """

    __slots__ = (
        "base",
        "handled",
        "holdings",
        "is_rough",
        "key",
        "message",
        "occupancy",
        "offset",
        "path",
        "peak",
        "pending",
        "swarm",
        "thoughts",
        "transcript_bytes",
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
        self.transcript_bytes = 0
        self.peak = 0
        self.base = 0
        self.thoughts = 0
        self.is_rough = False
        self.holdings: dict[str, int] = {}
        self.pending: dict[str, Estimate] = {}
        self.handled: list[str] = []

    @property
    def tokens(self) -> int:
        """Tokens the window holds now: measured plus what has been added since."""
        return self.occupancy + sum([estimate.tokens for estimate in self.pending.values()])

    @property
    def never_measured(self) -> bool:
        """Whether nothing was measured yet."""
        return not self.message

    @property
    def is_exact(self) -> bool:
        """Whether `tokens` is a measurement, with nothing pending."""
        return not self.never_measured and not self.pending and not self.is_rough

    @property
    def newest(self) -> str:
        """The id of the newest message in the transcript that was measured."""
        return self.message.removeprefix(TOLD)

    def taken(self, measured: Measurement) -> int:
        """Return the occupancy (tokens) after a measurement.

        A compaction leaves out what every request carries: the first read of the session stands for it.
        """
        if not measured.message.startswith(COMPACTION):
            return measured.occupancy
        base = self.base
        if measured.before:
            base = min(base, int(measured.before * MAX_BASE_SHARE))
        return measured.occupancy + base

    def write_off(self) -> None:
        """Take what is estimated as brought in already: its swarm was reset and counts only what comes later."""
        for estimate in self.pending.values():
            self.peak += estimate.tokens
            estimate.tokens = 0

    def rest(self) -> None:
        """Keep less of a subagent that has stopped; it may go on later."""
        del self.handled[:-HANDLED_AT_REST]

    def hand_over(self, swarm: str, heir: str) -> int:
        """Give what `swarm` holds here to `heir` (a swarm, or `UNCLAIMED`); return the tokens."""
        moved = self.holdings.pop(swarm, 0)
        if moved:
            self.holdings[heir] = self.holdings.get(heir, 0) + moved
        for estimate in self.pending.values():
            if estimate.swarm == swarm:
                estimate.swarm = heir
                moved += estimate.tokens
        return moved
