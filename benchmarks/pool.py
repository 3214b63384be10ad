"""What pools and a budget in a server cost: publications, `pool status`, `consume`, many clients on one key.

It starts a `redis-server` of its own on a loopback port. Figures of the server's way are ratios within one run.
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import redis
from running import options, tell

from moai_flow.pool import overview, stores
from moai_flow.pool.definition import Pool
from moai_flow.resource import BudgetConfig, TokenBudget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SESSIONS = 1_000
CLIENTS = 32
SECONDS = 2.0
BATCH = 50
SWARM = "swarm-backend"

CLIENT = """
import sys, time
from moai_flow.resource import BudgetConfig, TokenBudget
budget = TokenBudget(config=BudgetConfig(total_budget=10**12), state_url=sys.argv[1], state_key="team")
budget.consume(sys.argv[3], 0)
print("ready", flush=True)
sys.stdin.readline()
end, count = time.perf_counter() + float(sys.argv[2]), 0
while time.perf_counter() < end:
    count += budget.consume(sys.argv[3], 1)
print(count)
"""


@contextmanager
def server() -> Iterator[str]:
    """Run a server, as Debian sets it up but for its place, and give its address."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        sys.exit("no redis-server (or valkey-server) on this machine: apt-get install redis-server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        address = f"redis://127.0.0.1:{port}/0"
        with redis.Redis.from_url(address) as client:
            while True:
                try:
                    client.ping()
                    break
                except redis.ConnectionError:
                    time.sleep(0.02)
        yield address
        process.terminate()
        process.wait()


def milliseconds(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    started = perf_counter()
    work()
    return (perf_counter() - started) * 1000


def pool_figures(pool: Pool, place: str, rounds: int) -> tuple[float, float, float]:
    """Return, with 1,000 sessions in a pool: ms of a publication, ms of a status, bytes of a session on disk."""
    store = stores.open_store(pool, place, "machine", os.environ, 0)
    now = time.time()
    for number in range(SESSIONS):
        store.publish(f"session-{number:04d}", {"main": number, "backend": 5 * number}, now)
    publications = [
        milliseconds(lambda number=number: store.publish(f"session-{number:04d}", {"main": number + 1}, time.time()))
        for number in range(rounds)
    ]
    status = [milliseconds(lambda: overview.of(pool, *store.view(time.time()))) for _ in range(max(5, rounds // 10))]
    folder = Path(place, "pools", pool.name)
    size = sum(path.stat().st_size for path in folder.glob("session-*.json")) / SESSIONS
    return statistics.median(publications), statistics.median(status), size


def consume_ratio(address: str, rounds: int) -> float:
    """Return how long `consume` takes, over redis-py's own INCRBY, one client each."""
    budget = TokenBudget(config=BudgetConfig(total_budget=10**12), state_url=address, state_key="team")
    budget.allocate_swarm(SWARM, 10**11)
    plain = redis.Redis.from_url(address)

    def batch(call: Callable[[], object]) -> float:
        return milliseconds(lambda: [call() for _ in range(BATCH)])

    ratios = []
    for _ in range(rounds):
        by_hand = batch(lambda: plain.incrby("counter", 1))
        ratios.append(batch(lambda: budget.consume(SWARM, 1)) / by_hand)
    plain.close()
    return statistics.median(ratios)


def together(address: str, count: int) -> list[int]:
    """Return how many calls each of `count` processes gets done on one key in the same two seconds."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", CLIENT, address, str(SECONDS), SWARM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    return [int(worker.communicate()[0]) for worker in workers]


def clients_ratio(address: str, pairs: int) -> tuple[float, float]:
    """Return what 32 clients get done over what one does, and the least busy of them over the busiest."""
    ratios, fairness = [], []
    for _ in range(pairs):
        alone = sum(together(address, 1))
        many = together(address, CLIENTS)
        ratios.append(sum(many) / ((alone + sum(together(address, 1))) / 2))
        fairness.append(min(many) / max(many))
    return statistics.median(ratios), statistics.median(fairness)


def main() -> None:
    """Measure all of it."""
    arguments = options(__doc__, 200)
    rows: list[tuple[str, float, float]] = []
    with server() as address, tempfile.TemporaryDirectory() as place:
        for kind, where in (("a folder", "local"), ("a server", address)):
            pool = Pool(f"bench-{where[:5]}", 10**9, "session", store=where)
            publication, status, size = pool_figures(pool, place, arguments.rounds)
            rows.append((f"1,000 sessions, pool in {kind}: a publication, ms", publication, 5.0))
            rows.append((f"1,000 sessions, pool in {kind}: its status, ms", status, 200.0))
            print(f"pool in {kind}: {size:.0f} bytes a session on this machine")
        with redis.Redis.from_url(address) as client:
            keys = list(client.scan_iter("token-budget:*"))
            used = sum(client.memory_usage(key, samples=0) or 0 for key in keys)
            print(f"pool in a server: {used / SESSIONS:.0f} bytes a session there")
        rows.append(("`consume` through a server / redis-py's INCRBY", consume_ratio(address, arguments.rounds), 2.5))
        ratio, fairness = clients_ratio(address, max(1, arguments.rounds // 60))
        print(f"32 clients: the least busy does {fairness:.2f} of what the busiest does")
        rows.append(("32 clients on one key / one client (at least 1)", ratio, 1.0))
    tell(__file__, rows, arguments)


if __name__ == "__main__":
    main()
