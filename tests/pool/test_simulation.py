"""Pools under faults: a few seeds here, 10,000 in the long checks, and bugs that the simulation must find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pool.simulation import World, run

from moai_flow.pool.accounts import OK, Accounts, Lease
from moai_flow.pool.membership import Membership

if TYPE_CHECKING:
    from collections.abc import Callable

SEEDS = 40
SEEDS_FOR_A_BUG = 150


def test_pools_keep_their_promises() -> None:
    """Whatever is lost, doubled, late, dead, away or flushed."""
    assert run(range(SEEDS)) == []


def test_a_seed_decides_everything() -> None:
    """What happened once happens again."""
    first, second = World(7), World(7)
    first.run()
    second.run()
    assert first.store.accounts.consumed == second.store.accounts.consumed
    assert first.store.accounts.leases.keys() == second.store.accounts.leases.keys()
    assert [session.file for machine in first.machines for session in machine.sessions] == [
        session.file for machine in second.machines for session in machine.sessions
    ]


# -- bugs --------------------------------------------------------------------------------------------------------


def add_what_is_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    publish = Accounts.publish
    monkeypatch.setattr(Accounts, "publish", lambda self, new, _, now: publish(self, new, None, now))


def take_older_publications(monkeypatch: pytest.MonkeyPatch) -> None:
    publish = Accounts.publish

    def unordered(self: Accounts, new: Any, previous: Any, now: int) -> str:
        if previous is not None:
            previous.revision = 0
        return publish(self, new, previous, now)

    monkeypatch.setattr(Accounts, "publish", unordered)


def forget_leases_at_a_grant(monkeypatch: pytest.MonkeyPatch) -> None:
    acquire = Accounts.acquire

    def careless(self: Accounts, request: Any, now: int) -> str:
        kept, self.leases = self.leases, {}
        try:
            return acquire(self, request, now)
        finally:
            self.leases = {**kept, **self.leases}

    monkeypatch.setattr(Accounts, "acquire", careless)


def renew_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    def renewed(self: Accounts, lease_id: str, lease: Lease, now: int) -> None:
        lease.expires = now + 900_000
        self.leases[lease_id] = lease

    monkeypatch.setattr(Accounts, "_restate", renewed)


def never_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Accounts, "expire", lambda *_: None)


def forget_ends_that_were_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    publication = Membership.publication

    def forgetful(self: Membership, now: int) -> Any:
        said = publication(self, now)
        self.ended = {}
        return said

    monkeypatch.setattr(Membership, "publication", forgetful)


def leave_no_mark_of_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    publish = Accounts.publish

    def unmarked(self: Accounts, new: Any, previous: Any, now: int) -> str:
        word = publish(self, new, previous, now)
        if word == OK:
            for lease_id in new.ended:
                self.leases.pop(lease_id, None)
        return word

    monkeypatch.setattr(Accounts, "publish", unmarked)


def forget_what_was_known(monkeypatch: pytest.MonkeyPatch) -> None:
    admit = Accounts._admit
    monkeypatch.setattr(Accounts, "_admit", lambda self, period, epoch, _: admit(self, period, epoch, {}))


def forget_the_base_at_a_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    def baseless(self: Membership, epoch: int) -> None:
        self.epoch = epoch
        self._rebase({})

    monkeypatch.setattr(Membership, "_learn_epoch", baseless)


def trust_the_machines_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    spend = Membership.spend

    def trusting(self: Membership, totals: Any, period: int) -> None:
        spend(self, totals, period)
        if period != self.period:
            self._enter(period)

    monkeypatch.setattr(Membership, "spend", trusting)


@pytest.mark.parametrize(
    ("plant", "first"),
    [
        pytest.param(add_what_is_stated, 0, id="what is stated is added"),
        pytest.param(take_older_publications, 0, id="an older publication counts"),
        pytest.param(forget_leases_at_a_grant, 0, id="leases are not counted"),
        pytest.param(renew_leases, 0, id="leases are renewed"),
        pytest.param(never_expire, 0, id="leases do not expire"),
        pytest.param(forget_ends_that_were_not_heard, 25, id="an end is said once"),
        pytest.param(leave_no_mark_of_an_end, 190, id="an end leaves no mark"),
        pytest.param(forget_what_was_known, 0, id="a flushed store believes it is empty"),
        pytest.param(forget_the_base_at_a_reset, 0, id="a reset takes nothing back"),
        pytest.param(trust_the_machines_clock, 0, id="a machine's clock decides"),
    ],
)
def test_the_simulation_finds_a_bug(
    monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None], first: int
) -> None:
    """A rule that is taken out is missed; `first` is near the first seed that shows it, to save time."""
    plant(monkeypatch)
    for seed in range(first, first + SEEDS_FOR_A_BUG):
        if run(range(seed, seed + 1)):
            return
    pytest.fail("nothing was found")
