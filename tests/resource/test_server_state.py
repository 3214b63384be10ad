"""A budget in a Redis server: lost answers, a server that is killed, and many processes at once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import redis
from support.proxy import Proxy

from moai_flow.pool.redis_server import public_address
from moai_flow.resource import (
    BudgetConfig,
    ConnectionLostError,
    CorruptStateError,
    LockTimeoutError,
    StateError,
    TokenBudget,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.redis_process import RedisProcess


def budget_on(url: str, **settings: Any) -> TokenBudget:
    return TokenBudget(config=BudgetConfig(**settings), state_url=url, state_key="team")


@pytest.fixture
def proxy(server: RedisProcess) -> Iterator[Proxy]:
    proxy = Proxy(server.port)
    yield proxy
    proxy.close()


def hurry(budget: TokenBudget, seconds: float = 0.3) -> TokenBudget:
    """Let a budget wait for lost answers no longer than a test can."""
    budget._state._timeout = seconds  # type: ignore[union-attr]
    return budget


# -- shared ----------------------------------------------------------------------------------------------------


def test_budgets_on_one_key_are_one(server: RedisProcess) -> None:
    """What one does the other sees, history and warnings too; another key is another budget."""
    first, second = budget_on(server.url), budget_on(server.url)
    first.allocate_swarm("s", 1_000)
    assert first.consume("s", 800)
    assert first.should_warn("s")[0]
    assert second.get_global_status() == first.get_global_status()
    assert second.get_history() == first.get_history()
    assert second.consume("s", 200)
    assert not first.consume("s", 1)
    other = TokenBudget(config=BudgetConfig(), state_url=server.url, state_key="other")
    assert other.get_balance("s") == -1


def test_history_keeps_the_last_fifty(server: RedisProcess) -> None:
    """However many changes, in the server or here."""
    budget = budget_on(server.url)
    budget.allocate_swarm("s", 1_000)
    for number in range(130):
        assert budget.consume("s", number % 3)
    history = budget.get_history()
    assert [entry["tokens"] for entry in history] == [number % 3 for number in range(80, 130)]
    budget.reset("s")
    assert len(budget.get_history()) == 50


def test_figures_beyond_exact_arithmetic_stay_exact(server: RedisProcess) -> None:
    """The server counts in doubles; what is larger is counted here."""
    budget = budget_on(server.url)
    budget.allocate_swarm("s", 10)
    with redis.Redis.from_url(server.url) as client:
        client.hset("token-budget-state:{team}:ledger", mapping={"c:s": 2**53 - 1, "total": 2**53 - 1})
    for _ in range(3):
        assert budget.record("s", 1)
    assert budget.get_global_status()["total_consumed"] == 2**53 + 2
    assert budget.release_reservation("s", 10**12)


def test_a_crossing_is_counted_once_though_the_server_counts(server: RedisProcess) -> None:
    """The threshold that a count crosses is noticed, by whichever process counts."""
    first, second = budget_on(server.url), budget_on(server.url)
    first.allocate_swarm("s", 1_000)
    for budget, tokens, warnings in (
        (first, 740, 0),
        (second, 20, 1),
        (first, 20, 1),
        (second, 150, 2),
        (first, 10, 2),
    ):
        assert budget.consume("s", tokens)
        assert first.get_global_status()["swarms"]["s"]["warnings_issued"] == warnings


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("no one's", id="a space"),
        pytest.param("\ud800", id="half a character"),
        pytest.param("", id="none"),
    ],
)
def test_a_name_that_no_swarm_has_is_unknown(server: RedisProcess, name: str) -> None:
    """Never an error, never a key in the server."""
    budget = budget_on(server.url)
    assert not budget.consume(name, 1)
    assert not budget.reserve(name, 1)
    assert budget.get_balance(name) == -1


def test_damaged_state_is_said(server: RedisProcess) -> None:
    """Bytes that were not written are an error that names server and key, and no password."""
    budget_on(server.url).allocate_swarm("s", 10)
    with redis.Redis.from_url(server.url) as client:
        client.hset("token-budget-state:{team}:ledger", "ledger", "damage")
    with pytest.raises(CorruptStateError, match=r"127\.0\.0\.1:\d+/0 team"):
        budget_on(server.url)


# -- lost connections ------------------------------------------------------------------------------------------

CHANGES = [
    pytest.param(lambda budget: budget.consume("s", 5), 5, True, id="counted in the server"),
    pytest.param(lambda budget: budget.consume("s", 5_000), 0, False, id="refused in the server"),
    pytest.param(lambda budget: budget.consume("s", 5, critical=True), 5, True, id="changed here"),
]


@pytest.mark.parametrize("lost", ["request", "reply"])
@pytest.mark.parametrize(("change", "consumed", "result"), CHANGES)
def test_a_lost_answer_is_asked_for_again(proxy: Proxy, lost: str, change: Any, consumed: int, result: bool) -> None:
    """Whether the request or its answer was lost: the call returns as ever, and counts once."""
    budget = budget_on(proxy.url)
    budget.allocate_swarm("s", 1_000)
    proxy.lose = lost
    assert change(budget) is result
    assert proxy.lose == "", "nothing was lost"
    assert budget.get_global_status()["total_consumed"] == consumed


@pytest.mark.parametrize("lost", ["request", "reply"])
@pytest.mark.parametrize(("change", "consumed", "result"), CHANGES)
def test_a_retry_never_counts_twice(proxy: Proxy, lost: str, change: Any, consumed: int, result: bool) -> None:
    """While the server stays away the error says that nobody knows; `retry` finds out, and makes it if it was not."""
    budget = hurry(budget_on(proxy.url))
    budget.allocate_swarm("s", 1_000)
    proxy.marker = b"EVALSHA"
    proxy.lose = lost
    proxy.is_down = True
    with pytest.raises(ConnectionLostError, match="not known whether") as caught:
        change(budget)
    assert caught.value.made is None
    with pytest.raises(ConnectionLostError):
        caught.value.retry()
    proxy.is_down = False
    assert caught.value.retry() is result
    assert caught.value.retry() is result
    assert budget.get_global_status()["total_consumed"] == consumed


def test_what_became_of_it_is_known_after_the_next_call(proxy: Proxy) -> None:
    """The next call asks first; a request that had not arrived can no longer do so."""
    budget = hurry(budget_on(proxy.url))
    budget.allocate_swarm("s", 1_000)
    errors = []
    for lost in ("request", "reply"):
        proxy.lose, proxy.is_down = lost, True
        with pytest.raises(ConnectionLostError) as caught:
            budget.consume("s", 5)
        proxy.is_down = False
        assert budget.consume("s", 100)
        errors.append(caught.value)
    assert [error.made for error in errors] == [False, True]
    assert errors[1].retry() is True
    assert budget.get_global_status()["total_consumed"] == 205
    assert errors[0].retry() is True
    assert errors[0].retry() is True
    assert budget.get_global_status()["total_consumed"] == 210


def test_a_server_that_cannot_be_reached_is_said_to_have_changed_nothing(own_server: RedisProcess) -> None:
    """Nothing was sent: `made` is False, within a second or two."""
    budget = budget_on(own_server.url)
    budget.allocate_swarm("s", 10)
    own_server.kill()
    started = time.monotonic()
    with pytest.raises(ConnectionLostError):
        # What was sent into the old connection may have arrived.
        hurry(budget).consume("s", 1)
    with pytest.raises(ConnectionLostError, match="was not made") as caught:
        budget.consume("s", 1)
    assert caught.value.made is False
    assert time.monotonic() - started < 5
    assert isinstance(caught.value, (StateError, ConnectionError))


def test_a_killed_server_loses_nothing_that_was_acknowledged(own_server: RedisProcess) -> None:
    """Killed and started again while a thread counts: every True is there, and no more than one beside them."""
    budget = budget_on(own_server.url, total_budget=10**9)
    budget.allocate_swarm("s", 10**8)
    counted, stop = [0], threading.Event()

    def count() -> None:
        while not stop.is_set():
            counted[0] += budget.consume("s", 1)

    thread = threading.Thread(target=count)
    thread.start()
    for _ in range(3):
        time.sleep(0.15)
        own_server.kill()
        own_server.start()
    time.sleep(0.1)
    stop.set()
    thread.join()
    assert counted[0] > 10
    assert budget.get_global_status()["total_consumed"] == counted[0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_counts_for_itself(server: RedisProcess) -> None:
    """It does not take its parent's last answer for its own."""
    budget = budget_on(server.url)
    budget.allocate_swarm("s", 100)
    assert budget.consume("s", 1)
    program = (
        "import os, sys; from moai_flow.resource import TokenBudget, BudgetConfig\n"
        "budget = TokenBudget(config=BudgetConfig(), state_url=sys.argv[1], state_key='team')\n"
        "budget.consume('s', 1); child = os.fork()\n"
        "got = budget.consume('s', 2)\n"
        "os.waitpid(child, 0) if child else os._exit(not got)"
    )
    subprocess.run([sys.executable, "-c", program, server.url], check=True, timeout=60)
    assert budget.get_global_status()["total_consumed"] == 6


# -- who may, and where ----------------------------------------------------------------------------------------


def test_a_wrong_password_is_said_and_not_shown(own_server: RedisProcess) -> None:
    """The address in an error has no password."""
    with redis.Redis.from_url(own_server.url) as client:
        client.config_set("requirepass", "hunter2")
    address = f"127.0.0.1:{own_server.port}/0"
    with pytest.raises(StateError, match="password") as caught:
        budget_on(f"redis://:wrong-secret@{address}")
    assert "wrong-secret" not in str(caught.value)
    assert budget_on(f"redis://:hunter2@{address}").allocate_swarm("s", 10)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        pytest.param("redis://user:secret@host:6379/0", "redis://host:6379/0", id="user and password"),
        pytest.param("rediss://host/1?ssl_ca_certs=/a@b", "rediss://host/1", id="options"),
        pytest.param("secret", "the address", id="no address"),
    ],
)
def test_addresses_are_shown_without_secrets(url: str, shown: str) -> None:
    """Errors name the server and nothing more."""
    assert public_address(url) == shown


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        pytest.param({"state_url": 5}, TypeError, id="no text"),
        pytest.param({"state_url": "http://x"}, StateError, id="another scheme"),
        pytest.param({"state_url": "redis://x", "state_key": "a b"}, ValueError, id="a key with a space"),
        pytest.param({"state_url": "redis://x", "state_path": "y"}, TypeError, id="a file too"),
    ],
)
def test_arguments_are_checked(arguments: dict[str, Any], error: type[Exception]) -> None:
    """A wrong argument is an error before anything is sent."""
    pytest.importorskip("redis")
    with pytest.raises(error):
        TokenBudget(config=BudgetConfig(), **arguments)


# -- many at once ----------------------------------------------------------------------------------------------

WORKER = """
import sys, time
from moai_flow.resource import TokenBudget, BudgetConfig
budget = TokenBudget(config=BudgetConfig(total_budget=10**9), state_url=sys.argv[1], state_key="team")
name, turns = sys.argv[2], int(sys.argv[3])
budget.get_balance("s")
print("ready", flush=True)
sys.stdin.readline()
longest = 0.0
for _ in range(turns):
    started = time.monotonic()
    assert budget.allocate_swarm(name, 10)
    assert budget.consume("s", 1)
    assert budget.consume(name, 1)
    assert budget.deallocate_swarm(name)
    longest = max(longest, time.monotonic() - started)
print(longest)
"""


def longest_wait(server: RedisProcess, processes: int, turns: int) -> float:
    """Let processes count and change one state at once; return the longest that one of them waited, in seconds."""
    budget = budget_on(server.url, total_budget=10**9)
    budget.allocate_swarm("s", 10**8)
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, server.url, f"w{number}", str(turns)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    longest = max(float(worker.communicate(timeout=600)[0]) for worker in workers)
    status = budget.get_global_status()
    assert status["total_consumed"] == processes * turns
    assert list(status["swarms"]) == ["s"]
    return longest


def test_processes_that_change_the_whole_state_at_once_lose_nothing(server: RedisProcess) -> None:
    """Allocating, counting and removing, in each other's way all the time: exact, and everybody gets a turn."""
    assert longest_wait(server, 8, 10) < 10


@pytest.mark.slow
def test_two_hundred_processes_on_one_key(server: RedisProcess) -> None:
    """Exact, and nobody starves."""
    assert longest_wait(server, 200, 3) < 60


def test_a_process_that_died_with_the_claim_holds_nobody_up(server: RedisProcess) -> None:
    """Its claim is over after two seconds, for counting and for changing."""
    budget = budget_on(server.url)
    budget.allocate_swarm("s", 100)
    with redis.Redis.from_url(server.url) as client:
        client.set("token-budget-state:{team}:claim", "dead", px=500)
    assert budget.consume("s", 1)
    with redis.Redis.from_url(server.url) as client:
        client.set("token-budget-state:{team}:claim", "dead", px=500)
    assert budget.allocate_swarm("t", 100)


def test_a_claim_that_is_kept_is_an_error_that_says_so(server: RedisProcess) -> None:
    """Like the lock of a state file."""
    budget = hurry(budget_on(server.url), 1.0)
    budget.allocate_swarm("s", 100)
    with redis.Redis.from_url(server.url) as client:
        client.set("token-budget-state:{team}:claim", "kept")
    with pytest.raises(LockTimeoutError, match="more than 1 seconds"):
        budget.allocate_swarm("t", 100)
    with pytest.raises(LockTimeoutError):
        budget.consume("s", 1)
