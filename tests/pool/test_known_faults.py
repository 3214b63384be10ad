"""The faults that budgets of distributed proxies were reported with, as histories: a counter has them, a pool has not.

Each history is played on a counter that everybody adds to, as such proxies keep one, and on a pool. It returns what
the store says at the end, and what is true. The reports are those of LiteLLM that the names give.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from pool.simulation import Store

from moai_flow.pool import membership
from moai_flow.pool.accounts import LEASE_MILLISECONDS, Answer, Away, Publication, Request
from moai_flow.pool.membership import Membership

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_790_000_000_000
LIMIT = 1_000


class Counter:
    """A shared figure that every machine adds to, and a database that is behind it."""

    def __init__(self) -> None:
        self.counter: int | None = None
        self.database = 0
        self.now = NOW
        self.loses_answers = False

    def _add(self, tokens: int) -> None:
        self.counter = (self.counter or 0) + tokens

    def spend(self, machine: str, tokens: int) -> None:  # noqa: ARG002 - whoever it was
        """Add what was spent, again if no answer came."""
        self.database += tokens
        self._add(tokens)
        if self.loses_answers:
            self._add(tokens)

    def reserve(self, machine: str, name: str, tokens: int) -> bool:
        """Look whether it fits; set it aside."""
        return self.reserve_together([(machine, name)], tokens) == 1

    def reserve_together(self, who: list[tuple[str, str]], tokens: int) -> int:
        """Let several look first, and then set aside."""
        fits = [(self.counter or 0) + tokens <= LIMIT for _ in who]
        for fit in fits:
            if fit:
                self._add(tokens)
        return sum(fits)

    def die(self, machine: str) -> None:
        """Lose what the machine would have taken back."""

    def lose_memory(self) -> None:
        """The server forgets."""
        self.counter = None

    def come_back(self, machines: list[str]) -> None:
        """Every machine finds no figure, and adds what the database has."""
        for _ in machines:
            self._add(self.database)

    def reset(self, late: list[tuple[str, int]]) -> None:
        """Set the figure to nothing; what was on its way is added afterwards."""
        self.counter = 0
        for _, tokens in late:
            self._add(tokens)

    def consumed(self) -> int:
        """Return what the store says is consumed or set aside."""
        return self.counter or 0


class Pool:
    """The same, as a pool: machines state what they have spent."""

    def __init__(self) -> None:
        self.store = Store("session", NOW)
        self.now = NOW
        self.members: dict[str, Membership] = {}
        self.totals: dict[str, int] = {}
        self.loses_answers = False

    def _member(self, machine: str) -> Membership:
        return self.members.setdefault(machine, Membership(machine, "s"))

    def _send(self, message: Publication | Request) -> Answer:
        store = self.store
        answer = (
            store.publish(message, self.now) if isinstance(message, Publication) else store.acquire(message, self.now)
        )
        if self.loses_answers:
            raise Away
        return answer

    def _publish(self, machine: str) -> None:
        member = self._member(machine)
        member.spend({"main": self.totals.get(machine, 0)}, 0)
        for _ in range(2 if self.loses_answers else 1):
            with suppress(Away):
                membership.publish(member.apply, self.now, self._send)
            self.loses_answers = False

    def spend(self, machine: str, tokens: int) -> None:
        """State what has been spent by now, again if no answer came."""
        self.totals[machine] = self.totals.get(machine, 0) + tokens
        self._publish(machine)

    def reserve(self, machine: str, name: str, tokens: int) -> bool:
        """Ask for a lease."""
        member = self._member(machine)
        member.spend({"main": self.totals.get(machine, 0)}, 0)
        return membership.acquire(member.apply, name, "main", tokens, (LIMIT, None), self._send)

    def reserve_together(self, who: list[tuple[str, str]], tokens: int) -> int:
        """Several at once are one after the other: check and lease are one step."""
        return sum(self.reserve(machine, name, tokens) for machine, name in who)

    def die(self, machine: str) -> None:  # noqa: ARG002 - all are silent
        """The machine is not heard of any more; its leases' time passes."""
        self.now += LEASE_MILLISECONDS + 1

    def lose_memory(self) -> None:
        """The server forgets."""
        self.store = Store("session", self.now)

    def come_back(self, machines: list[str]) -> None:
        """Every machine states what it has spent."""
        for machine in machines:
            self._publish(machine)

    def reset(self, late: list[tuple[str, int]]) -> None:
        """Reset; what was on its way comes afterwards, as it was stated before."""
        on_the_way = [self._member(machine).publication(self.now) for machine, _ in late]
        self.store.accounts.reset(self.now)
        for publication in on_the_way:
            self.store.publish(publication, self.now)

    def consumed(self) -> int:
        """Return what the store says is consumed or set aside."""
        accounts = self.store.accounts
        accounts.expire(self.now)
        return sum(accounts.consumed.values()) + sum(accounts.leased.values())


def reseed(pool: Counter | Pool) -> tuple[int, int]:
    pool.spend("a", 300)
    pool.lose_memory()
    pool.come_back(["a", "b", "c"])
    return pool.consumed(), 300


def leaked_reservation(pool: Counter | Pool) -> tuple[int, int]:
    assert pool.reserve("a", "one", 400)
    pool.die("a")
    return pool.consumed(), 0


def check_then_increment(pool: Counter | Pool) -> tuple[int, int]:
    granted = pool.reserve_together([(f"m{number}", f"l{number}") for number in range(8)], 500)
    return granted, 2


def lost_reset(pool: Counter | Pool) -> tuple[int, int]:
    pool.spend("a", 900)
    pool.reset(late=[("a", 900)])
    return pool.consumed(), 0


def inflation(pool: Counter | Pool) -> tuple[int, int]:
    for _ in range(5):
        pool.loses_answers = True
        pool.spend("a", 20)
    return pool.consumed(), 100


def limit_granted_again(pool: Counter | Pool) -> tuple[int, int]:
    pool.spend("a", 900)
    pool.reserve("b", "first", 50)
    pool.lose_memory()
    # Only b comes; a is silent, its tokens are spent all the same.
    return int(pool.reserve("b", "second", 500)), 0


HISTORIES = [
    pytest.param(reseed, id="double counting on reseed (28247)"),
    pytest.param(leaked_reservation, id="a leaked reservation (27639)"),
    pytest.param(check_then_increment, id="check, then increment (34732)"),
    pytest.param(lost_reset, id="a lost reset (34733)"),
    pytest.param(inflation, id="inflation by retries (30460)"),
    pytest.param(limit_granted_again, id="the limit granted again after a flush (30684)"),
]


@pytest.mark.parametrize("history", HISTORIES)
def test_a_counter_has_the_fault(history: Callable[[Counter | Pool], tuple[int, int]]) -> None:
    """The history does go wrong where everybody adds: without that it would prove nothing."""
    said, truth = history(Counter())
    assert said != truth


@pytest.mark.parametrize("history", HISTORIES)
def test_a_pool_has_not(history: Callable[[Counter | Pool], tuple[int, int]]) -> None:
    """Where everybody states, the store says what is true."""
    said, truth = history(Pool())
    assert said == truth
