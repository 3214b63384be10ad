"""A budget's state in a Redis (or Valkey) server, shared by processes on many machines.

Counting (`consume`, `record`, `reserve`, `release`) is one script in the server and one round trip. Everything else
is read, changed here with the library's own code, and stored if it is still what was read; a client that finds it
changed waits for the claim, which goes round in the order of asking. So every change is all or nothing, and no client
starves.

Every request has a number. A lost answer is asked for again under the same number, so it never counts twice.
"""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from moai_flow.core import codec, compact_json, notices
from moai_flow.core.errors import (
    ConnectionLostError,
    CorruptStateError,
    LockTimeoutError,
    NewerStateError,
    StateError,
)
from moai_flow.core.ledger import HISTORY_LENGTH, Ledger
from moai_flow.core.names import is_swarm_name
from moai_flow.pool.redis_server import connect, load, public_address
from moai_flow.resource.forking import renew_after_fork

if TYPE_CHECKING:
    from collections.abc import Callable

    from moai_flow.core.config import BudgetConfig
    from moai_flow.resource.state_file import Result
    from moai_flow.resource.token_budget import Counted

TIMEOUT = 10.0
"""Seconds to wait for an answer that was lost, and for others that change the state."""

UNREACHABLE_SECONDS = 1.0
"""Seconds to try for, where nothing was sent yet."""

REMEMBERED_SECONDS = 3_600
"""How long the server remembers a client's last request."""

MAX_EXACT = 2**53 - 1
"""Tokens that the server's arithmetic, in doubles, is exact for."""

CLAIM_MILLISECONDS = 2_000
_BATON_SECONDS = 0.25
_TRIES = 4
_WAIT, _NOT_HERE = -1, -2
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.2
_SCRIPTS = Path(__file__).parent / "scripts"
_COUNT, _STORE, _SETTLE, _PASS = (str(_SCRIPTS / f"{name}.lua") for name in ("count", "store", "settle", "claim"))


class RedisState:
    """A ledger in a Redis server that several processes share.

    Args:
        url: the server's address.
        key: the name of the state there.
        config: the settings of the ledger that is read.
        clock: tells the seconds since the epoch.
        timeout: seconds to wait for an answer, and for others that change the state.

    Raises:
        StateError: redis-py is not installed, or the address is none.
    """

    def __init__(
        self,
        url: str,
        key: str,
        config: BudgetConfig,
        *,
        clock: Callable[[], float] = time.time,
        timeout: float = TIMEOUT,
    ) -> None:
        self._client = connect(url, timeout=timeout)
        self._config = config
        self._timeout = timeout
        self._clock = clock
        self._name = f"{public_address(url)} {key}"
        place = f"token-budget-state:{{{key}}}"
        self._state, self._history = f"{place}:ledger", f"{place}:history"
        self._claim, self._baton = f"{place}:claim", f"{place}:baton"
        self._clients = f"{place}:client:"
        self.renew_lock()
        renew_after_fork(self)

    def renew_lock(self) -> None:
        """Take a lock and an id of this process's own: a forked one must not answer for its parent's requests."""
        self._lock = threading.RLock()
        self._own = self._clients + os.urandom(12).hex()
        self._keys = [self._state, self._history, self._own, self._claim]
        self._number = 0
        self._doubtful: tuple[ConnectionLostError, int, Callable[[int], object]] | None = None

    def change(self, operation: Callable[[Ledger], Result], counted: Counted | None = None) -> Result:
        """Apply `operation` to the ledger and store what it became; return what it returned.

        It may be applied several times, to what the state was each time; one that returns False changed nothing.

        Args:
            operation: the change.
            counted: (action, swarm, tokens) where the operation does no more than count: one round trip does it.

        Raises:
            ConnectionLostError: an answer was lost; its `made` says whether the change was made.
            LockTimeoutError: others kept the state for too long.
            StateError: the state is damaged or was written by a newer version.
        """
        with self._lock:
            try:
                if counted is not None and is_swarm_name(counted[1]) and counted[2] <= MAX_EXACT:
                    done = self._count(*counted)
                    if done is not None:
                        return cast("Result", done)
                return self._change(operation)
            except ConnectionLostError as error:
                lost = error
                lost.on_retry(lambda: self._settle(lost), lambda: self.change(operation, counted))
                raise

    # -- reading ---------------------------------------------------------------------------------------------

    def read(self) -> Ledger:
        """Return the ledger as it is now; a missing state is an empty ledger.

        Raises:
            ConnectionLostError: the server gives no answer; nothing was changed.
            StateError: the state is damaged or was written by a newer version.
        """
        with self._lock:
            return self._read()[0]

    def _read(self) -> tuple[Ledger, str]:
        """Return the ledger and its version."""

        def ask() -> tuple[dict[bytes, bytes], list[bytes]]:
            pipeline = self._client.pipeline(transaction=True)
            pipeline.hgetall(self._state)
            pipeline.lrange(self._history, -HISTORY_LENGTH, -1)
            fields, entries = pipeline.execute()
            return fields, entries

        fields, entries = self._ask(ask, changes=False)
        data = fields.get(b"ledger")
        if data is None:
            return Ledger(self._config), (fields.get(b"version") or b"0").decode()
        try:
            ledger = codec.decode(data, self._config)
            for swarm_id, swarm in ledger.swarms.items():
                name = swarm_id.encode()
                ledger.charge(swarm, int(fields[b"c:" + name]) - swarm.consumed, 0.0)
                swarm.reserved = int(fields[b"r:" + name])
                swarm.last_updated = float(fields[b"u:" + name])
            for entry in entries:
                at, swarm_id, action, tokens = compact_json.decode(entry.decode("ascii"))
                ledger.note(at, swarm_id, action, tokens)
        except NewerStateError as error:
            raise NewerStateError(f"{self._name}: {error}; update moai-flow-token-budget") from error
        except (CorruptStateError, KeyError, ValueError, TypeError) as error:
            raise CorruptStateError(f"{self._name}: the state makes no sense ({error}); choose another key") from error
        return ledger, fields[b"version"].decode()

    # -- changing --------------------------------------------------------------------------------------------

    def _count(self, action: str, swarm_id: str, tokens: int) -> bool | None:
        """Let the server count tokens of a swarm.

        None if it cannot: the figures are beyond `MAX_EXACT`, or a threshold is crossed, which is counted here.
        """
        number = self._begin()
        clock, most = repr(self._clock()), self._config.pool
        request = f"{number} {action} {swarm_id} {tokens} {clock} {most} {REMEMBERED_SECONDS}"

        def ask(*who: str) -> int:
            run = load(_COUNT).run
            return self._request(number, lambda: run(self._client, self._keys, [request, *who]), bool)

        reply = ask()
        if reply == _WAIT:
            reply = self._wait_for_claim(ask)
        return None if reply == _NOT_HERE else bool(reply)

    def _change(self, operation: Callable[[Ledger], Result]) -> Result:
        number = self._begin()
        ledger, version = self._read()
        result = operation(ledger)
        if result is False or self._store(number, ledger, version, "", result) == 1:
            return result
        # Another change came first: from now on in the order of asking.
        with _Claim(self) as who:
            while True:
                ledger, version = self._read()
                result = operation(ledger)
                if result is False or self._store(number, ledger, version, who, result) == 1:
                    return result

    def _store(self, number: int, ledger: Ledger, version: str, who: str, result: object) -> int:
        entries = ledger.history
        ledger._history = []  # noqa: SLF001 - it is kept in a list of its own
        fields: list[Any] = [
            "version",
            int(version) + 1,
            "ledger",
            codec.encode(ledger),
            "total",
            ledger.total_consumed,
        ]
        for swarm_id, swarm in ledger.swarms.items():
            fields += [f"a:{swarm_id}", swarm.allocated, f"c:{swarm_id}", swarm.consumed]
            fields += [f"r:{swarm_id}", swarm.reserved, f"u:{swarm_id}", repr(swarm.last_updated)]
            # With warnings off, no crossing needs counting.
            fields += [f"n:{swarm_id}", swarm.notified_person if self._config.enable_warnings else notices.CRITICAL]
        arguments = [number, REMEMBERED_SECONDS, who, version, len(fields), *fields]
        arguments += [compact_json.encode(entry) for entry in entries]
        return int(
            self._request(number, lambda: load(_STORE).run(self._client, self._keys, arguments), lambda _: result)
        )

    # -- waiting for others ----------------------------------------------------------------------------------

    def _wait_for_claim(self, ask: Callable[..., int]) -> int:
        """Ask again while somebody has the claim; after some tries, in the order of asking."""
        pause = _FIRST_PAUSE
        for _ in range(_TRIES):
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            pause *= 2
            reply = ask()
            if reply != _WAIT:
                return reply
        while True:
            with _Claim(self) as who:
                reply = ask(who)
            if reply != _WAIT:
                return reply

    def take_claim(self, who: str) -> None:
        """Wait for the claim, in the order of asking, however long the queue is as long as it moves.

        Raises:
            LockTimeoutError: somebody kept it, and nothing was changed, for the whole timeout.
        """
        word, version = "take", ""
        deadline = time.monotonic() + self._timeout
        while not self._claims(word, who):
            if time.monotonic() >= deadline:
                before, version = version, self._version()
                if version == before:
                    raise LockTimeoutError(
                        f"{self._name}: another process kept the state for more than {self._timeout:g} seconds"
                    )
                deadline = time.monotonic() + self._timeout
            found = self._ask(lambda: self._client.blpop([self._baton], timeout=_BATON_SECONDS), changes=False)
            word = "follow" if found else "take"

    def give_claim(self, who: str) -> None:
        """Give the claim to the client that waits longest."""
        self._claims("give", who)

    def _version(self) -> str:
        return str(self._ask(lambda: self._client.hget(self._state, "version"), changes=False))

    def _claims(self, word: str, who: str) -> bool:
        arguments: list[str | int] = [word, who, CLAIM_MILLISECONDS]
        keys = [self._claim, self._baton]
        return bool(self._ask(lambda: load(_PASS).run(self._client, keys, arguments), changes=False))

    # -- requests that never count twice ---------------------------------------------------------------------

    def _begin(self) -> int:
        """Return the number of a new request, after what became of a doubtful one is known."""
        if self._doubtful is not None:
            self._settle(self._doubtful[0])
        self._number += 1
        return self._number

    def _request(self, number: int, ask: Callable[[], Any], outcome: Callable[[int], object]) -> int:
        try:
            return int(self._ask(ask, changes=True))
        except ConnectionLostError as error:
            if error.made is None:
                self._doubtful = (error, number, outcome)
            raise

    def _settle(self, error: ConnectionLostError) -> None:
        """Find out what became of a doubtful request, and see that it does not happen any more if it has not."""
        with self._lock:
            if self._doubtful is None or self._doubtful[0] is not error:
                return
            _, number, outcome = self._doubtful
            arguments = [number, REMEMBERED_SECONDS]
            reply = int(self._ask(lambda: load(_SETTLE).run(self._client, [self._own], arguments), changes=False))
            error.made = reply >= 0
            if error.made:
                error.result = outcome(reply)
            self._doubtful = None

    def _ask(self, ask: Callable[[], Any], *, changes: bool) -> Any:
        """Return an answer; a connection that is lost is made anew, and the same is asked again.

        Raises:
            ConnectionLostError: no answer came in time.
            StateError: the server refuses.
        """
        import redis

        was_sent = False
        started = time.monotonic()
        pause = _FIRST_PAUSE
        while True:
            try:
                return ask()
            except redis.exceptions.AuthenticationError as error:
                raise StateError(f"{self._name}: the server refuses the password ({error})") from error
            except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
                was_sent = was_sent or _may_have_arrived(error)
                if time.monotonic() - started > (self._timeout if was_sent else UNREACHABLE_SECONDS):
                    is_doubtful = changes and was_sent
                    made = None if is_doubtful else False
                    raise ConnectionLostError(_sentence(self._name, is_doubtful), made=made) from error
            except redis.exceptions.RedisError as error:
                raise StateError(f"{self._name}: the server refuses ({error})") from error
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)


def _may_have_arrived(error: Exception) -> bool:
    """Return whether a request may have reached the server: not while no connection could be made."""
    import redis

    cause = error.__cause__ or error.__context__
    is_refused = isinstance(cause, (ConnectionRefusedError, FileNotFoundError))
    return not is_refused and not isinstance(error, redis.exceptions.BusyLoadingError)


def _sentence(name: str, is_doubtful: bool) -> str:  # noqa: FBT001 - which of two sentences
    if is_doubtful:
        return (
            f"{name}: the connection was lost, and it is not known whether the change was made; "
            "this error's retry() finds out, and makes it if it was not"
        )
    return f"{name}: the server cannot be reached; the change was not made"


class _Claim:
    """The claim, held inside a `with` block; its value is who holds it."""

    def __init__(self, state: RedisState) -> None:
        self._state = state
        self._who = os.urandom(12).hex()

    def __enter__(self) -> str:
        self._state.take_claim(self._who)
        return self._who

    def __exit__(self, *_: object) -> None:
        self._state.give_claim(self._who)
