"""A pool in a folder of this machine: sums, leases, resets, periods, and what a killed process leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from moai_flow.hook.state import files
from moai_flow.pool import overview, stores
from moai_flow.pool.accounts import LEASE_MILLISECONDS
from moai_flow.pool.definition import Pool
from moai_flow.pool.folder import Folder
from moai_flow.pool.local import LocalPool

NOW = 1_790_000_000.0
HOUR = 3_600.0


def store(state: str, **settings: Any) -> LocalPool:
    settings.setdefault("per", "session")
    return LocalPool(Pool("team", settings.pop("limit", 1_000), **settings), state, "m1")


def consumed(pool: LocalPool, now: float = NOW) -> dict[str, int]:
    return pool.view(now)[0].consumed


def test_sessions_share_one_sum(state: str) -> None:
    """What one session publishes, the answer to the other holds."""
    pool = store(state)
    pool.publish("one", {"main": 100, "backend": 50}, NOW)
    answer, _ = pool.publish("two", {"main": 7}, NOW)
    assert answer.consumed == {"main": 107, "backend": 50}
    assert consumed(pool) == answer.consumed


def test_publishing_twice_changes_nothing(state: str) -> None:
    """Figures are absolute: they take the place of the session's last ones."""
    pool = store(state)
    for total in (100, 100, 250, 250):
        pool.publish("one", {"main": total}, NOW)
    assert consumed(pool) == {"main": 250}


def test_leases_are_granted_while_they_fit(state: str) -> None:
    """Consumed and leased together, of the pool and of the swarm."""
    pool = store(state, swarms={"backend": 300})
    pool.publish("one", {"main": 500}, NOW)
    assert pool.acquire("one", "a", "backend", 200, NOW)
    assert not pool.acquire("two", "b", "backend", 101, NOW)
    assert pool.acquire("two", "c", "backend", 100, NOW)
    assert not pool.acquire("two", "d", "main", 201, NOW)
    assert pool.acquire("two", "e", "main", 200, NOW)
    assert sum(pool.view(NOW)[0].leased.values()) == 500


def test_asking_twice_sets_aside_once(state: str) -> None:
    """A hook that runs twice for one start has one lease."""
    pool = store(state)
    assert pool.acquire("one", "a", "main", 600, NOW)
    assert pool.acquire("one", "a", "main", 600, NOW)
    assert pool.view(NOW)[0].leased == {"main": 600}


def test_a_lease_gives_way_to_what_its_agent_spends(state: str) -> None:
    """Spent and left always make the lease; when it ends, the rest comes back in the same step."""
    pool = store(state)
    pool.acquire("one", "a", "backend", 600, NOW)
    answer, _ = pool.publish("one", {"backend": 250}, NOW, uses={"a": 250})
    assert (answer.consumed, answer.leased) == ({"backend": 250}, {"backend": 350})
    answer, _ = pool.publish("one", {"backend": 400}, NOW, uses={"a": 400}, ended=("a",))
    assert (answer.consumed, answer.leased) == ({"backend": 400}, {})


def test_a_lease_of_a_machine_that_died_ends_by_itself(state: str) -> None:
    """After its time the tokens are free again."""
    pool = store(state)
    assert pool.acquire("one", "a", "main", 1_000, NOW)
    assert not pool.acquire("two", "b", "main", 1, NOW + LEASE_MILLISECONDS / 1000 - 1)
    assert pool.acquire("two", "c", "main", 1_000, NOW + LEASE_MILLISECONDS / 1000 + 1)


def test_a_reset_starts_every_session_again(state: str) -> None:
    """What was published counts no more, what is spent afterwards does; leases go on."""
    pool = store(state)
    pool.publish("one", {"main": 400}, NOW)
    pool.publish("two", {"main": 100}, NOW)
    pool.acquire("one", "a", "main", 300, NOW)
    assert pool.reset(NOW + 1) == 500
    assert consumed(pool, NOW + 1) == {}
    pool.publish("one", {"main": 430}, NOW + 2)
    answer, _ = pool.publish("three", {"main": 5}, NOW + 2)
    assert (answer.consumed, answer.leased) == ({"main": 35}, {"main": 300})


def test_a_period_starts_every_session_again(state: str) -> None:
    """The total of a session's life goes on; the pool counts what is new."""
    pool = store(state, per="1h")
    start = NOW - NOW % HOUR
    pool.publish("one", {"main": 400}, start + 10)
    pool.publish("two", {"main": 100}, start + 10)
    assert consumed(pool, start + HOUR + 1) == {}
    answer, _ = pool.publish("one", {"main": 450}, start + HOUR + 5)
    assert answer.consumed == {"main": 50}
    answer, _ = pool.publish("two", {"main": 100}, start + HOUR + 6)
    assert answer.consumed == {"main": 50}


def test_a_clock_that_was_wrong_for_a_while_costs_nothing(state: str) -> None:
    """Set forward and back again, the period's figures are what they were, and what came in between counts too."""
    pool = store(state, per="1h")
    start = NOW - NOW % HOUR
    pool.publish("one", {"main": 400}, start + 10)
    pool.publish("two", {"main": 40}, start + 10)
    pool.publish("one", {"main": 500}, start + 5 * HOUR)
    answer, _ = pool.publish("one", {"main": 600}, start + 20)
    assert answer.consumed == {"main": 640}


def test_a_session_that_is_rebuilt_never_counts_below_nothing(state: str) -> None:
    """Totals that fell are taken as they are."""
    pool = store(state)
    pool.publish("one", {"main": 400}, NOW)
    pool.reset(NOW + 1)
    answer, _ = pool.publish("one", {"main": 300}, NOW + 2)
    assert answer.consumed.get("main", 0) == 0


# -- files -------------------------------------------------------------------------------------------------------


def test_a_process_killed_between_its_two_files_leaves_a_right_sum(state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The accounts were written, the session's file was not: the next one writes it."""
    pool = store(state)
    pool.publish("one", {"main": 100}, NOW)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            pool.publish("one", {"main": 175}, NOW + 1)
    pool.publish("two", {"main": 1}, NOW + 2)
    accounts, publications = pool.view(NOW + 2)
    assert accounts.consumed == {"main": 176}
    assert {one.session: one.figures for one in publications} == {"one": {"main": 175}, "two": {"main": 1}}
    answer, _ = pool.publish("one", {"main": 175}, NOW + 3)
    assert answer.consumed == {"main": 176}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"period":0}', b"\xff" * 50], ids=repr)
def test_damaged_accounts_are_made_again_from_the_sessions(state: str, content: bytes) -> None:
    """Sums from their files; leases from what each session states."""
    pool = store(state)
    pool.publish("one", {"main": 100}, NOW)
    pool.publish("two", {"main": 30}, NOW)
    pool.acquire("two", "a", "main", 200, NOW)
    Path(state, "pools/team/accounts").write_bytes(content)
    answer, _ = pool.publish("two", {"main": 31}, NOW + 1)
    assert (answer.consumed, answer.leased) == ({"main": 131}, {"main": 200})


@pytest.mark.parametrize("content", [b"", b"{", b"null", b'{"machine":1}', b"\xff" * 50], ids=repr)
def test_a_damaged_file_of_a_session_counts_nothing(state: str, content: bytes) -> None:
    """The next publication of that session states it all."""
    pool = store(state)
    pool.publish("one", {"main": 100}, NOW)
    pool.publish("two", {"main": 30}, NOW)
    Path(state, "pools/team/one.json").write_bytes(content)
    assert consumed(pool) == {"main": 30}
    Path(state, "pools/team/accounts").unlink()
    pool.publish("one", {"main": 120}, NOW + 1)
    assert consumed(pool, NOW + 1) == {"main": 150}


def test_readers_write_nothing(state: str) -> None:
    """Looking at a pool makes no file and takes no lock."""
    pool = store(state)
    pool.view(NOW)
    assert list(Path(state).iterdir()) == []
    pool.publish("one", {"main": 1}, NOW)
    before = {path: path.stat().st_mtime_ns for path in Path(state).rglob("*")}
    lock = Folder(state, "team").lock()
    try:
        assert consumed(pool, NOW + 10) == {"main": 1}
    finally:
        files.close(lock)
    assert {path: path.stat().st_mtime_ns for path in Path(state).rglob("*")} == before


def test_files_are_the_users_own(state: str) -> None:
    """Folders 0700, files 0600."""
    store(state).publish("one", {"main": 1}, NOW)
    modes = {path.name: path.stat().st_mode & 0o777 for path in Path(state).rglob("*")}
    assert modes == {"pools": 0o700, "team": 0o700, "lock": 0o600, "accounts": 0o600, "one.json": 0o600}


def test_old_files_go_with_a_later_period(state: str) -> None:
    """A month after their last change, and not while they are of the current period."""
    pool = store(state, per="1h")
    pool.publish("old", {"main": 1}, NOW)
    path = Path(state, "pools/team/old.json")
    os.utime(path, (NOW - 40 * 86_400, NOW - 40 * 86_400))
    pool.publish("new", {"main": 1}, NOW)
    assert path.exists()
    pool.publish("new", {"main": 2}, NOW + HOUR)
    assert not path.exists()


def test_many_processes_at_once_lose_nothing(state: str) -> None:
    """Eight processes publish and ask for leases: the sum is exact, and no more is granted than fits."""
    program = (
        "import sys; from moai_flow.hook.state import files; from moai_flow.pool.local import LocalPool\n"
        "from moai_flow.pool.definition import Pool\n"
        "pool, name = LocalPool(Pool('team', 1000, 'session'), sys.argv[1], 'm1'), sys.argv[2]; got = 0\n"
        "def ask(work):\n"
        "    while True:\n"
        "        try: return work()\n"
        "        except files.Busy: pass\n"
        "for n in range(1, 11):\n"
        f"    ask(lambda: pool.publish(name, {{'main': n}}, {NOW} + n))\n"
        f"    got += ask(lambda: pool.acquire(name, f'{{name}}{{n}}', 'main', 50, {NOW} + n))\n"
        "print(got)"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", program, state, f"s{n}"], stdout=subprocess.PIPE, text=True)
        for n in range(8)
    ]
    granted = sum(int(worker.communicate(timeout=120)[0]) for worker in workers)
    accounts, _ = store(state).view(NOW + 10)
    assert accounts.consumed == {"main": 80}
    assert accounts.leased == {"main": granted * 50}
    # What was consumed later than the last grant needs no lease.
    assert 18 <= granted <= 20
    assert not store(state).acquire("another", "lease", "main", 1_000 - granted * 50, NOW + 10)


# -- the rule for a store that is away, and the JSON -----------------------------------------------------------


@pytest.mark.parametrize(("rule", "leased"), [("allow", {"backend": 300}), ("deny", {})])
def test_the_pools_rule_decides_while_its_store_is_away(state: str, rule: str, leased: dict[str, int]) -> None:
    """What was allowed is stated with the next publication; what was denied is given back."""
    definition = Pool("team", 1_000, "session", when_away=rule)
    pool = LocalPool(definition, state, "m1")
    pool.publish("one", {"main": 1}, NOW)
    busy = type("Busy", (), {"acquire": lambda *_: (_ for _ in ()).throw(files.Busy("lock"))})()
    decision = stores.lease(busy, definition, state, "one", "a", "backend", 300, NOW)
    assert (decision.is_allowed, decision.is_away) == (rule == "allow", True)
    answer, _ = pool.publish("one", {"main": 1}, NOW + 1)
    assert answer.leased == leased


def test_a_store_that_answers_decides(state: str) -> None:
    """Granted or refused, and not away."""
    definition = Pool("team", 1_000, "session")
    pool = LocalPool(definition, state, "m1")
    first = stores.lease(pool, definition, state, "one", "a", "main", 700, NOW)
    second = stores.lease(pool, definition, state, "one", "b", "main", 700, NOW)
    assert [(one.is_allowed, one.is_away) for one in (first, second)] == [(True, False), (False, False)]


def test_the_overview_has_every_key(state: str) -> None:
    """Exactly these, in tokens and seconds."""
    definition = Pool("team", 1_000, "session", {"backend": 400})
    pool = LocalPool(definition, state, "m1")
    pool.publish("one", {"main": 100}, NOW)
    pool.publish("two", {"backend": 50}, NOW + 5)
    pool.acquire("two", "a", "backend", 200, NOW + 5)
    assert overview.of(definition, *pool.view(NOW + 6)) == {
        "pool": "team",
        "limit": 1_000,
        "per": "session",
        "consumed": 150,
        "leased": 200,
        "available": 650,
        "swarms": {
            "backend": {"limit": 400, "consumed": 50, "leased": 200},
            "main": {"limit": None, "consumed": 100, "leased": 0},
        },
        "sessions": [
            {"session_id": "two", "machine": "m1", "consumed": 50, "seen": NOW + 5},
            {"session_id": "one", "machine": "m1", "consumed": 100, "seen": NOW},
        ],
        "store": "local",
    }
    assert overview.of(Pool("team"), *pool.view(NOW))["available"] is None


def test_hooks_can_afford_a_local_pool() -> None:
    """In a bare interpreter it imports nothing that a hook may not."""
    source = Path(overview.__file__).parents[2]
    program = (
        f"import sys; sys.path.insert(0, {str(source)!r}); before = set(sys.modules)\n"
        "import moai_flow.pool.stores, moai_flow.pool.settings, moai_flow.pool.thresholds, moai_flow.pool.overview\n"
        "print(*[name for name in set(sys.modules) - before if not name.startswith('moai_flow')])"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"__future__", "_json", "_signal", "fcntl", "posix", "time"}
