"""Whatever is done to a ledger in whatever order, its figures hold together."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from moai_flow.core import allocations, codec
from moai_flow.core.ledger import Ledger
from moai_flow.resource import BudgetConfig

NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
TOKENS = st.one_of(st.integers(0, 60), st.integers(0, 1_500))
LIMITS = st.integers(1, 1_200)


def picture(ledger: Ledger) -> bytes:
    return codec.encode(ledger)


class LedgerMachine(RuleBasedStateMachine):
    """A ledger and a plain model of what each swarm must have consumed and reserved."""

    @initialize(buffer=st.integers(0, 300), rebalances=st.booleans(), default=st.integers(1, 900))
    def begin(self, buffer: int, rebalances: bool, default: int) -> None:
        self.ledger = Ledger(
            BudgetConfig(
                total_budget=1_000,
                reserve_buffer=buffer,
                enable_auto_rebalance=rebalances,
                default_swarm_limit=default,
            )
        )
        self.now = 0.0
        self.consumed: dict[str, int] = {}
        self.reserved: dict[str, int] = {}
        self.promises: dict[str, int] = {}
        self.recorded = 0

    def tick(self) -> float:
        self.now += 1.0
        return self.now

    def expect(self, outcome: bool, allowed: bool, before: bytes) -> None:
        assert outcome is allowed
        if not allowed:
            assert picture(self.ledger) == before

    @rule(name=NAMES, limit=st.none() | LIMITS)
    def allocate(self, name: str, limit: int | None) -> None:
        before = picture(self.ledger)
        swarms = self.ledger.swarms
        was = {swarm_id: swarm.allocated for swarm_id, swarm in swarms.items()}
        done = allocations.allocate(self.ledger, name, limit, self.tick())
        if not done:
            assert picture(self.ledger) == before
            return
        assert name not in was
        self.consumed[name] = self.reserved[name] = 0
        if limit is None:
            assert 0 < swarms[name].allocated <= self.ledger.config.default_swarm_limit
        else:
            self.promises[name] = limit
            assert swarms[name].allocated == limit
        for swarm_id, allocated in was.items():
            assert swarms[swarm_id].allocated <= allocated
            if not self.ledger.config.enable_auto_rebalance:
                assert swarms[swarm_id].allocated == allocated

    @rule(name=NAMES, tokens=TOKENS)
    def consume(self, name: str, tokens: int) -> None:
        before = picture(self.ledger)
        swarm = self.ledger.swarms.get(name)
        config = self.ledger.config
        allowed = (
            swarm is not None
            and tokens <= swarm.allocated - swarm.consumed - swarm.reserved
            and self.ledger.total_consumed + tokens <= config.total_budget - config.reserve_buffer
        )
        self.expect(self.ledger.consume(name, tokens, self.tick()), allowed, before)
        if allowed:
            self.consumed[name] += tokens

    @rule(name=NAMES, tokens=TOKENS)
    def consume_reserved(self, name: str, tokens: int) -> None:
        before = picture(self.ledger)
        swarm = self.ledger.swarms.get(name)
        config = self.ledger.config
        allowed = (
            swarm is not None
            and tokens <= swarm.reserved
            and self.ledger.total_consumed + tokens <= config.total_budget - config.reserve_buffer
        )
        self.expect(self.ledger.consume(name, tokens, self.tick(), from_reservation=True), allowed, before)
        if allowed:
            self.consumed[name] += tokens
            self.reserved[name] -= tokens

    @rule(name=NAMES, tokens=TOKENS, from_reservation=st.booleans())
    def consume_critical(self, name: str, tokens: int, from_reservation: bool) -> None:
        before = picture(self.ledger)
        outcome = self.ledger.consume(name, tokens, self.tick(), from_reservation=from_reservation, critical=True)
        if not outcome:
            assert picture(self.ledger) == before
            return
        self.consumed[name] += tokens
        if from_reservation:
            self.reserved[name] -= min(tokens, self.reserved[name])
        assert self.ledger.total_consumed <= self.ledger.config.total_budget
        if not self.recorded:
            overdrawn = sum(
                max(0, swarm.consumed + swarm.reserved - swarm.allocated) for swarm in self.ledger.swarms.values()
            )
            assert overdrawn <= self.ledger.config.reserve_buffer

    @rule(name=NAMES, tokens=TOKENS)
    def record(self, name: str, tokens: int) -> None:
        done = self.ledger.record(name, tokens, self.tick())
        assert done is (name in self.consumed)
        if done:
            self.recorded += tokens
            self.consumed[name] += tokens

    @rule(name=NAMES, tokens=TOKENS)
    def reserve(self, name: str, tokens: int) -> None:
        before = picture(self.ledger)
        swarm = self.ledger.swarms.get(name)
        allowed = swarm is not None and tokens <= max(0, swarm.allocated - swarm.consumed - swarm.reserved)
        self.expect(self.ledger.reserve(name, tokens, self.tick()), allowed, before)
        if allowed:
            self.reserved[name] += tokens

    @rule(name=NAMES, tokens=TOKENS)
    def release(self, name: str, tokens: int) -> None:
        if self.ledger.release(name, tokens, self.tick()):
            self.reserved[name] = max(0, self.reserved[name] - tokens)
        else:
            assert name not in self.reserved

    @rule(name=NAMES)
    def reset(self, name: str) -> None:
        if self.ledger.reset(name, self.tick()):
            assert self.ledger.history[-1][1:] == (name, "reset", self.consumed[name])
            self.consumed[name] = self.reserved[name] = 0
        else:
            assert name not in self.consumed

    @rule(name=NAMES, limit=LIMITS)
    def resize(self, name: str, limit: int) -> None:
        before = picture(self.ledger)
        done = allocations.resize(self.ledger, name, limit, self.tick())
        if not done:
            assert picture(self.ledger) == before
            return
        assert limit >= self.consumed[name] + self.reserved[name]
        assert self.ledger.swarms[name].allocated == limit
        self.promises[name] = limit

    @rule(name=NAMES)
    def deallocate(self, name: str) -> None:
        assert self.ledger.deallocate(name, self.tick()) is (name in self.consumed)
        for figures in (self.consumed, self.reserved, self.promises):
            figures.pop(name, None)

    @rule()
    def rebalance(self) -> None:
        before = {swarm_id: swarm.allocated for swarm_id, swarm in self.ledger.swarms.items()}
        limits = allocations.rebalance(self.ledger, self.tick())
        swarms = self.ledger.swarms
        assert limits == {swarm_id: swarm.allocated for swarm_id, swarm in swarms.items()}
        left = self.ledger.config.pool - sum(swarm.minimum for swarm in swarms.values())
        if left < len(swarms):
            assert limits == before
        elif limits:
            assert sum(limits.values()) == self.ledger.config.pool
            share = max(1, left // (2 * len(swarms)))
            assert all(limits[swarm_id] >= swarm.minimum + share for swarm_id, swarm in swarms.items())

    @precondition(lambda self: hasattr(self, "ledger"))
    @rule()
    def store_and_read_again(self) -> None:
        data = picture(self.ledger)
        self.ledger = codec.decode(data, self.ledger.config)
        assert picture(self.ledger) == data

    @invariant()
    def figures_hold_together(self) -> None:
        if not hasattr(self, "ledger"):
            return
        swarms = self.ledger.swarms
        assert {name: swarm.consumed for name, swarm in swarms.items()} == self.consumed
        assert {name: swarm.reserved for name, swarm in swarms.items()} == self.reserved
        assert self.ledger.total_consumed == sum(self.consumed.values())
        assert self.ledger.total_allocated == sum(swarm.allocated for swarm in swarms.values())
        assert self.ledger.total_allocated <= self.ledger.config.pool
        for name, swarm in swarms.items():
            assert swarm.allocated >= self.promises.get(name, 0)
            assert min(swarm.allocated, swarm.consumed, swarm.reserved, swarm.available) >= 0
        assert len(self.ledger.history) <= 50


LedgerMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestLedger: Any = LedgerMachine.TestCase
