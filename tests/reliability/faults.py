"""Making the system calls of a process fail, or the process die at one of them.

The process is a fork of the test: it starts in a millisecond, and a sweep needs thousands. What is replaced are
the functions that make the system calls, so every call of the code under test is hit; the calls of the
interpreter's start are left to the full sweep, which uses strace.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import fcntl
import os
import pickle
import posix
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Some of these the hook loads only when it needs them, which is not what is counted here.
from moai_flow.hook import run
from moai_flow.hook.state import sweep  # noqa: F401

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

CALLS: dict[ModuleType, tuple[str, ...]] = {
    posix: (
        "chmod",
        "close",
        "fstat",
        "link",
        "listdir",
        "lstat",
        "mkdir",
        "open",
        "pread",
        "read",
        "replace",
        "stat",
        "unlink",
        "write",
    ),
    fcntl: ("flock",),
}
TELL = 99
"""The descriptor on which a hook's process tells what its fault has seen."""

posix_write = posix.write
"""The real one, whatever fault is installed."""

ERRORS = [
    errno.EIO,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EINTR,
    errno.ENOLCK,
    errno.EROFS,
    errno.EMFILE,
    errno.EACCES,
]


class Fault:
    """What happens at the call of a number (from 0 on), and whether at all that follow too."""

    def __init__(self, number: int, *, stays: bool = False) -> None:
        self.number = number
        self.stays = stays
        self.seen = 0

    def __call__(self, real: Callable[..., Any], name: str, arguments: tuple[Any, ...]) -> Any:
        number, self.seen = self.seen, self.seen + 1
        if number == self.number or (self.stays and number > self.number):
            return self.strike(real, name, arguments)
        return real(*arguments)

    def strike(self, real: Callable[..., Any], name: str, arguments: tuple[Any, ...]) -> Any:
        """Do to the call what this fault does."""
        raise NotImplementedError


class Kill(Fault):
    """SIGKILL before the call; of a write, the first half is done."""

    def strike(self, real: Callable[..., Any], name: str, arguments: tuple[Any, ...]) -> Any:
        if name == "write" and self.number % 2:
            real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
        os.kill(os.getpid(), signal.SIGKILL)


class Fail(Fault):
    """An error in place of the call."""

    def __init__(self, number: int, code: int, *, stays: bool = False) -> None:
        super().__init__(number, stays=stays)
        self.code = code

    def strike(self, real: Callable[..., Any], name: str, arguments: tuple[Any, ...]) -> Any:
        if name == "close":
            # Linux has closed the descriptor even then.
            real(*arguments)
        raise OSError(self.code, os.strerror(self.code))


class Hang(Fault):
    """A call that never comes back, and catches every alarm."""

    def strike(self, real: Callable[..., Any], name: str, arguments: tuple[Any, ...]) -> Any:  # noqa: ARG002
        while True:
            with contextlib.suppress(BaseException):
                time.sleep(0.05)


class Short(Fault):
    """Reads and writes of a few bytes only; other calls are as ever."""

    def strike(self, real: Callable[..., Any], name: str, arguments: tuple[Any, ...]) -> Any:
        if name == "write":
            return real(arguments[0], bytes(arguments[1])[:7])
        if name in ("read", "pread"):
            return real(arguments[0], min(arguments[1], 100), *arguments[2:])
        return real(*arguments)


def install(fault: Fault) -> None:
    """Put the fault in front of every system call of the file system, in this process."""
    for module, names in CALLS.items():
        for name in names:
            _wrap(module, name, fault)
    # The library calls the same functions by their other name.
    for name in CALLS[posix]:
        if getattr(os, name, None) is not None:
            setattr(os, name, getattr(posix, name))


def _wrap(module: ModuleType, name: str, fault: Fault) -> None:
    real = getattr(module, name)

    def call(*arguments: Any, **named: Any) -> Any:
        return fault((lambda *given: real(*given, **named)), name, arguments)

    setattr(module, name, call)


def fork(work: Callable[[], None]) -> int:
    """Run `work` in a child and return its exit code, negative for a signal; 99 for an exception."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    leave = os._exit
    try:
        work()
    except BaseException as error:  # noqa: BLE001 - nothing of the child's may go on in the test's code
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        leave(99)
    leave(0)
    return None


def start(env: dict[str, str], stdin: str, stdout: str, fault: Fault | None) -> None:
    """Be the hook, in a process made for it."""
    os.dup2(os.open(stdin, os.O_RDONLY), 0)
    os.dup2(os.open(stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 1)
    os.closerange(3, 64)
    posix.environ.clear()
    posix.environ.update({name.encode(): value.encode() for name, value in env.items()})
    if fault is not None:
        install(fault)
    # What a hook waits for at the end of a turn does not come here.
    run.main(wait_seconds=0.005)


class Forks:
    """Forks hooks from a process that is small and has everything loaded.

    A fork of the tests' own process copies the page tables of all that pytest has in memory, which costs more than
    the hook itself.
    """

    def __init__(self) -> None:
        self.owner = os.getpid()
        paths = [str(Path(__file__).parent), str(Path(run.__file__).parents[2])]
        self._server = subprocess.Popen(
            [sys.executable, "-c", f"import sys; sys.path[:0] = {paths}; import faults; faults.serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        atexit.register(self.close)

    def run(self, env: dict[str, str], stdin: Path, stdout: Path, fault: Fault | None) -> tuple[int, int]:
        """Run the hook; return its exit code, negative for a signal, and how many calls the fault has seen."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        pickle.dump((env, str(stdin), str(stdout), fault), self._server.stdin)
        self._server.stdin.flush()
        code, seen = pickle.load(self._server.stdout)  # noqa: S301 - from a process of our own
        return int(code), int(seen)

    def close(self) -> None:
        """End the process."""
        if os.getpid() == self.owner:
            assert self._server.stdin is not None
            assert self._server.stdout is not None
            self._server.stdin.close()
            self._server.wait(timeout=60)
            self._server.stdout.close()


_forks: list[Forks] = []


def serve() -> None:
    """Fork a hook for each request on standard input, and answer with what became of it."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    while True:
        try:
            env, stdin, stdout, fault = pickle.load(requests)  # noqa: S301 - from a process of our own
        except EOFError:
            return
        told, tell = os.pipe()

        def work(
            env: Any = env, stdin: str = stdin, stdout: str = stdout, fault: Any = fault, tell: int = tell
        ) -> None:
            os.dup2(tell, TELL)
            start(env, stdin, stdout, fault)
            posix_write(TELL, str(fault.seen if fault is not None else 0).encode())

        code = fork(work)
        os.close(tell)
        seen = os.read(told, 32)
        os.close(told)
        pickle.dump((code, int(seen or 0)), answers)
        answers.flush()


def _work(env: dict[str, str], stdin: str, stdout: str, fault: Fault | None, tell: int) -> None:
    os.dup2(tell, TELL)
    start(env, stdin, stdout, fault)
    posix_write(TELL, str(fault.seen if fault is not None else 0).encode())


def _run(env: dict[str, str], data: bytes, folder: Path, fault: Fault | None) -> tuple[int, int]:
    if not _forks or _forks[0].owner != os.getpid():
        _forks[:] = [Forks()]
    (folder / "stdin").write_bytes(data)
    return _forks[0].run(env, folder / "stdin", folder / "stdout", fault)


def hook(env: dict[str, str], data: bytes, folder: Path, fault: Fault | None = None) -> tuple[int, bytes]:
    """Run the hook in a process of its own and return its exit code and what it printed."""
    code, _ = _run(env, data, folder, fault)
    return code, (folder / "stdout").read_bytes()


def count(env: dict[str, str], data: bytes, folder: Path) -> int:
    """Return how many system calls the hook makes on the file system for this payload."""
    code, seen = _run(env, data, folder, Fault(-1))
    assert code == 0
    return seen
