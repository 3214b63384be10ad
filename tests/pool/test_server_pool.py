"""A pool in a real Redis server: machines, partitions, a server that is killed, flushed, or asks for a password."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis
from support.proxy import Proxy
from support.redis_process import MISSING, PROGRAM, RedisProcess, free_port

from moai_flow.core.errors import StateError
from moai_flow.pool import membership
from moai_flow.pool.accounts import Away
from moai_flow.pool.definition import Pool
from moai_flow.pool.folder import Folder
from moai_flow.pool.redis_store import RedisPool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Machine = Callable[..., RedisPool]

SPAWNER = str(Path(__file__).with_name("spawner.py"))


@pytest.fixture
def machine(server: RedisProcess, tmp_path: Path) -> Iterator[Machine]:
    """Give a machine's part in the pool: a state folder and an id of its own."""
    opened = []

    def made(name: str, url: str = server.url, **settings: Any) -> RedisPool:
        settings = {"limit": 1_000, "per": "session", **settings}
        pool = RedisPool(Pool("team", store=url, **settings), str(tmp_path / name), name, settings.pop("environ", {}))
        opened.append(pool)
        return pool

    yield made
    for pool in opened:
        pool.close()


def figures(pool: RedisPool) -> tuple[int, int]:
    """Return tokens consumed and leased, as the server has them."""
    accounts, publications = pool.view(time.time())
    assert sum(sum(one.figures.values()) for one in publications) <= sum(accounts.consumed.values())
    return sum(accounts.consumed.values()), sum(accounts.leased.values())


def flush(server: RedisProcess) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.flushall()


def test_machines_share_one_sum(machine: Machine) -> None:
    """Sessions of two machines, and two of one; leases of one are seen by the other."""
    here, there = machine("here"), machine("there")
    here.publish("one", {"main": 100}, time.time())
    here.publish("two", {"backend": 20}, time.time())
    answer, _ = there.publish("one", {"main": 3}, time.time())
    assert answer.consumed == {"main": 103, "backend": 20}
    assert there.acquire("one", "a", "backend", 800, time.time())
    assert not here.acquire("one", "b", "backend", 78, time.time())
    answer, _ = there.publish("one", {"main": 3, "backend": 500}, time.time(), uses={"a": 500}, ended=("a",))
    assert (answer.consumed, answer.leased) == ({"main": 103, "backend": 520}, {})


def test_a_reset_is_heard_by_every_machine(machine: Machine) -> None:
    """What was published counts no more; what is spent afterwards does."""
    here, there = machine("here"), machine("there")
    here.publish("one", {"main": 100}, time.time())
    there.publish("two", {"main": 10}, time.time())
    assert here.reset(time.time()) == 110
    there.publish("two", {"main": 15}, time.time())
    answer, _ = here.publish("one", {"main": 101}, time.time())
    assert answer.consumed == {"main": 6}


def test_keys_go_when_the_period_is_over(machine: Machine, server: RedisProcess) -> None:
    """The server's clock says when; a pool without periods keeps its for a month after the last word."""
    machine("here", per="1h").publish("one", {"main": 1}, time.time())
    machine("here", per="1h").acquire("one", "a", "main", 1, time.time())
    with redis.Redis.from_url(server.url) as client:
        lives = {key.decode().split("}:")[1]: client.ttl(key) for key in client.keys("token-budget:*")}
        period = str(int(time.time() // 3_600))
        left = 3_600 - time.time() % 3_600
        assert set(lives) == {f"{period}:sums", f"{period}:sessions", "leases"}
        assert abs(lives[f"{period}:sums"] - left) < 5
        assert abs(lives[f"{period}:sessions"] - left) < 5
        assert lives["leases"] > 0
        client.flushall()
        machine("here").publish("one", {"main": 1}, time.time())
        assert all(0 < client.ttl(key) <= 30 * 86_400 for key in client.keys("token-budget:*"))


def test_a_clock_that_is_wrong_here_does_not_matter(machine: Machine) -> None:
    """The period is the server's; a session begun by a wrong clock is in it too."""
    here = machine("here", per="1h")
    here.publish("one", {"main": 5}, time.time() - 7_200)
    answer, _ = here.publish("one", {"main": 9}, time.time() + 7_200)
    assert answer.period == int(time.time() // 3_600)
    assert sum(answer.consumed.values()) == 9


# -- away, lost, flushed -----------------------------------------------------------------------------------------


def test_while_the_server_is_away_nothing_is_lost(machine: Machine, server: RedisProcess) -> None:
    """Each try says so within a second or so; the first one that arrives states everything."""
    proxy = Proxy(server.port)
    here = machine("here", proxy.url)
    here.publish("one", {"main": 10}, time.time())
    proxy.is_down, proxy.lose = True, "request"
    for total in (20, 30):
        started = time.monotonic()
        with pytest.raises(Away):
            here.publish("one", {"main": total}, time.time())
        assert time.monotonic() - started < 3
    proxy.is_down = False
    answer, _ = here.publish("one", {"main": 30}, time.time())
    assert answer.consumed == {"main": 30}
    proxy.close()


def test_a_server_that_hangs_is_away_after_a_second(machine: Machine) -> None:
    """An agent's start is held up no longer."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        here = machine("here", f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        started = time.monotonic()
        with pytest.raises(Away):
            here.acquire("one", "a", "main", 1, time.time())
        assert time.monotonic() - started < 2


@pytest.mark.parametrize("lost", ["request", "reply"])
def test_a_lost_message_is_put_right_by_the_next(machine: Machine, server: RedisProcess, lost: str) -> None:
    """Whether the server had heard it or not."""
    proxy = Proxy(server.port)
    here = machine("here", proxy.url)
    here.publish("one", {"main": 10}, time.time())
    for asked in (
        lambda: here.acquire("one", "a", "main", 50, time.time()),
        lambda: here.publish("one", {"main": 40}, time.time()),
    ):
        proxy.lose = lost
        with pytest.raises(Away):
            asked()
    assert here.acquire("one", "a", "main", 50, time.time())
    answer, _ = here.publish("one", {"main": 60}, time.time(), uses={"a": 20}, ended=("a",))
    assert (answer.consumed, answer.leased) == ({"main": 60}, {})
    proxy.close()


def test_after_a_flush_the_sum_is_right_when_each_machine_has_published(machine: Machine, server: RedisProcess) -> None:
    """Ended sessions come from this machine's files; a lease that runs comes back for the rest of its time."""
    here, there = machine("here"), machine("there")
    here.publish("ended", {"main": 100}, time.time())
    here.publish("one", {"main": 50}, time.time())
    there.publish("two", {"main": 7}, time.time())
    assert there.acquire("two", "a", "backend", 300, time.time())
    flush(server)
    here.publish("one", {"main": 51}, time.time())
    there.publish("two", {"main": 7}, time.time())
    assert figures(here) == (158, 300)


def test_a_flushed_server_does_not_grant_the_limit_again(machine: Machine, server: RedisProcess) -> None:
    """Whoever asks first says what it knew of the pool, though nobody has published yet."""
    here, there = machine("here"), machine("there")
    here.publish("one", {"main": 900}, time.time())
    there.publish("two", {"main": 50}, time.time())
    flush(server)
    assert not there.acquire("two", "a", "main", 51, time.time())
    assert there.acquire("two", "b", "main", 50, time.time())


def test_a_server_that_is_killed_and_started_again_goes_on(own_server: RedisProcess, machine: Machine) -> None:
    """With its file, nothing was lost; without it, everything is stated again."""
    here, there = machine("here", own_server.url), machine("there", own_server.url)
    here.publish("one", {"main": 100}, time.time())
    assert here.acquire("one", "a", "main", 200, time.time())
    own_server.kill()
    with pytest.raises(Away):
        there.publish("two", {"main": 5}, time.time())
    own_server.start()
    there.publish("two", {"main": 5}, time.time())
    assert figures(there) == (105, 200)
    own_server.kill()
    shutil.rmtree(own_server.folder / "appendonlydir")
    own_server.start()
    here.publish("one", {"main": 120}, time.time(), uses={"a": 20})
    there.publish("two", {"main": 5}, time.time())
    assert figures(there) == (125, 180)


def test_what_the_server_lost_of_an_ended_session_is_stated_again(machine: Machine, server: RedisProcess) -> None:
    """A copy that lacked the last second knows an older figure; this machine looks after a minute."""
    here = machine("here")
    here.publish("ended", {"main": 100}, time.time() - 100)
    with redis.Redis.from_url(server.url) as client:
        key = "token-budget:{team}:0:sessions"
        kept = client.hget(key, "here/ended")
        here.publish("ended", {"main": 160}, time.time() - 99)
        client.hset(key, "here/ended", kept)
        client.hset("token-budget:{team}:0:sums", "c:main", 100)
    here.publish("one", {"main": 1}, time.time())
    assert figures(here) == (161, 0)


def test_a_killed_hook_leaves_what_it_was_to_say(machine: Machine, tmp_path: Path) -> None:
    """Its membership was kept before it was sent."""
    here = machine("here")
    here.publish("one", {"main": 1}, time.time())
    program = (
        "import sys, time, os; from moai_flow.pool.redis_store import RedisPool\n"
        "from moai_flow.pool.definition import Pool\n"
        "pool = RedisPool(Pool('team', 1000, 'session', store=sys.argv[1]), sys.argv[2], 'here')\n"
        "pool._send = lambda message: os.kill(os.getpid(), 9)\n"
        "pool.publish('one', {'main': 70}, time.time())"
    )
    done = subprocess.run([sys.executable, "-c", program, here._pool.store, str(tmp_path / "here")], check=False)
    assert done.returncode == -9
    assert figures(here)[0] == 1
    assert here.reconcile(time.time()) == 1
    assert figures(here)[0] == 70


# -- who may -----------------------------------------------------------------------------------------------------


def test_the_password_comes_from_the_environment(own_server: RedisProcess, state: str) -> None:
    """Or from the address; a wrong one is said."""
    with redis.Redis.from_url(own_server.url) as client:
        client.config_set("requirepass", "hunter2")
    definition = Pool("team", 1_000, "session", store=own_server.url)
    with pytest.raises(Away, match=r"unauthenticated|uthentication"):
        RedisPool(definition, state, "m", {}).publish("one", {"main": 1}, time.time())
    with pytest.raises(Away, match="invalid username-password pair"):
        RedisPool(definition, state, "m", {"TOKEN_BUDGET_POOL_PASSWORD": "x"}).view(time.time())
    store = RedisPool(definition, state, "m", {"TOKEN_BUDGET_POOL_PASSWORD": "hunter2"})
    assert store.publish("one", {"main": 1}, time.time())[0].consumed == {"main": 1}


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_tls(tmp_path: Path, state: str) -> None:
    """With the authorities that the address names; without them the server is not trusted."""
    if PROGRAM is None:
        pytest.skip(MISSING)
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    port = free_port()
    options = ["--tls-port", str(port), "--tls-cert-file", str(certificate), "--tls-key-file", str(key)]
    server = RedisProcess(
        tmp_path / "redis", *options, "--tls-ca-cert-file", str(certificate), "--tls-auth-clients", "no"
    )
    try:
        address = f"rediss://localhost:{port}/0"
        trusted = Pool("team", 1_000, "session", store=f"{address}?ssl_ca_certs={certificate}")
        answer, _ = RedisPool(trusted, state, "m").publish("one", {"main": 1}, time.time())
        assert answer.consumed == {"main": 1}
        with pytest.raises(Away):
            RedisPool(Pool("team", 1_000, "session", store=address), state, "m").view(time.time())
    finally:
        server.stop()


def test_without_redis_py_the_error_says_what_to_install(state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the extra."""
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(StateError, match=r"\[redis\]"):
        RedisPool(Pool("team", store="redis://localhost"), state, "m")


# -- many machines at once ---------------------------------------------------------------------------------------


def spawns(server: RedisProcess, place: Path, count: int, tokens: int, rounds: int) -> list[list[str]]:
    """Let so many agents start at once on eight machines, again and again; return what became of each."""
    workers = []
    for number in range(count):
        name = f"machine{number % 8}"
        arguments = [server.url, str(place / name), name, f"session{number}", str(tokens)]
        workers.append(
            subprocess.Popen(
                [sys.executable, SPAWNER, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        )
    assert {say(worker) for worker in workers} == {"ready"}
    outcomes = []
    for turn in range(rounds):
        flush(server)
        for number, worker in enumerate(workers):
            assert worker.stdin is not None
            worker.stdin.write(f"lease{turn}-{number}\n")
            worker.stdin.flush()
        outcomes.append(sorted(say(worker) for worker in workers))
    for worker in workers:
        worker.communicate()
    return outcomes


def say(worker: subprocess.Popen[str]) -> str:
    """Return the next line of a process."""
    assert worker.stdout is not None
    return worker.stdout.readline().strip()


def test_no_more_agents_start_than_fit(server: RedisProcess, tmp_path: Path) -> None:
    """Sixteen at once from eight machines against a budget for five: exactly five."""
    assert spawns(server, tmp_path, 16, 200_000, 3) == [["0"] * 11 + ["1"] * 5] * 3


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_exactly_twenty_of_sixty_four_start_in_fifty_runs(server: RedisProcess, tmp_path: Path) -> None:
    """Sixty-four at once from eight machines against a budget for twenty, fifty times: exactly twenty.

    On a machine that is too busy to answer within the second that a spawn may wait, one that got no answer does not
    start, and fewer do.
    """
    runs = spawns(server, tmp_path, 64, 50_000, 50)
    answered = [run for run in runs if not any(said.endswith("away") for said in run)]
    assert answered == [["0"] * 44 + ["1"] * 20] * len(answered)
    assert len(answered) >= 40
    assert all(run.count("1") <= 20 for run in runs)


def test_a_thousand_sessions(machine: Machine) -> None:
    """All are counted and shown."""
    here = machine("here", limit=10**9)
    for number in range(1_000):
        member = membership.Membership("here", f"s{number}")
        member.spend({"main": number}, 0)
        membership.publish(member.apply, int(time.time() * 1000), here._send)
    accounts, publications = here.view(time.time())
    assert len(publications) == 1_000
    assert accounts.consumed == {"main": 499_500}


def test_files_of_this_machine_are_its_own(machine: Machine, tmp_path: Path) -> None:
    """A pool in a server leaves its sessions' memberships here, and nobody else's."""
    machine("here").publish("one", {"main": 1}, time.time())
    machine("there").publish("two", {"main": 1}, time.time())
    assert Folder(str(tmp_path / "here"), "team").sessions() == ["one"]
