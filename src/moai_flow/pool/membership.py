"""One session's part in a pool, as its own machine keeps it: what it has spent, what it has said, what it holds. Pure.

It is enough to state everything anew: a store that was away, was flushed or lost its last second is put right by
the next publication, without a queue. Totals are those of the session's whole life; a period's or epoch's figure
is the total less its *base*, the total when it began.
"""

from __future__ import annotations

from moai_flow.core import compact_json
from moai_flow.pool.accounts import (
    GRANTED,
    LEASE_MILLISECONDS,
    OLD_EPOCH,
    OTHER_PERIOD,
    STALE,
    Answer,
    Publication,
    Request,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, Protocol, TypeVar

    Result = TypeVar("Result")

    class Update(Protocol):
        """What applies a change to a membership and keeps it."""

        def __call__(self, change: Callable[[Membership], Result], /) -> Result:
            """Return what the change returned."""


MAX_TRIES = 4
"""How often a publication is sent: another period, a reset and a newer revision may each be news."""

MAX_BASES = 4
"""Periods and epochs whose bases are kept: a clock that was set forward by mistake comes back."""

MAX_FIGURE = 10**15
"""Tokens of one figure at most; sums of it stay exact in the server's arithmetic."""

_FIELDS = ("revision", "totals", "period", "epoch", "leases", "ended", "accepted", "accepted_totals", "accepted_at")


class Membership:
    """A session in a pool.

    Attributes:
        machine, session: who it is.
        revision: of the last publication.
        totals: tokens spent in the session's life, by swarm.
        period, epoch: what figures count from.
        bases: {"PERIOD.EPOCH": totals when it began}.
        leases: {id: [swarm, tokens set aside, tokens of them spent, expires in milliseconds]}.
        ended: {id: expires}: leases that are over, until the store has been told.
        accepted, accepted_totals, accepted_at: the last publication that a store took: its revision, its totals
            and the store's clock (milliseconds).
        known: the pool's consumption as last heard, by swarm, in this period and epoch.
        notified: the levels (0-2) that were notified, by swarm; "" is the pool.
    """

    __slots__ = (*_FIELDS, "bases", "known", "machine", "notified", "session")

    def __init__(self, machine: str, session: str) -> None:
        self.machine = machine
        self.session = session
        self.revision = 0
        self.totals: dict[str, int] = {}
        self.period = 0
        self.epoch = 0
        self.bases: dict[str, dict[str, int]] = {}
        self.leases: dict[str, list[Any]] = {}
        self.ended: dict[str, int] = {}
        self.accepted = 0
        self.accepted_totals: dict[str, int] = {}
        self.accepted_at = 0
        self.known: dict[str, int] = {}
        self.notified: dict[str, int] = {}

    @property
    def name(self) -> str:
        """Machine and session in one text."""
        return f"{self.machine}/{self.session}"

    @property
    def figures(self) -> dict[str, int]:
        """Tokens spent in the period and epoch, by swarm."""
        base = self.bases.get(self._key, {})
        return {swarm: max(0, total - base.get(swarm, 0)) for swarm, total in self.totals.items()}

    @property
    def _key(self) -> str:
        return f"{self.period}.{self.epoch}"

    @property
    def is_accepted(self) -> bool:
        """Whether a store has taken all there is to publish."""
        return self.accepted == self.revision and self.accepted_totals == self.totals and not self.ended

    def apply(self, change: Callable[[Membership], Result]) -> Result:
        """Apply a change and return what it returned: an `update` that keeps nothing."""
        return change(self)

    # -- what the session does -------------------------------------------------------------------------------

    def spend(self, totals: Mapping[str, int], period: int) -> None:
        """Take what the session has spent in its life by now (tokens by swarm).

        `period` is what a session begins with. From then on only the store's clock tells of another one: one that
        this machine's clock made up would take what was spent out of the real one.
        """
        if not self.bases:
            self._enter(period)
        self.totals = {swarm: min(tokens, MAX_FIGURE) for swarm, tokens in totals.items()}

    def _enter(self, period: int) -> None:
        """Go over to another period, also back to one that the store's clock had left too early."""
        base = self.accepted_totals
        self.period = period
        self.epoch = max([_parts(key)[1] for key in self.bases if _parts(key)[0] == period], default=0)
        for key in [key for key in self.bases if _parts(key)[0] > period]:
            del self.bases[key]
        self._rebase(base)

    def _rebase(self, base: dict[str, int]) -> None:
        """Begin the figures of this period and epoch, unless they have begun before."""
        self.bases.setdefault(self._key, dict(base))
        for key in sorted(self.bases, key=_parts)[:-MAX_BASES]:
            del self.bases[key]
        self.known = {}
        self.notified = {}

    def _learn_epoch(self, epoch: int) -> None:
        """Learn of a reset: what had been published before it no longer counts.

        Figures that were published after it, to a store that had lost the reset, still do.
        """
        base = dict(self.bases.get(self._key, {}))
        if self.accepted_at <= epoch:
            for swarm, tokens in self.accepted_totals.items():
                base[swarm] = max(base.get(swarm, 0), tokens)
        self.epoch = epoch
        self._rebase(base)

    def hold(self, lease: str, swarm: str, tokens: int, expires: int) -> None:
        """Keep a lease that was granted, or that the pool's rule allows while its store is away."""
        self.leases[lease] = [swarm, tokens, 0, expires]

    def use(self, lease: str, tokens: int) -> None:
        """Note how many of a lease's tokens its agent has spent so far; the session's totals hold them too."""
        if lease in self.leases:
            self.leases[lease][2] = tokens

    def end(self, lease: str, expires: int = 0) -> None:
        """End a lease: its agent has ended, or never started."""
        held = self.leases.pop(lease, None)
        self.ended[lease] = held[3] if held is not None else expires

    # -- what it says to the store, and what it hears --------------------------------------------------------

    def publication(self, now: int) -> Publication:
        """Return the session's statement, as a new revision (`now` in milliseconds)."""
        # Never below the last one, and above those of a state folder that was lost.
        self.revision = max(self.revision + 1, now)
        return Publication(
            self.machine,
            self.session,
            period=self.period,
            epoch=self.epoch,
            revision=self.revision,
            figures=self.figures,
            leases={
                lease: (swarm, max(0, tokens - spent), expires)
                for lease, (swarm, tokens, spent, expires) in self.leases.items()
            },
            ended=dict(self.ended),
            known=self.known,
            totals=self.totals,
        )

    def request(self, lease: str, swarm: str, tokens: int, limits: tuple[int | None, int | None]) -> Request:
        """Return a request for a lease: its id, the agent's swarm, tokens, and the limits of pool and swarm."""
        return Request(
            lease,
            self.name,
            swarm,
            tokens,
            LEASE_MILLISECONDS,
            limit=limits[0],
            swarm_limit=limits[1],
            period=self.period,
            epoch=self.epoch,
            known=self.known,
        )

    def hear(self, answer: Answer, said: Publication | None = None) -> bool:
        """Take a store's answer; return whether what was said must be said again, in the light of it."""
        if answer.word == OTHER_PERIOD:
            self._enter(answer.period)
            return True
        if answer.word == OLD_EPOCH:
            self._learn_epoch(answer.epoch)
            return True
        self.known = dict(answer.consumed)
        if answer.word == STALE:
            self.revision = max(self.revision, answer.revision)
            return True
        if said is not None:
            self.accepted = said.revision
            self.accepted_totals = dict(said.totals)
            self.accepted_at = answer.now
            for lease in said.ended:
                self.ended.pop(lease, None)
        for lease in [lease for lease, held in self.leases.items() if held[3] <= answer.now]:
            del self.leases[lease]
        return False


def _parts(key: str) -> tuple[int, int]:
    period, _, epoch = key.partition(".")
    return int(period), int(epoch)


def publish(update: Update, now: int, send: Callable[[Publication], Answer]) -> Answer:
    """State everything, again where the answer brought news; return the last answer.

    Args:
        update: applies a change to the membership and keeps it, before it returns what the change returned.
            Nothing is held while `send` waits: other processes of the session go on meanwhile.
        now: milliseconds by the member's own clock.
        send: hands a publication to the store; whatever it raises is passed on, and nothing is lost.
    """
    tries = MAX_TRIES
    while True:
        said = update(lambda member: member.publication(now))
        answer = send(said)
        tries -= 1
        if not update(_hearing(answer, said)) or not tries:
            return answer


def _hearing(answer: Answer, said: Publication | None = None) -> Callable[[Membership], bool]:
    return lambda member: member.hear(answer, said)


def acquire(
    update: Update,
    lease: str,
    swarm: str,
    tokens: int,
    limits: tuple[int | None, int | None],
    send: Callable[[Request], Answer],
) -> bool:
    """Ask for tokens to be set aside; return whether they were.

    Args:
        update: as for `publish`.
        lease: an id of the member's own making, the same when it asks again.
        swarm: the swarm of the agent that is to start.
        tokens: how many.
        limits: tokens of the pool and of the swarm in it, None without one.
        send: hands a request to the store; whatever it raises is passed on.
    """
    tries = MAX_TRIES
    while True:
        answer = send(update(lambda member: member.request(lease, swarm, tokens, limits)))
        tries -= 1
        if update(_hearing(answer)) and tries:
            continue
        if answer.word != GRANTED:
            return False
        break
    update(lambda member: member.hold(lease, swarm, tokens, answer.expires))
    return True


def reconcile(
    members: Iterable[Membership],
    period: int,
    revisions: Mapping[str, int],
    now: int,
    send: Callable[[Publication], Answer],
    update: Update | None = None,
) -> int:
    """State anew for this machine's sessions what the store does not have, ended ones too; return how many.

    A server that was flushed, or failed over to a copy that lacked the last second, learns so of sessions that
    will never publish again by themselves. The changed members are to be saved.

    Args:
        members: the sessions of this machine.
        period: the store's.
        revisions: the newest publication of each member ("MACHINE/SESSION") that the store has.
        now: milliseconds.
        send: as for `publish`.
        update: as for `publish`, for a single member; without it the members are changed and not kept.
    """
    count = 0
    for member in members:
        if member.period != period and not member.ended:
            continue
        if not member.is_accepted or revisions.get(member.name, 0) != member.accepted:
            publish(update or member.apply, now, send)
            count += 1
    return count


# -- on disk -------------------------------------------------------------------------------------------------


def encode(member: Membership) -> bytes:
    """Return a membership as the bytes of its file."""
    return compact_json.encode({slot: getattr(member, slot) for slot in Membership.__slots__}).encode("ascii") + b"\n"


def decode(data: bytes) -> Membership | None:
    """Return the membership that the bytes were made from, None if they are damaged."""
    try:
        values = compact_json.decode(data.decode("ascii"))
        member = Membership(values["machine"], values["session"])
        for slot in Membership.__slots__:
            value = values[slot]
            if type(value) is not type(getattr(member, slot)):
                return None
            setattr(member, slot, value)
        for key in member.bases:
            _parts(key)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return member


def as_publication(member: Membership) -> Publication:
    """Return what a membership last stated, as far as sums are concerned."""
    return Publication(
        member.machine,
        member.session,
        period=member.period,
        epoch=member.epoch,
        revision=member.revision,
        figures=member.figures,
        seen=member.accepted_at,
    )
