"""The scripts in the server follow the rules of `accounts`, to the token."""

from __future__ import annotations

import copy
import random
import time
from typing import TYPE_CHECKING

import pytest

from moai_flow.pool.accounts import OK, STALE, Accounts, Answer, Publication, Request
from moai_flow.pool.definition import Pool
from moai_flow.pool.redis_store import RedisPool

if TYPE_CHECKING:
    from support.redis_process import RedisProcess

SWARMS = ("a", "b", "c")


class Model:
    """The same pool in memory; it is told the server's time."""

    def __init__(self) -> None:
        self.accounts: Accounts | None = None
        self.publications: dict[str, Publication] = {}

    def take(self, message: Publication | Request, told: Answer) -> Answer:
        """Answer as the store should have, at the time that it told."""
        now = told.now
        if self.accounts is None:
            self.accounts = Accounts(0, now)
        accounts = self.accounts
        if isinstance(message, Request):
            return accounts.answer(accounts.acquire(message, now), now, lease=message.lease)
        previous = self.publications.get(message.member)
        word = accounts.publish(message, previous, now)
        if word == OK:
            self.publications[message.member] = message
        return accounts.answer(word, now, previous.revision if word == STALE and previous else 0)


def random_message(choose: random.Random, epochs: list[int], now: int) -> Publication | Request:
    member = choose.choice(["m1/s1", "m1/s2", "m2/s3"])
    epoch = choose.choice(epochs)
    known = {swarm: choose.randrange(500) for swarm in SWARMS if choose.random() < 0.2}
    lease = f"l{choose.randrange(8)}"
    if choose.random() < 0.5:
        return Request(
            lease,
            member,
            choose.choice(SWARMS),
            choose.randint(1, 400),
            choose.choice([30, 60_000]),
            limit=choose.choice([None, 1_500, 10**15]),
            swarm_limit=choose.choice([None, 600]),
            period=0,
            epoch=epoch,
            known=known,
        )
    machine, _, session = member.partition("/")
    return Publication(
        machine,
        session,
        period=0,
        epoch=epoch,
        revision=choose.randint(1, 9),
        figures={swarm: choose.choice([0, choose.randrange(900), 10**15]) for swarm in SWARMS if choose.random() < 0.7},
        leases={lease: (choose.choice(SWARMS), choose.randrange(300), now + choose.choice([-5, 25, 60_000]))}
        if choose.random() < 0.5
        else {},
        ended={f"l{choose.randrange(8)}": now + choose.choice([-5, 30, 60_000])} if choose.random() < 0.4 else {},
        known=known,
    )


def seen(answer: Answer) -> dict[str, object]:
    """Return an answer as it can be compared: a swarm at 0 is as good as none."""
    values = {slot: getattr(answer, slot) for slot in Answer.__slots__}
    for name in ("consumed", "leased"):
        values[name] = {swarm: tokens for swarm, tokens in values[name].items() if tokens}
    if answer.word not in ("granted", "ended"):
        del values["expires"]
    return values


@pytest.mark.parametrize("seed", range(25))
def test_scripts_answer_as_the_accounts_do(server: RedisProcess, state: str, seed: int) -> None:
    """Any messages, in any order, with resets: every answer is the same, field by field."""
    choose = random.Random(seed)
    store = RedisPool(Pool("p", 1, "session", store=server.url), state, "m1")
    model = Model()
    epochs = [0]
    for _ in range(60):
        now = int(time.time() * 1000)
        if choose.random() < 0.04 and model.accounts is not None:
            store.reset(time.time())
            epoch = store.view(time.time())[0].epoch
            model.accounts._adopt(epoch)
            epochs.append(epoch)
            continue
        if choose.random() < 0.05:
            time.sleep(0.035)
        message = random_message(choose, epochs, now)
        told = store._send(message)
        expected = model.take(copy.deepcopy(message), told)
        if model.accounts is not None and model.accounts.born != told.born:
            expected.born = model.accounts.born = told.born
        assert seen(told) == seen(expected), message
    store.close()
