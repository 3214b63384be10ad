"""A pool's accounts, as its store keeps them: what sessions published, leases, and resets. Pure.

The store's rules stand here once, for the folder of a local pool and for the simulation; `scripts/*.lua` are the
same rules for a Redis server, and a test holds the two to each other. Times are whole milliseconds of the store's
own clock.

A *reset* is a time (`epoch`): figures published under an earlier one no longer count. Members and store tell each
other the latest they know, so a store that lost its memory learns of the reset from any member that knows it.

A pool's consumption never falls within a period and epoch, so what a member last heard of it is a lower bound of
what it is now. Members restate that bound: a store that lost its memory does not grant the whole limit again
before all others have published.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

OK, OTHER_PERIOD, OLD_EPOCH, STALE = "ok", "period", "epoch", "stale"
"""What becomes of a publication: accepted; made in another period, before a reset, or before one that came first."""

GRANTED, REFUSED, ENDED = "granted", "refused", "ended"
"""What becomes of a request for a lease; ENDED is one that was given back, or refused, before it arrived."""

LEASE_MILLISECONDS = 900_000
"""How long tokens stay set aside for an agent whose machine is not heard of any more."""

REFUSED_MILLISECONDS = 60_000
"""How long a request that was refused is remembered; no copy of it arrives later."""


class Away(Exception):  # noqa: N818 - not an error: the next publication puts all right
    """A pool's store gave no answer in time."""


class Lease:
    """Tokens set aside for an agent, until `expires` (milliseconds). With no tokens left it is a mark of its end."""

    __slots__ = ("expires", "member", "swarm", "tokens")

    def __init__(self, swarm: str, tokens: int, expires: int, member: str) -> None:
        self.swarm = swarm
        self.tokens = tokens
        self.expires = expires
        self.member = member

    def __repr__(self) -> str:
        return f"Lease({self.swarm!r}, {self.tokens}, {self.expires}, {self.member!r})"


class Publication:
    """What one session states: its own figures, its leases, and what it knows of the pool.

    Attributes:
        machine, session: who states it.
        period, epoch: what the figures count from.
        revision: which of two is newer.
        figures: tokens consumed in the period, by swarm.
        leases: what is left of each lease it holds: id -> (swarm, tokens, expires).
        ended: leases that are over: id -> expires.
        known: the pool's consumption as last heard, by swarm; in the same period and epoch.
        totals: tokens consumed in the session's life, which it keeps to itself.
        seen: when it was accepted (milliseconds).
    """

    __slots__ = (
        "ended",
        "epoch",
        "figures",
        "known",
        "leases",
        "machine",
        "period",
        "revision",
        "seen",
        "session",
        "totals",
    )

    def __init__(
        self,
        machine: str,
        session: str,
        *,
        period: int,
        epoch: int,
        revision: int,
        figures: dict[str, int],
        leases: Mapping[str, tuple[str, int, int]] | None = None,
        ended: Mapping[str, int] | None = None,
        known: Mapping[str, int] | None = None,
        totals: Mapping[str, int] | None = None,
        seen: int = 0,
    ) -> None:
        self.machine = machine
        self.session = session
        self.period = period
        self.epoch = epoch
        self.revision = revision
        self.figures = figures
        self.leases = leases or {}
        self.ended = ended or {}
        self.known = known or {}
        self.totals = totals or {}
        self.seen = seen

    @property
    def member(self) -> str:
        """Machine and session in one text."""
        return f"{self.machine}/{self.session}"


class Request:
    """A request for a lease.

    Attributes:
        lease: its id, which the member chooses: asked twice, it is granted once.
        member: who asks.
        swarm: the swarm of the agent that is to start.
        tokens: how many.
        duration: milliseconds for which they are set aside.
        limit, swarm_limit: tokens of the pool and of the swarm; None without one.
        period, epoch, known: as in a publication.
    """

    __slots__ = ("duration", "epoch", "known", "lease", "limit", "member", "period", "swarm", "swarm_limit", "tokens")

    def __init__(
        self,
        lease: str,
        member: str,
        swarm: str,
        tokens: int,
        duration: int,
        *,
        limit: int | None,
        swarm_limit: int | None,
        period: int,
        epoch: int,
        known: Mapping[str, int] | None = None,
    ) -> None:
        self.lease = lease
        self.member = member
        self.swarm = swarm
        self.tokens = tokens
        self.duration = duration
        self.limit = limit
        self.swarm_limit = swarm_limit
        self.period = period
        self.epoch = epoch
        self.known = known or {}


class Answer:
    """What a store answers.

    Attributes:
        word: one of the words above.
        now: the store's clock (milliseconds).
        period, epoch, born: what it counts from, and since when it has its memory (milliseconds).
        consumed, leased: tokens by swarm.
        revision: the newest publication of this member that the store has.
        expires: when a granted lease is over (milliseconds).
    """

    __slots__ = ("born", "consumed", "epoch", "expires", "leased", "now", "period", "revision", "word")

    def __init__(
        self,
        word: str,
        now: int,
        period: int,
        epoch: int,
        born: int,
        consumed: dict[str, int],
        leased: dict[str, int],
        revision: int = 0,
        expires: int = 0,
    ) -> None:
        self.word = word
        self.now = now
        self.period = period
        self.epoch = epoch
        self.born = born
        self.consumed = consumed
        self.leased = leased
        self.revision = revision
        self.expires = expires


class Accounts:
    """The accounts of one pool.

    Attributes:
        period, epoch: what the sums count from.
        born: since when these accounts are kept (milliseconds).
        sums: tokens that members of this period and epoch have published, by swarm.
        floors: tokens that the pool is known to have consumed at least, by swarm.
        leases: by id.
    """

    __slots__ = ("born", "epoch", "floors", "leases", "period", "sums")

    def __init__(self, period: int, born: int) -> None:
        self.period = period
        self.epoch = 0
        self.born = born
        self.sums: dict[str, int] = {}
        self.floors: dict[str, int] = {}
        self.leases: dict[str, Lease] = {}

    @property
    def consumed(self) -> dict[str, int]:
        """Tokens consumed, by swarm."""
        swarms = {**self.sums, **self.floors}
        return {swarm: max(self.sums.get(swarm, 0), self.floors.get(swarm, 0)) for swarm in swarms}

    @property
    def leased(self) -> dict[str, int]:
        """Tokens set aside, by swarm."""
        sums: dict[str, int] = {}
        for lease in self.leases.values():
            if lease.tokens:
                sums[lease.swarm] = sums.get(lease.swarm, 0) + lease.tokens
        return sums

    def counts(self, publication: Publication | None) -> bool:
        """Return whether a publication is of this period and epoch."""
        return publication is not None and (publication.period, publication.epoch) == (self.period, self.epoch)

    def begin(self, period: int, now: int) -> None:
        """Begin another period: nothing is consumed in it yet; leases go on."""
        self.period = period
        self.born = now
        self._adopt(0)

    def reset(self, now: int) -> int:
        """Take the consumption back to 0 and return the new epoch; leases go on."""
        self._adopt(max(self.epoch + 1, now))
        return self.epoch

    def _adopt(self, epoch: int) -> None:
        self.epoch = epoch
        self.sums = {}
        self.floors = {}

    def publish(self, publication: Publication, previous: Publication | None, now: int) -> str:
        """Take a publication in place of the member's previous one; return OK, OTHER_PERIOD, OLD_EPOCH or STALE."""
        self.expire(now)
        word = self._admit(publication.period, publication.epoch, publication.known)
        if word != OK:
            return word
        before = previous if previous is not None and self.counts(previous) else None
        if before is not None and before.revision > publication.revision:
            return STALE
        for swarm in {**(before.figures if before else {}), **publication.figures}:
            old = before.figures.get(swarm, 0) if before else 0
            change = publication.figures.get(swarm, 0) - old
            if change:
                self.sums[swarm] = self.sums.get(swarm, 0) + change
        for lease_id, expires in publication.ended.items():
            kept = self.leases.get(lease_id)
            if kept is not None:
                kept.tokens = 0
            elif expires > now:
                self.leases[lease_id] = Lease("", 0, expires, publication.member)
        for lease_id, (swarm, tokens, expires) in publication.leases.items():
            self._restate(lease_id, Lease(swarm, tokens, expires, publication.member), now)
        publication.seen = now
        return OK

    def _restate(self, lease_id: str, lease: Lease, now: int) -> None:
        """Take what is left of a lease; one that this store has lost comes back for the rest of its time."""
        kept = self.leases.get(lease_id)
        if kept is not None:
            kept.tokens = min(kept.tokens, lease.tokens)
        elif lease.expires > now and lease.tokens > 0:
            self.leases[lease_id] = lease

    def acquire(self, request: Request, now: int) -> str:
        """Set tokens aside if they fit; return GRANTED, REFUSED, ENDED, OTHER_PERIOD or OLD_EPOCH."""
        self.expire(now)
        word = self._admit(request.period, request.epoch, request.known)
        if word != OK:
            return word
        kept = self.leases.get(request.lease)
        if kept is not None:
            return GRANTED if kept.tokens else ENDED
        consumed, leased = self.consumed, self.leased
        total = sum(consumed.values()) + sum(leased.values()) + request.tokens
        own = consumed.get(request.swarm, 0) + leased.get(request.swarm, 0) + request.tokens
        is_over = request.limit is not None and total > request.limit
        if is_over or (request.swarm_limit is not None and own > request.swarm_limit):
            # A second copy of this request may come when there is room again, and that lease would never end.
            self.leases[request.lease] = Lease("", 0, now + REFUSED_MILLISECONDS, request.member)
            return REFUSED
        self.leases[request.lease] = Lease(request.swarm, request.tokens, now + request.duration, request.member)
        return GRANTED

    def expire(self, now: int) -> None:
        """End the leases whose time is over."""
        for lease_id in [lease_id for lease_id, lease in self.leases.items() if lease.expires <= now]:
            del self.leases[lease_id]

    def _admit(self, period: int, epoch: int, known: Mapping[str, int]) -> str:
        if period != self.period:
            return OTHER_PERIOD
        if epoch < self.epoch:
            return OLD_EPOCH
        if epoch > self.epoch:
            self._adopt(epoch)
        for swarm, tokens in known.items():
            if tokens > self.floors.get(swarm, 0):
                self.floors[swarm] = tokens
        return OK

    def answer(self, word: str, now: int, revision: int = 0, lease: str = "") -> Answer:
        """Return what the member is told."""
        kept = self.leases.get(lease)
        expires = kept.expires if kept is not None else 0
        return Answer(word, now, self.period, self.epoch, self.born, self.consumed, self.leased, revision, expires)
