"""The state file among processes: no update is lost, and the same check finds every design that loses some."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("fcntl", reason="the designs are compared with POSIX locks")

import state_designs as designs

from moai_flow.core import allocations
from moai_flow.resource import BudgetConfig, LockTimeoutError, TokenBudget, state_file

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKER = str(Path(designs.__file__))
PROCESSES = 8


def start(design: str, path: Path, charges: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, WORKER, design, str(path), str(charges)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def lost_and_met(design: str, path: Path, charges: int) -> tuple[int, int]:
    """Let eight processes charge a counter at once; return the charges lost and how often two were inside."""
    designs.begin(design, str(path))
    workers = [start(design, path, charges) for _ in range(PROCESSES)]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    met = sum([int(worker.communicate()[0]) for worker in workers])
    return PROCESSES * charges - designs.counted(design, str(path)), met


@pytest.mark.parametrize("design", designs.SOUND)
def test_no_charge_is_lost(tmp_path: Path, design: str) -> None:
    """Eight processes that charge at once: the sum is exact, and never were two inside."""
    assert lost_and_met(design, tmp_path / "state.json", 25) == (0, 0)


@pytest.mark.parametrize("design", designs.BROKEN)
def test_the_check_catches_broken_designs(tmp_path: Path, design: str) -> None:
    """The same check, on designs that are known to lose updates, finds lost ones and two inside."""
    lost, met = lost_and_met(design, tmp_path / "state.json", 25)
    assert lost > 0
    assert met > 0


def test_budgets_of_several_processes_and_threads_are_one(tmp_path: Path) -> None:
    """`TokenBudget` objects on one file, used by threads of several processes, never allow more than the limit."""
    state = tmp_path / ".swarm/token_budget.json"
    TokenBudget(config=BudgetConfig(), state_path=state).allocate_swarm("s", 100)
    program = (
        "import sys, threading; from moai_flow.resource import TokenBudget, BudgetConfig\n"
        "budget = TokenBudget(config=BudgetConfig(), state_path=sys.argv[1]); got = []\n"
        "def work():\n    for _ in range(10): got.append(budget.consume('s', 1))\n"
        "threads = [threading.Thread(target=work) for _ in range(4)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]; print(sum(got))"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", program, str(state)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    allowed = [int(worker.communicate()[0]) for worker in workers]
    assert sum(allowed) == 100
    assert TokenBudget(config=BudgetConfig(), state_path=state).get_balance("s") == 0


def test_threads_share_a_budget_in_memory() -> None:
    """Eight threads never lose a token nor pass the limit."""
    budget = TokenBudget(config=BudgetConfig())
    budget.allocate_swarm("s", 4_000)
    allowed: list[int] = []
    barrier = threading.Barrier(8)

    def work() -> None:
        barrier.wait()
        allowed.append(sum(budget.consume("s", 1) for _ in range(1_000)))

    threads = [threading.Thread(target=work) for _ in range(8)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert sum(allowed) == 4_000
    assert budget.get_global_status()["total_consumed"] == 4_000


def test_a_killed_process_loses_nothing_it_was_told(tmp_path: Path) -> None:
    """Killed at any moment, a process leaves a whole file with all that was acknowledged, and no lock."""
    folder = tmp_path / "shared"
    folder.mkdir()
    path = folder / "state.json"
    designs.begin("state_file", str(path))
    program = (
        f"import os, sys; sys.path.insert(0, {str(Path(WORKER).parent)!r}); import state_designs as designs\n"
        "while True:\n    designs.state_file(sys.argv[1], lambda: None); os.write(1, b'.')"
    )
    for patience in (0.0, 0.003, 0.007, 0.02):
        before = designs.counted("state_file", str(path))
        worker = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE)
        assert worker.stdout is not None
        assert worker.stdout.read(1) == b"."
        time.sleep(patience)
        worker.send_signal(signal.SIGKILL)
        told = 1 + len(worker.communicate()[0])
        assert designs.counted("state_file", str(path)) - before in (told, told + 1)
    designs.state_file(str(path), lambda: None)
    assert sorted(file.name for file in folder.iterdir()) == ["state.json", "state.json.lock"]


# -- the lock ------------------------------------------------------------------------------------------------

HOLDER = "import sys; {take}\nprint('held', flush=True); sys.stdin.readline()"
HOOK_TAKES = "from moai_flow.hook.state import files; descriptor = files.lock(sys.argv[1], sys.argv[1])"
LIBRARY_TAKES = "from moai_flow.resource import state_file; lock = state_file.locked(sys.argv[1]); lock.__enter__()"


@pytest.fixture
def held(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Path, int]]:
    """Let another process hold the lock, taken the way the parameter says; give lock file and process id."""
    path = tmp_path / "state.json.lock"
    program = HOLDER.format(take=request.param)
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    yield path, holder.pid
    holder.communicate("let go\n")


BOTH = pytest.mark.parametrize(
    "held",
    [pytest.param(HOOK_TAKES, id="a hook holds"), pytest.param(LIBRARY_TAKES, id="a command holds")],
    indirect=True,
)


@BOTH
def test_the_library_waits_for_hooks_and_commands(held: tuple[Path, int]) -> None:
    """`portalocker` and the hook's `flock` exclude each other; the error names the file and the holder's process."""
    path, pid = held
    with pytest.raises(LockTimeoutError) as caught, state_file.locked(str(path), timeout=0.05):
        pass
    assert str(path) in str(caught.value)
    assert "0.05 seconds" in str(caught.value)
    if sys.platform == "linux":
        assert f"process {pid} " in str(caught.value)


@BOTH
def test_a_hook_gives_up_while_others_hold(held: tuple[Path, int]) -> None:
    """The other way round: a hook that cannot have the lock is `Busy`."""
    path, _ = held
    program = (
        "import sys; from moai_flow.hook.state import files\n"
        "try:\n    files.lock(sys.argv[1], sys.argv[1])\nexcept files.Busy:\n    print('busy')"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "busy\n"


@pytest.mark.parametrize("held", [LIBRARY_TAKES], indirect=True)
def test_a_lock_that_cannot_be_had_changes_nothing(held: tuple[Path, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget whose lock is kept says so, keeps what it has, and can still be read."""
    path, _ = held
    state = str(path).removesuffix(".lock")
    file = state_file.StateFile(state, BudgetConfig(), timeout=0.02)
    with pytest.raises(LockTimeoutError):
        file.change(lambda ledger: allocations.allocate(ledger, "s", 5, 0.0))
    assert not Path(state).exists()
    assert file.read().swarms == {}
    monkeypatch.setattr(state_file.StateFile.__init__, "__kwdefaults__", {"sync": True, "timeout": 0.02})
    budget = TokenBudget(config=BudgetConfig(), state_path=state)
    with pytest.raises(TimeoutError):
        budget.allocate_swarm("s", 5)
    assert budget.get_global_status()["active_swarms"] == 0


def test_the_lock_is_free_after_the_holder_died(tmp_path: Path) -> None:
    """A process that is killed takes its lock with it; nothing needs deleting."""
    path = tmp_path / "state.json.lock"
    program = HOLDER.format(take=LIBRARY_TAKES)
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.communicate()
    with state_file.locked(str(path), timeout=0.5):
        assert path.read_bytes() == b""
    assert path.exists()
