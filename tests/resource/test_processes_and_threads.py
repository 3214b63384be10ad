"""Forks, pickles and waiting threads: a budget hangs in no child, and no wait is longer than was said."""

from __future__ import annotations

import concurrent.futures
import copy
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from moai_flow.resource import BudgetConfig, LockTimeoutError, TokenBudget
from moai_flow.resource.file_lock import locked
from moai_flow.resource.jit import PhaseBudget
from moai_flow.resource.state_file import StateFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

# A child is given two seconds: one that hangs is killed and counted.
FORKING = """
import os, signal, sys, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from moai_flow.resource import BudgetConfig, TokenBudget
from moai_flow.resource.jit import LoadMetrics, PhaseBudget
budget = TokenBudget(config=BudgetConfig(), **eval(sys.argv[1]))
budget.allocate_swarm("s", 100_000)
phases = PhaseBudget(budget, {"RED": 10 ** 9})
use = eval(sys.argv[2])
stop = False
def work():
    while not stop:
        use()
threads = [threading.Thread(target=work) for _ in range(2)]
[thread.start() for thread in threads]
children = []
for _ in range(20):
    time.sleep(0.002)
    pid = os.fork()
    if not pid:
        use()
        os._exit(0)
    children.append(pid)
hung = 0
deadline = time.monotonic() + 4
for pid in children:
    while not (done := os.waitpid(pid, os.WNOHANG)[0]) and time.monotonic() < deadline:
        time.sleep(0.002)
    if not done:
        hung += 1
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
stop = True
[thread.join() for thread in threads]
print(hung)
"""


@FORKS
@pytest.mark.parametrize("kind", ["memory", "file"])
@pytest.mark.parametrize(
    "use",
    [
        pytest.param("lambda: budget.consume('s', 0)", id="consume"),
        pytest.param("lambda: phases.consume('s', LoadMetrics(0, 'RED'))", id="phases"),
        pytest.param("budget.get_global_status", id="status"),
    ],
)
def test_children_forked_while_threads_consume_do_not_hang(tmp_path: Path, kind: str, use: str) -> None:
    """The lock that another thread holds at the moment of the fork is free in the child."""
    state = {"state_path": str(tmp_path / "state.json")} if kind == "file" else {}
    done = subprocess.run(
        [sys.executable, "-c", FORKING, repr(state), use], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "0\n"


HOLDING = """
import os, signal, sys, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from moai_flow.resource import file_lock
held, go = threading.Event(), threading.Event()
def hold():
    with file_lock.locked(sys.argv[1]):
        held.set()
        go.wait()
thread = threading.Thread(target=hold)
thread.start()
held.wait()
pid = os.fork()
if not pid:
    time.sleep(60)
print(pid, flush=True)
sys.stdin.readline()
go.set()
thread.join()
print("given back", flush=True)
sys.stdin.readline()
"""


@FORKS
@pytest.mark.parametrize("ends", ["gives the lock back", "is killed"])
def test_an_idle_child_does_not_keep_its_parents_lock(tmp_path: Path, ends: str) -> None:
    """A child that was forked while the lock was held has the same open file; the lock goes with the parent."""
    lock = str(tmp_path / "state.json.lock")
    parent = subprocess.Popen(
        [sys.executable, "-c", HOLDING, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    try:
        with pytest.raises(LockTimeoutError), locked(lock, timeout=0.02):
            pass
        if ends == "is killed":
            parent.kill()
            parent.wait()
        else:
            parent.stdin.write("\n")
            parent.stdin.flush()
            assert parent.stdout.readline() == "given back\n"
        with locked(lock, timeout=1.0):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        parent.kill()
        parent.communicate()


@FORKS
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_that_is_forked_inside_a_change_leaves_the_lock_to_its_parent(tmp_path: Path) -> None:
    """The child of an operation neither unlocks nor closes what is its parent's."""
    lock = str(tmp_path / "state.json.lock")
    with locked(lock):
        pid = os.fork()
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)
        with pytest.raises(LockTimeoutError), locked(lock, timeout=0.02):
            pass
    with locked(lock, timeout=0.5):
        pass


# -- waiting -------------------------------------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path: Path) -> TokenBudget:
    """A budget on a file, whose lock waits a fifth of a second at most."""
    budget = TokenBudget(config=BudgetConfig(), state_path=tmp_path / "state.json")
    budget._state = StateFile(str(tmp_path / "state.json"), budget.config, timeout=0.2)
    budget.allocate_swarm("s", 1_000)
    budget.record("s", 900)
    return budget


def holding(path: Path) -> subprocess.Popen[str]:
    """Let another process hold the lock of a state until it is killed."""
    program = (
        "import sys; from moai_flow.resource.file_lock import locked; lock = locked(sys.argv[1]); lock.__enter__()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program + "; print('held', flush=True); sys.stdin.read()", f"{path}.lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_waits_do_not_add_up_and_readers_do_not_wait(kept: TokenBudget, tmp_path: Path) -> None:
    """While another process keeps the lock, eight threads give up together, and reading answers at once."""
    holder = holding(tmp_path / "state.json")
    waited: list[float] = []

    def consume() -> None:
        began = time.monotonic()
        with pytest.raises(LockTimeoutError, match=r"0\.2 seconds"):
            kept.consume("s", 1)
        waited.append(time.monotonic() - began)

    threads = [threading.Thread(target=consume) for _ in range(8)]
    try:
        for thread in threads:
            thread.start()
        began = time.monotonic()
        assert kept.get_balance("s") == 100
        assert kept.should_warn("s") == (True, "CRITICAL: Swarm s at 90.0% token usage")
        assert kept.get_global_status()["total_consumed"] == 900
        assert kept.get_history()
        read_in = time.monotonic() - began
        for thread in threads:
            thread.join()
    finally:
        holder.kill()
        holder.communicate()
    assert len(waited) == 8
    assert max(waited) < 0.8
    assert read_in < 0.2


def test_asking_for_a_warning_changes_no_byte(kept: TokenBudget, tmp_path: Path) -> None:
    """`should_warn` reads; the warning was counted when the threshold was crossed."""
    before = (tmp_path / "state.json").stat()
    assert kept.should_warn("s")[0]
    assert kept.get_global_status()["swarms"]["s"]["warnings_issued"] == 1
    after = (tmp_path / "state.json").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


# -- pickling ------------------------------------------------------------------------------------------------


def test_spawned_processes_share_a_budget_on_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget that is sent to another process, whatever folder that is in, is on the same state."""
    monkeypatch.chdir(tmp_path)
    budget = TokenBudget(config=BudgetConfig(total_budget=50_000), state_path="state.json")
    budget.allocate_swarm("s", 100)
    again = pickle.loads(pickle.dumps(budget))  # noqa: S301 - made in this line
    assert again.config == budget.config
    monkeypatch.chdir("/")
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        assert [pool.submit(budget.consume, "s", 60).result() for _ in range(2)] == [True, False]
    assert again.get_balance("s") == budget.get_balance("s") == 40


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_budget_in_memory_says_why_it_cannot_be_sent(copied: Callable[[TokenBudget], object]) -> None:
    """Every process would count for itself: that is an error that says what to do."""
    with pytest.raises(TypeError, match="give it a state_path"):
        copied(TokenBudget(config=BudgetConfig()))


def test_phases_say_why_they_cannot_be_sent() -> None:
    """Phases are counted in one process."""
    with pytest.raises(TypeError, match="phases are counted in one process"):
        pickle.dumps(PhaseBudget(TokenBudget(config=BudgetConfig())))
