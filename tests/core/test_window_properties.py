"""Measurements and estimates in any order: the figures always add up, and the last measurement is the truth."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from moai_flow.core import codec
from moai_flow.core.ledger import Ledger
from moai_flow.core.settlement import add_estimate, settle
from moai_flow.core.swarm import MAIN, Swarm
from moai_flow.core.window import CALL, COMPACTION, PROMPT, REPLY, RESULT, UNCLAIMED, Estimate, Measurement, Window
from moai_flow.resource import BudgetConfig

TOKENS = st.integers(0, 5_000)
SWARMS = st.sampled_from([MAIN, "backend", "frontend"])


class Conversation:
    """What really happens in a window: the figures that a transcript would show after each message."""

    def __init__(self) -> None:
        self.occupancy = 0
        self.waiting = 0
        self.messages: list[Measurement] = []
        self.calls: list[tuple[str, int]] = []
        self.compactions: list[str] = []

    def bring_in(self, tokens: int) -> None:
        self.waiting += tokens

    def respond(self, output: int, calls: int) -> None:
        number = len(self.messages)
        earlier = [call for call, _ in self.calls]
        made = [f"call-{number}-{index}" for index in range(calls)]
        self.calls += [(call, number) for call in made]
        self.occupancy += self.waiting + output
        self.waiting = 0
        self.write(f"message-{number}", output, calls=made, earlier=earlier, ended=not made)

    def compact(self, occupancy: int) -> None:
        message = f"{COMPACTION}{len(self.messages)}"
        self.compactions.append(message)
        self.occupancy = min(self.occupancy, occupancy)
        self.waiting = 0
        self.write(message, 0, earlier=[call for call, _ in self.calls], ended=True)

    def write(self, message: str, output: int, **seen: Any) -> None:
        place = 1_000 * len(self.messages)
        self.messages.append(
            Measurement(
                self.occupancy,
                output,
                message,
                place,
                transcript_bytes=place + 1_000,
                compactions=tuple(self.compactions),
                **seen,
            )
        )


class WindowMachine(RuleBasedStateMachine):
    """The main window's conversation, its hooks, and a transcript that lags."""

    own = MAIN
    isolated = False

    @initialize()
    def begin(self) -> None:
        self.ledger = Ledger(BudgetConfig())
        self.ledger.add(Swarm(MAIN, 0, 0.0, open_ended=True))
        for name in ("backend", "frontend"):
            self.ledger.add(Swarm(name, 50_000, 0.0, isolated=self.isolated))
        self.window = self.ledger.windows[MAIN] = Window(MAIN, self.own)
        self.talk = Conversation()
        self.keys = 0
        self.was_reset = False

    def owner(self, swarm: str) -> str:
        return swarm if self.own == MAIN and swarm in self.ledger.swarms else self.own

    def estimate(self, key: str, role: str, swarm: str, tokens: int, **place: Any) -> None:
        add_estimate(self.ledger, self.window, Estimate(key, role, self.owner(swarm), "text", tokens, **place), 1.0)

    def seen(self, lag: int) -> Measurement | None:
        return self.talk.messages[-1 - lag] if len(self.talk.messages) > lag else None

    @rule(real=TOKENS, guess=TOKENS, hooked=st.booleans())
    def prompt(self, *, real: int, guess: int, hooked: bool) -> None:
        self.talk.bring_in(real)
        if hooked:
            self.keys += 1
            self.estimate(f"prompt-{self.keys}", PROMPT, MAIN, guess, after=self.window.message)

    @rule(output=TOKENS, calls=st.integers(0, 3))
    def respond(self, output: int, calls: int) -> None:
        self.talk.respond(output, calls)

    @precondition(lambda self: self.talk.calls)
    @rule(
        which=st.integers(0, 5), real=TOKENS, guess=TOKENS, swarm=SWARMS, lag=st.integers(0, 1), times=st.integers(1, 2)
    )
    def tool_ended(self, which: int, real: int, guess: int, swarm: str, lag: int, times: int) -> None:
        """The hook of one of the last calls runs, once or twice, and may see a transcript that lags."""
        call, number = self.talk.calls[-1 - which % len(self.talk.calls)]
        if number == len(self.talk.messages) - 1:
            self.talk.bring_in(real)
        measured = self.seen(lag)
        for _ in range(times):
            if measured is not None:
                settle(self.ledger, self.window, measured, 1.0)
                if call in measured.earlier:
                    continue
            size = measured.transcript_bytes if measured is not None else 0
            after = measured.message if measured is not None and call in measured.calls else ""
            self.estimate(call, RESULT, swarm, guess, after=after, offset=size)
            if not after:
                self.estimate(call, CALL, self.own, guess, after=after, offset=size)

    @rule(guess=TOKENS)
    def turn_ended(self, guess: int) -> None:
        """The last reply is estimated while the transcript does not show it."""
        self.keys += 1
        self.estimate(f"reply-{self.keys}", REPLY, MAIN, guess, after=self.window.message)
        self.talk.respond(guess // 2, 0)

    @precondition(lambda self: self.talk.messages)
    @rule(occupancy=TOKENS)
    def compact(self, occupancy: int) -> None:
        self.talk.compact(occupancy)

    @precondition(lambda self: self.talk.messages)
    @rule(lag=st.integers(0, 3), times=st.integers(1, 3))
    def measure(self, lag: int, times: int) -> None:
        """A measurement comes twice, or late."""
        measured = self.seen(lag)
        if measured is not None:
            settle(self.ledger, self.window, measured, 2.0)
            once = codec.encode(self.ledger)
            for _ in range(times - 1):
                settle(self.ledger, self.window, measured, 2.0)
                assert codec.encode(self.ledger) == once

    @rule(swarm=SWARMS)
    def reset(self, swarm: str) -> None:
        self.was_reset |= swarm == self.own != MAIN
        self.ledger.reset(swarm, 3.0)

    @precondition(lambda self: self.own == MAIN)
    @rule(swarm=st.sampled_from(["backend", "frontend"]))
    def deallocate(self, swarm: str) -> None:
        self.ledger.deallocate(swarm, 3.0)

    @invariant()
    def figures_add_up(self) -> None:
        if not hasattr(self, "ledger"):
            return
        shared = [swarm for swarm in self.ledger.swarms.values() if not swarm.isolated]
        assert self.ledger.total_consumed == sum(swarm.consumed for swarm in shared)
        assert all(swarm.consumed >= 0 for swarm in self.ledger.swarms.values())
        assert all(part > 0 for part in self.window.holdings.values()) or self.isolated
        assert sum(self.window.holdings.values()) == self.window.occupancy
        if self.isolated:
            return
        for swarm in shared:
            assert swarm.consumed == self.held(swarm.swarm_id)
        assert self.ledger.total_consumed == self.window.tokens - self.held(UNCLAIMED)
        assert self.was_reset or not self.held(UNCLAIMED)

    def held(self, swarm: str) -> int:
        """Return what a swarm has in the window, measured and estimated."""
        pending = [estimate.tokens for estimate in self.window.pending.values() if estimate.swarm == swarm]
        return self.window.holdings.get(swarm, 0) + sum(pending)

    def teardown(self) -> None:
        """Whatever happened before, the measurement of a turn that ended is the truth."""
        if not hasattr(self, "ledger"):
            return
        self.talk.respond(7, 0)
        last = self.talk.messages[-1]
        settle(self.ledger, self.window, last, 4.0)
        assert self.window.occupancy == self.window.tokens == self.talk.occupancy
        assert self.window.is_exact
        self.figures_add_up()
        if self.isolated and not self.was_reset:
            assert self.ledger.swarms[self.own].consumed >= self.talk.occupancy


class IsolatedWindowMachine(WindowMachine):
    """A subagent's window, whose swarm's consumption is all that was brought in."""

    own = "backend"
    isolated = True


class PooledWindowMachine(WindowMachine):
    """A subagent's window that counts in the same pool as the main window (`"subagents": "shared"`)."""

    own = "backend"


LIMITS = settings(max_examples=60, stateful_step_count=30, deadline=None)
WindowMachine.TestCase.settings = LIMITS
IsolatedWindowMachine.TestCase.settings = LIMITS
PooledWindowMachine.TestCase.settings = LIMITS
TestSharedWindow: Any = WindowMachine.TestCase
TestIsolatedWindow: Any = IsolatedWindowMachine.TestCase
TestPooledWindow: Any = PooledWindowMachine.TestCase
