"""A pool between machines: its figures, leases and resets in a Redis (or Valkey) server.

Never loaded where somebody waits for a hook: redis-py alone takes 100 to 400 ms. What this machine's sessions have
published is kept in the pool's folder too, and is all that is needed to put a server right that was away, was
flushed or has lost its last second.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moai_flow.core import compact_json
from moai_flow.hook.state import files
from moai_flow.pool import membership, period
from moai_flow.pool.accounts import (
    OTHER_PERIOD,
    REFUSED_MILLISECONDS,
    Accounts,
    Answer,
    Away,
    Lease,
    Publication,
    Request,
)
from moai_flow.pool.folder import Folder
from moai_flow.pool.redis_server import connect, load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from moai_flow.pool.definition import Pool
    from moai_flow.pool.membership import Membership, Result

PASSWORD_VARIABLE = "TOKEN_BUDGET_POOL_PASSWORD"  # noqa: S105 - the variable's name

ANSWER_SECONDS = 1.0
"""Seconds to wait for the server: so long may an agent's start be held up."""

RECONCILE_SECONDS = 60.0
"""Seconds after which this machine looks again whether the server has all it was told."""

_SCRIPTS = Path(__file__).parent / "scripts"
_COMMON = str(_SCRIPTS / "common.lua")
_SERVER_FILE = "server"
_REASON_LENGTH = 80


class RedisPool:
    """A pool in a Redis server. Every method raises `Away` when the server gives no answer in time.

    Args:
        pool: its limits and its server's address.
        state: the state folder.
        machine: this machine's id.
        environ: where the server's password is, `TOKEN_BUDGET_POOL_PASSWORD`, if the address has none.

    Raises:
        StateError: redis-py is not installed, or the address is none.
    """

    def __init__(self, pool: Pool, state: str, machine: str, environ: Mapping[str, str] = os.environ) -> None:
        self._pool = pool
        self._folder = Folder(state, pool.name)
        self._machine = machine
        self._client = connect(pool.store, password=environ.get(PASSWORD_VARIABLE), timeout=ANSWER_SECONDS)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    # -- what sessions do ------------------------------------------------------------------------------------

    def publish(
        self,
        session: str,
        totals: Mapping[str, int],
        now: float,
        uses: Mapping[str, int] | None = None,
        ended: tuple[str, ...] = (),
    ) -> tuple[Answer, Membership]:
        """State what a session has spent; as `LocalPool.publish`.

        What is to be said is kept before it is sent: where the server is away, the next publication says it.
        """
        first = period.number(self._pool.per, now)

        def observe(member: Membership) -> None:
            member.spend(totals, first)
            for lease, tokens in (uses or {}).items():
                member.use(lease, tokens)
            for lease in ended:
                member.end(lease)

        update = self._update(session)
        update(observe)
        answer = membership.publish(update, int(now * 1000), self._send)
        self._reconcile_if_due(answer, now)
        return answer, self._folder.load(self._machine, session)

    def acquire(self, session: str, lease: str, swarm: str, tokens: int, now: float) -> bool:
        """Set tokens aside for an agent that is to start; as `LocalPool.acquire`."""
        first = period.number(self._pool.per, now)
        update = self._update(session)
        update(lambda member: member.spend(member.totals, first))
        limits = (self._pool.limit, self._pool.limit_of(swarm))
        return membership.acquire(update, lease, swarm, tokens, limits, self._send)

    def reconcile(self, now: float) -> int:
        """State anew what the server lacks of this machine's sessions, ended ones too; return how many."""
        members = list(self._folder.members())
        current, revisions = self._revisions([member.name for member in members], now)
        count = 0
        for member in members:
            count += membership.reconcile(
                [member], current, revisions, int(now * 1000), self._send, self._update(member.session)
            )
        return count

    def reset(self, now: float) -> int:
        """Take the pool's consumption back to 0 and return what it was (tokens); leases go on."""
        current = period.number(self._pool.per, now)
        answer = self._run("reset", current, 0, {})
        if answer.word == OTHER_PERIOD:
            answer = self._run("reset", answer.period, 0, {})
        return sum(answer.consumed.values())

    def view(self, now: float) -> tuple[Accounts, list[Publication]]:
        """Return the accounts and what each session of the period has stated; nothing is changed."""
        current = period.number(self._pool.per, now)
        reply = self._reply("view", current, 0, {})
        if reply[0] == OTHER_PERIOD.encode():
            current = int(reply[2])
            reply = self._reply("view", current, 0, {})
        answer = _answer(reply)
        accounts = Accounts(current, answer.born)
        accounts.epoch = answer.epoch
        accounts.floors = answer.consumed
        for swarm, tokens in answer.leased.items():
            accounts.leases[swarm] = Lease(swarm, tokens, answer.now + 1, "")
        rows = [item.decode() for item in reply[9]]
        return accounts, [
            _stored(name, value, current, answer.epoch) for name, value in zip(rows[::2], rows[1::2], strict=True)
        ]

    # -- the file of a session -------------------------------------------------------------------------------

    def _update(self, session: str) -> membership.Update:
        def update(change: Callable[[Membership], Result]) -> Result:
            lock = self._folder.lock()
            try:
                member = self._folder.load(self._machine, session)
                result = change(member)
                self._folder.save(member)
            finally:
                files.close(lock)
            return result

        return update

    def _reconcile_if_due(self, answer: Answer, now: float) -> None:
        path = f"{self._folder.path}/{_SERVER_FILE}"
        kept = files.read(path, 256) or b""
        born, _, looked = kept.decode("ascii", "replace").partition(" ")
        is_known = born == str(answer.born) and looked.isdigit()
        if is_known and 0 <= now - int(looked) < RECONCILE_SECONDS:
            return
        # Noted first: of many sessions that publish now, one looks.
        files.replace(path, f"{answer.born} {int(now)}".encode(), f".{os.getpid()}")
        self.reconcile(now)

    def _revisions(self, names: list[str], now: float) -> tuple[int, dict[str, int]]:
        """Return the server's period, and the newest revision that it has of each member."""
        accounts, publications = self.view(now)
        wanted = set(names)
        return accounts.period, {one.member: one.revision for one in publications if one.member in wanted}

    # -- the server ------------------------------------------------------------------------------------------

    def _send(self, message: Publication | Request) -> Answer:
        if isinstance(message, Request):
            return self._run(
                "acquire",
                message.period,
                message.epoch,
                message.known,
                message.member,
                message.lease,
                message.swarm,
                message.tokens,
                message.duration,
                "" if message.limit is None else message.limit,
                "" if message.swarm_limit is None else message.swarm_limit,
                REFUSED_MILLISECONDS,
            )
        return self._run(
            "publish",
            message.period,
            message.epoch,
            message.known,
            message.member,
            message.revision,
            compact_json.encode(message.figures),
            compact_json.encode([[lease, *held] for lease, held in message.leases.items()]),
            compact_json.encode([[lease, expires] for lease, expires in message.ended.items()]),
        )

    def _run(self, name: str, current: int, epoch: int, known: Mapping[str, int], *arguments: str | int) -> Answer:
        return _answer(self._reply(name, current, epoch, known, *arguments))

    def _reply(self, name: str, current: int, epoch: int, known: Mapping[str, int], *arguments: str | int) -> Any:
        # Imported by `connect` already: what is not installed was said there.
        import redis  # noqa: PLC0415

        # One slot of a cluster for a pool, and keys of their own for each period.
        place = f"token-budget:{{{self._pool.name}}}"
        keys = [f"{place}:{current}:sums", f"{place}:{current}:sessions", f"{place}:leases"]
        per = self._pool.per
        head: list[str | int] = [
            current,
            period.length(per),
            period.shift(per),
            epoch,
            compact_json.encode(dict(known)),
        ]
        try:
            return load(str(_SCRIPTS / "common.lua"), str(_SCRIPTS / f"{name}.lua")).run(
                self._client, keys, [*head, *arguments]
            )
        except redis.RedisError as error:
            raise Away(_reason(error)) from error


def _reason(error: Exception) -> str:
    """Return why there is no answer: what the server says, else the kind of error, which names no address."""
    import redis  # noqa: PLC0415

    # Of these redis-py makes kinds of connection errors.
    refusals = (redis.exceptions.ResponseError, redis.exceptions.AuthenticationError)
    return str(error)[:_REASON_LENGTH] if isinstance(error, refusals) else type(error).__name__


def _answer(reply: Any) -> Answer:
    word, now, current, epoch, born, revision, expires, consumed, leased = reply[:9]
    return Answer(
        word.decode(),
        int(now),
        int(current),
        int(epoch),
        int(born),
        _figures(consumed),
        _figures(leased),
        int(revision),
        int(expires),
    )


def _figures(flat: list[bytes]) -> dict[str, int]:
    return {swarm.decode(): int(tokens) for swarm, tokens in zip(flat[::2], flat[1::2], strict=True)}


def _stored(name: str, value: str, current: int, epoch: int) -> Publication:
    machine, _, session = name.partition("/")
    revision, seen, figures = value.split("|", 2)
    return Publication(
        machine,
        session,
        period=current,
        epoch=epoch,
        revision=int(revision),
        figures={swarm: int(tokens) for swarm, tokens in compact_json.decode(figures).items()},
        seen=int(seen),
    )
