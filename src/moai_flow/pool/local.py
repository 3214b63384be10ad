"""A pool on one machine: its folder is the store, and its lock makes each change one step."""

from __future__ import annotations

from moai_flow.hook.state import files
from moai_flow.pool import membership, period
from moai_flow.pool.accounts import Accounts
from moai_flow.pool.folder import Folder, counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from moai_flow.pool.accounts import Answer, Publication, Request
    from moai_flow.pool.definition import Pool
    from moai_flow.pool.membership import Membership


class LocalPool:
    """A pool in a folder of the state folder.

    Args:
        pool: its limits.
        state: the state folder.
        machine: this machine's id.
        utc_offset: seconds that the local clock is ahead of UTC, for periods that begin at midnight.
    """

    __slots__ = ("_folder", "_machine", "_offset", "_pool")

    def __init__(self, pool: Pool, state: str, machine: str, utc_offset: int = 0) -> None:
        self._pool = pool
        self._folder = Folder(state, pool.name)
        self._machine = machine
        self._offset = utc_offset

    def publish(
        self,
        session: str,
        totals: Mapping[str, int],
        now: float,
        uses: Mapping[str, int] | None = None,
        ended: tuple[str, ...] = (),
    ) -> tuple[Answer, Membership]:
        """State what a session has spent; return the pool's figures and the session's membership.

        Args:
            session: the session.
            totals: tokens spent in its life, by swarm.
            now: seconds since the epoch.
            uses: tokens that the agents of leases have spent so far.
            ended: leases whose agents have ended.

        Raises:
            files.Busy: another process keeps the pool; the next publication states everything.
            OSError: the pool's files cannot be read or written.
        """
        lock = self._folder.lock()
        try:
            accounts = self._open(now)
            member = self._folder.load(self._machine, session)
            member.spend(totals, accounts.period)
            for lease, tokens in (uses or {}).items():
                member.use(lease, tokens)
            for lease in ended:
                member.end(lease)
            answer = membership.publish(member.apply, int(now * 1000), _Desk(accounts, self._folder, now).publish)
            self._folder.save_accounts(accounts, member)
            self._folder.save(member)
        finally:
            files.close(lock)
        return answer, member

    def acquire(self, session: str, lease: str, swarm: str, tokens: int, now: float) -> bool:
        """Set tokens aside for an agent that is to start; return whether they were.

        Raises:
            files.Busy: another process keeps the pool; the pool's rule `when_away` decides.
            OSError: the pool's files cannot be read or written; the same.
        """
        lock = self._folder.lock()
        try:
            accounts = self._open(now)
            member = self._folder.load(self._machine, session)
            member.spend(member.totals, accounts.period)
            limits = (self._pool.limit, self._pool.limit_of(swarm))
            desk = _Desk(accounts, self._folder, now)
            granted = membership.acquire(member.apply, lease, swarm, tokens, limits, desk.acquire)
            if granted:
                self._folder.save_accounts(accounts)
                self._folder.save(member)
        finally:
            files.close(lock)
        return granted

    def reset(self, now: float) -> int:
        """Take the pool's consumption back to 0 and return what it was (tokens); leases go on.

        Raises:
            files.Busy: another process keeps the pool.
            OSError: the pool's files cannot be read or written.
        """
        lock = self._folder.lock()
        try:
            accounts = self._open(now)
            freed = sum(accounts.consumed.values())
            accounts.reset(int(now * 1000))
            self._folder.save_accounts(accounts)
        finally:
            files.close(lock)
        return freed

    def view(self, now: float) -> tuple[Accounts, list[Publication]]:
        """Return the accounts and what each session of the period has stated; nothing is locked or written."""
        current = period.number(self._pool.per, now, self._offset)
        accounts = self._folder.read_accounts()
        if accounts is None:
            accounts = Accounts(current, int(now * 1000))
        elif accounts.period != current:
            accounts.begin(current, int(now * 1000))
        accounts.expire(int(now * 1000))
        stated = [publication for _, publication in counted(accounts, self._folder.members())]
        accounts.sums = {}
        for publication in stated:
            _count(accounts, publication)
        return accounts, stated

    def _open(self, now: float) -> Accounts:
        """Return the accounts of the period at `now`; the lock must be held.

        Sums are made anew from the sessions' files where the accounts are missing, damaged, or of another period.
        """
        current = period.number(self._pool.per, now, self._offset)
        accounts = self._folder.load_accounts()
        if accounts is not None and accounts.period == current:
            return accounts
        if accounts is None:
            accounts = Accounts(current, int(now * 1000))
        else:
            accounts.begin(current, int(now * 1000))
        self._folder.remove_old(current, now)
        members = list(self._folder.members())
        accounts.epoch = max([member.epoch for member in members if member.period == current], default=0)
        for _, publication in counted(accounts, iter(members)):
            _count(accounts, publication)
        return accounts


def _count(accounts: Accounts, publication: Publication) -> None:
    for swarm, tokens in publication.figures.items():
        accounts.sums[swarm] = accounts.sums.get(swarm, 0) + tokens


class _Desk:
    """The store's side of a local pool, while its lock is held."""

    __slots__ = ("_accounts", "_folder", "_now")

    def __init__(self, accounts: Accounts, folder: Folder, now: float) -> None:
        self._accounts = accounts
        self._folder = folder
        self._now = int(now * 1000)

    def publish(self, publication: Publication) -> Answer:
        previous = self._folder.read(publication.session)
        before = membership.as_publication(previous) if previous is not None else None
        word = self._accounts.publish(publication, before, self._now)
        revision = before.revision if before is not None else 0
        return self._accounts.answer(word, self._now, revision)

    def acquire(self, request: Request) -> Answer:
        word = self._accounts.acquire(request, self._now)
        return self._accounts.answer(word, self._now, lease=request.lease)
