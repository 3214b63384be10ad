"""Pools under faults, in one process: a simulated clock, network and store drive the real logic.

    python tests/pool/simulation.py 10000          10,000 seeds, from 0 on
    python tests/pool/simulation.py --seed 4711    one seed, and what happened in it

Everything that happens follows from the seed. Messages are lost, doubled and late; machines die and return; clocks
jump; the store is away, is flushed, or fails over to a copy that lacks the last second.
"""

from __future__ import annotations

import argparse
import copy
import heapq
import random
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from moai_flow.pool import membership, period
from moai_flow.pool.accounts import (
    GRANTED,
    LEASE_MILLISECONDS,
    OK,
    STALE,
    Accounts,
    Answer,
    Away,
    Publication,
    Request,
)
from moai_flow.pool.membership import Membership

if TYPE_CHECKING:
    from collections.abc import Callable

START = 1_790_000_000_000
SWARMS = ("backend", "research", "main")
STEPS = 250


class Violation(AssertionError):  # noqa: N818 - a verdict on the code, not an error of the simulation
    """A promise was broken."""


class Store:
    """A pool's store, made of the rules that local pools use."""

    def __init__(self, per: str, now: int) -> None:
        self.per = per
        self.accounts = Accounts(period.number(per, now / 1000), now)
        self.publications: dict[str, Publication] = {}

    def _roll(self, now: int) -> None:
        current = period.number(self.per, now / 1000)
        if current != self.accounts.period:
            self.accounts.begin(current, now)
            # A clock that was set back finds the period's figures again, as the server's keys would be.
            for publication in self.publications.values():
                if publication.period == current:
                    self.accounts.epoch = max(self.accounts.epoch, publication.epoch)
            for publication in self.publications.values():
                if self.accounts.counts(publication):
                    for swarm, tokens in publication.figures.items():
                        self.accounts.sums[swarm] = self.accounts.sums.get(swarm, 0) + tokens

    def publish(self, publication: Publication, now: int) -> Answer:
        """Take a publication."""
        self._roll(now)
        previous = self.publications.get(publication.member)
        word = self.accounts.publish(publication, previous, now)
        if word == OK:
            self.publications[publication.member] = publication
        return self.accounts.answer(word, now, previous.revision if word == STALE and previous else 0)

    def acquire(self, request: Request, now: int) -> Answer:
        """Take a request for a lease."""
        self._roll(now)
        return self.accounts.answer(self.accounts.acquire(request, now), now, lease=request.lease)

    def revisions(self) -> dict[str, int]:
        """Return the newest revision of each member."""
        return {
            name: publication.revision
            for name, publication in self.publications.items()
            if self.accounts.counts(publication)
        }


class Agent:
    """An agent that runs under a lease, or under the rule for a store that is away."""

    def __init__(self, lease: str, session: Session, swarm: str, tokens: int, started: int) -> None:
        self.lease = lease
        self.session = session
        self.swarm = swarm
        self.tokens = tokens
        self.spent = 0
        self.started = started
        self.runs = True
        self.is_excused = False


class Session:
    """A session of a machine: the truth of what it spent, and its file."""

    def __init__(self, machine: Machine, name: str) -> None:
        self.machine = machine
        self.truth = dict.fromkeys(SWARMS, 0)
        self.file = membership.encode(Membership(machine.name, name))
        self.is_over = False
        self.spent_at_reset = 0
        self.published_at_reset = 0

    def load(self) -> Membership:
        """Return the membership, as a hook's process reads it from its file."""
        member = membership.decode(self.file)
        assert member is not None
        return member

    def save(self, member: Membership) -> None:
        """Keep it."""
        self.file = membership.encode(member)


class Machine:
    """A machine with a clock of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.skew = 0
        self.is_up = True
        self.sessions: list[Session] = []
        self.born = 0


class World:
    """One simulated history.

    Args:
        seed: decides everything.
        tell: given a line for each thing that happens.
    """

    def __init__(self, seed: int, tell: Callable[[str], None] = lambda _: None) -> None:
        self.random = random.Random(seed)
        self.tell = tell
        self.now = START + self.random.randrange(3_600_000)
        self.has_resets = self.random.random() < 0.15
        self.has_periods = self.random.random() < 0.15
        self.has_faults = self.random.random() < 0.6
        self.is_bad_network = self.random.random() < 0.6
        self.only_leases = self.random.random() < 0.6
        self.allows = self.random.random() < 0.4
        self.limit = self.random.choice([1_000, 5_000, 20_000])
        self.swarm_limits = {"backend": self.limit // 2}
        self.store = Store("1h" if self.has_periods else "session", self.now)
        self.is_away = False
        self.copies: list[tuple[int, Accounts, dict[str, Publication]]] = []
        self.late: list[tuple[int, int, Callable[[], object]]] = []
        self.agents: list[Agent] = []
        self.excused = 0
        self.before_fault = 0
        self.told_floor: dict[tuple[int, int, str], int] = {}
        self.granted_at: dict[str, int] = {}
        self.stated: dict[tuple[str, int, int, str], int] = {}
        self.count = 0
        self.machines = [Machine(f"m{number}") for number in range(self.random.randint(2, 5))]
        for machine in self.machines:
            for _ in range(self.random.randint(1, 3)):
                self.join(machine)

    # -- the network -----------------------------------------------------------------------------------------

    def send(self, message: Publication | Request) -> Answer:
        """Carry a message to the store and its answer back, or not."""
        luck = self.random.random() if self.is_bad_network else 1.0
        if self.is_away or luck < 0.05:
            raise Away
        if luck < 0.10:
            self._later(message)
            raise Away
        if luck < 0.15:
            self.deliver(message)
            raise Away
        if luck < 0.22:
            self._later(message)
        return self.deliver(message)

    def _later(self, message: Publication | Request) -> None:
        self.count += 1
        at = self.now + self.random.randint(50, 5_000)
        heapq.heappush(self.late, (at, self.count, lambda: self.is_away or self.deliver(message)))

    def deliver(self, message: Publication | Request) -> Answer:
        """Let the store take a message, and hold it to its promises."""
        message = copy.deepcopy(message)
        if isinstance(message, Publication):
            answer = self.store.publish(message, self.now)
        else:
            known_before = message.lease in self.store.accounts.leases
            answer = self.store.acquire(message, self.now)
            if answer.word == GRANTED and not known_before:
                self._check_grant(message, answer)
        if answer.word in (OK, GRANTED) and (answer.period, answer.epoch) == (message.period, message.epoch):
            for swarm, tokens in message.known.items():
                key = (message.period, message.epoch, swarm)
                self.told_floor[key] = max(self.told_floor.get(key, 0), tokens)
        self._check_store()
        return answer

    # -- promises --------------------------------------------------------------------------------------------

    def _check_grant(self, request: Request, answer: Answer) -> None:
        self.granted_at[request.lease] = self.now
        total = sum(answer.consumed.values()) + sum(answer.leased.values())
        own = answer.consumed.get(request.swarm, 0) + answer.leased.get(request.swarm, 0)
        if request.limit is not None and total > request.limit:
            raise Violation(f"{total} consumed and leased of {request.limit}")
        if request.swarm_limit is not None and own > request.swarm_limit:
            raise Violation(f"{own} consumed and leased of {request.swarm_limit} of {request.swarm}")
        if sum(answer.consumed.values()) < self.before_fault:
            # The store has lost what it knew, and nobody has told it yet.
            self.excused += request.tokens

    def _check_order(self) -> None:
        """Hold the store to it that what comes late, or twice, changes nothing: what members spend only grows."""
        for name, publication in self.store.publications.items():
            for swarm, tokens in publication.figures.items():
                key = (name, publication.period, publication.epoch, swarm)
                if tokens < self.stated.get(key, 0):
                    raise Violation(f"{name} went back from {self.stated[key]} to {tokens} in {swarm}")
                self.stated[key] = tokens

    def _check_store(self) -> None:
        self._check_order()
        accounts = self.store.accounts
        consumed = accounts.consumed
        for (told_period, told_epoch, swarm), tokens in self.told_floor.items():
            is_current = (told_period, told_epoch) == (accounts.period, accounts.epoch)
            if is_current and consumed.get(swarm, 0) < tokens:
                raise Violation(f"{swarm}: {consumed.get(swarm, 0)} consumed, but {tokens} were known")
        for lease_id, lease in accounts.leases.items():
            if lease.expires <= self.now:
                raise Violation(f"lease {lease_id} lives past its time")
            granted = self.granted_at.get(lease_id)
            if lease.tokens and granted is not None and lease.expires > granted + LEASE_MILLISECONDS:
                raise Violation(f"lease {lease_id} was given more time")
        sums: dict[str, int] = {}
        for publication in self.store.publications.values():
            if accounts.counts(publication):
                for swarm, tokens in publication.figures.items():
                    sums[swarm] = sums.get(swarm, 0) + tokens
        if {k: v for k, v in sums.items() if v} != {k: v for k, v in accounts.sums.items() if v}:
            raise Violation(f"the sums {accounts.sums} are not those of the publications, {sums}")

    def check_overdraw(self) -> None:
        """Hold what was really spent and set aside against the limit."""
        if not self.only_leases or self.has_resets or self.has_periods:
            return
        out = 0
        for agent in self.agents:
            if not agent.is_excused and self.now >= agent.started + LEASE_MILLISECONDS and not self._is_settled(agent):
                self._excuse(agent)
            if agent.runs and not agent.is_excused:
                out += agent.tokens - agent.spent
        spent = sum(sum(session.truth.values()) for machine in self.machines for session in machine.sessions)
        if spent + out > self.limit + self.excused:
            raise Violation(f"{spent} spent and {out} set aside of {self.limit}, {self.excused} excused")

    def _is_settled(self, agent: Agent) -> bool:
        """Return whether the store has taken what the agent spent."""
        accepted = agent.session.load().accepted_totals
        return not agent.runs and accepted.get(agent.swarm, 0) == agent.session.truth[agent.swarm]

    def _excuse(self, agent: Agent) -> None:
        if not agent.is_excused:
            agent.is_excused = True
            self.excused += agent.tokens

    # -- what happens ----------------------------------------------------------------------------------------

    def join(self, machine: Machine) -> None:
        """Begin a session."""
        self.count += 1
        machine.sessions.append(Session(machine, f"s{self.count}"))

    def session(self) -> Session | None:
        """Choose a session that runs."""
        chosen = [
            session for machine in self.machines if machine.is_up for session in machine.sessions if not session.is_over
        ]
        return self.random.choice(chosen) if chosen else None

    def _clock(self, machine: Machine) -> int:
        return self.now + machine.skew

    def observe(self, session: Session) -> Membership:
        """Return the session's membership with what was spent by now."""
        member = session.load()
        member.spend(session.truth, period.number(self.store.per, self._clock(session.machine) / 1000))
        for agent in self.agents:
            if agent.session is session and agent.runs:
                member.use(agent.lease, agent.spent)
        return member

    def publish(self, session: Session) -> bool:
        """Let a session publish; return whether the store took it."""
        member = self.observe(session)
        try:
            answer = membership.publish(member.apply, self._clock(session.machine), self.send)
        except Away:
            return False
        finally:
            session.save(member)
        if session.machine.born != answer.born:
            session.machine.born = answer.born
            self.reconcile(session.machine)
        return True

    def reconcile(self, machine: Machine) -> None:
        """State anew what the store lacks of a machine's sessions."""
        if self.is_away:
            return
        members = [session.load() for session in machine.sessions]
        current, revisions = self.store.accounts.period, self.store.revisions()
        with suppress(Away):
            membership.reconcile(members, current, revisions, self._clock(machine), self.send)
        for session, member in zip(machine.sessions, members, strict=True):
            session.save(member)

    def spawn(self, session: Session) -> None:
        """Let a session start an agent under a lease, if it gets one."""
        self.count += 1
        lease, swarm = f"l{self.count}", self.random.choice(SWARMS)
        tokens = self.random.randint(1, self.limit // 4)
        member = self.observe(session)
        limits = (self.limit, self.swarm_limits.get(swarm))
        try:
            is_granted = membership.acquire(member.apply, lease, swarm, tokens, limits, self.send)
        except Away:
            is_granted = self.allows
            if is_granted:
                member.hold(lease, swarm, tokens, self.now + LEASE_MILLISECONDS)
            else:
                member.end(lease, self.now + LEASE_MILLISECONDS)
            self.tell(f"{lease}: no answer, {'allowed' if is_granted else 'denied'}")
            if is_granted:
                self.excused += tokens
        session.save(member)
        if is_granted:
            agent = Agent(lease, session, swarm, tokens, self.now)
            self.agents.append(agent)

    def work(self, agent: Agent) -> None:
        """Let an agent spend of its lease."""
        tokens = self.random.randint(0, agent.tokens - agent.spent)
        agent.spent += tokens
        agent.session.truth[agent.swarm] += tokens

    def finish(self, agent: Agent) -> None:
        """Let an agent end."""
        agent.runs = False
        member = self.observe(agent.session)
        member.use(agent.lease, agent.spent)
        member.end(agent.lease, self.now + LEASE_MILLISECONDS)
        agent.session.save(member)

    def die(self, machine: Machine) -> None:
        """Let a machine die with all that runs on it."""
        machine.is_up = False
        for agent in self.agents:
            if agent.session.machine is machine and agent.runs:
                agent.runs = False
        for session in machine.sessions:
            session.is_over = True

    def revive(self, machine: Machine) -> None:
        """Let a machine come back: leases of agents that died with it are over, its sessions are measured anew."""
        machine.is_up = True
        for session in machine.sessions:
            member = self.observe(session)
            for lease in list(member.leases):
                member.end(lease)
            session.save(member)
        self.join(machine)

    def fault(self) -> None:
        """Let the store lose something."""
        accounts = self.store.accounts
        self.before_fault = max(self.before_fault, sum(accounts.consumed.values()))
        self.told_floor = {}
        self.stated = {}
        for agent in self.agents:
            if agent.runs or not self._is_settled(agent):
                self._excuse(agent)
        if self.random.random() < 0.5 or not self.copies:
            self.tell("FLUSHALL")
            self.store = Store(self.store.per, self.now)
        else:
            self.tell("fail-over")
            taken = [entry for entry in self.copies if entry[0] <= self.now - 1_000] or self.copies[:1]
            for agent in self.agents:
                # Settled within the second that is lost.
                if agent.started >= taken[-1][0] - LEASE_MILLISECONDS:
                    self._excuse(agent)
            self.store.accounts, self.store.publications = copy.deepcopy(taken[-1][1:])
        self.copies = []

    def reset(self) -> None:
        """Reset the pool, and note what each session had spent, and knew to be published, by then."""
        self.tell("reset")
        self.store.accounts.reset(self.now)
        self.before_fault = 0
        for machine in self.machines:
            for session in machine.sessions:
                session.spent_at_reset = sum(session.truth.values())
                session.published_at_reset = sum(session.load().accepted_totals.values())

    def _copy(self) -> None:
        self.copies.append((self.now, copy.deepcopy(self.store.accounts), dict(self.store.publications)))
        del self.copies[:-8]

    def step(self) -> None:  # noqa: C901, PLR0912 - one branch for each thing that can happen
        """Let one thing happen."""
        choose = self.random.random
        waited = self.random.choice([1, 10, 100, 1_000, 3_000]) if choose() < 0.98 else LEASE_MILLISECONDS
        until = self.now + waited
        while self.late and self.late[0][0] <= until:
            self.now = max(self.now, self.late[0][0])
            heapq.heappop(self.late)[2]()
        self.now = until
        if self.has_faults and choose() < 0.3:
            self._copy()
        session = self.session()
        running = [agent for agent in self.agents if agent.runs and agent.session.machine.is_up]
        luck = choose()
        if luck < 0.30 and session:
            self.publish(session)
        elif luck < 0.50 and session:
            self.spawn(session)
        elif luck < 0.70 and running:
            self.work(self.random.choice(running))
        elif luck < 0.80 and running:
            self.finish(self.random.choice(running))
        elif luck < 0.86 and session and not self.only_leases:
            session.truth["main"] += self.random.randint(1, 200)
        elif luck < 0.88:
            self.reconcile(self.random.choice(self.machines))
        elif luck < 0.90:
            self.random.choice(self.machines).skew = self.random.choice([0, 0, -3_700_000, 5_000, 7_300_000])
        elif luck < 0.92:
            machine = self.random.choice(self.machines)
            (self.die if machine.is_up else self.revive)(machine)
        elif luck < 0.94 and self.has_faults:
            self.is_away = not self.is_away
        elif luck < 0.955 and self.has_faults:
            self.fault()
        elif luck < 0.965 and self.has_resets and not self.is_away:
            self.reset()
        if self.store.accounts.period != period.number(self.store.per, self.now / 1000):
            self.before_fault = 0
        self.check_overdraw()

    def heal(self) -> None:
        """Let everything work again, each session publish once, and hold the pool to the truth."""
        self._mend()
        for machine in self.machines:
            for session in machine.sessions:
                if not session.is_over:
                    self.publish(session)
            self.reconcile(machine)
        accounts = self.store.accounts
        if self.has_faults:
            # A store that lost a mark of an end may have taken a late request for its lease: for its time only.
            self.now += LEASE_MILLISECONDS
            accounts.expire(self.now)
        if sum(accounts.leased.values()):
            raise Violation(f"{accounts.leases} are left, and no agent runs")
        self._check_sum()

    def _mend(self) -> None:
        self.is_away = self.is_bad_network = False
        while self.late:
            self.now = max(self.now, self.late[0][0])
            heapq.heappop(self.late)[2]()
        for machine in self.machines:
            if not machine.is_up:
                self.revive(machine)
            machine.skew = 0
        for agent in self.agents:
            if agent.runs:
                self.finish(agent)

    def _check_sum(self) -> None:
        accounts = self.store.accounts
        sessions = [session for machine in self.machines for session in machine.sessions]
        expected = dict.fromkeys(SWARMS, 0)
        for session in sessions:
            member = session.load()
            counts = (member.period, member.epoch) == (accounts.period, accounts.epoch)
            figures = (member.figures if counts else {}) if self.has_resets or self.has_periods else session.truth
            for swarm in SWARMS:
                expected[swarm] += figures.get(swarm, 0)
        consumed = {swarm: accounts.consumed.get(swarm, 0) for swarm in SWARMS}
        if consumed != expected:
            raise Violation(f"the pool says {consumed}, the truth is {expected}")
        if self.has_resets and not self.has_periods and not self.has_faults:
            spent = sum(sum(session.truth.values()) for session in sessions)
            least = spent - sum(session.spent_at_reset for session in sessions)
            most = spent - sum(session.published_at_reset for session in sessions)
            if not least <= sum(consumed.values()) <= most:
                raise Violation(f"{consumed} since the reset, but {least} to {most} were spent")

    def run(self) -> None:
        """Let history happen, and then heal."""
        for _ in range(STEPS):
            self.step()
        self.heal()


def run(seeds: range, tell: Callable[[str], None] = lambda _: None) -> list[tuple[int, str]]:
    """Return the seeds that broke a promise, and which one."""
    broken = []
    for seed in seeds:
        try:
            World(seed, tell).run()
        except (AssertionError, KeyError, ValueError) as error:  # noqa: PERF203 - each seed is judged by itself
            broken.append((seed, f"{type(error).__name__}: {error}"))
    return broken


def main() -> int:
    """Run seeds from the command line; the exit code is 1 if one broke a promise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", nargs="?", type=int, default=100)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--seed", type=int)
    arguments = parser.parse_args()
    if arguments.seed is not None:
        World(arguments.seed, print).run()
        return 0
    broken = run(range(arguments.first, arguments.first + arguments.count))
    for seed, problem in broken[:10]:
        sys.stdout.write(f"seed {seed}: {problem}\n")
    sys.stdout.write(f"{arguments.count} seeds, {len(broken)} broke a promise\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
