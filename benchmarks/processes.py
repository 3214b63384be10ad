"""Times whole processes side by side.

The commands of one run take turns (A B A B ...), so that whatever else the machine does falls on all of them, and
only ratios are told. Wall time is what a session waits; CPU time (user and system, of the process and its children)
is printed beside it, because it hardly moves when the machine is busy.
"""

from __future__ import annotations

import os
import statistics
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PIPE_ROOM = 60_000


class Sample(NamedTuple):
    """One process: `wall` and `cpu` in milliseconds, and what it printed."""

    wall: float
    cpu: float
    output: bytes


class Command:
    """A process to start.

    Args:
        argv: the program's absolute path and its arguments.
        payload: bytes on its standard input, 60,000 at most: they are put into the pipe beforehand.
        environment: its whole environment.
        prepare: called before each start, not timed.
        speaks: whether it has to print something; a process that does otherwise stops the run.
    """

    def __init__(
        self,
        argv: list[str],
        payload: bytes,
        environment: Mapping[str, str],
        *,
        prepare: Callable[[], None] = lambda: None,
        speaks: bool = False,
    ) -> None:
        assert len(payload) <= _PIPE_ROOM
        self.argv = argv
        self.payload = payload
        self.environment = dict(environment)
        self.prepare = prepare
        self.speaks = speaks

    def start(self) -> tuple[int, int]:
        """Start the process; return its id and the end of the pipe that it prints to."""
        stdin, feed = os.pipe()
        os.write(feed, self.payload)
        os.close(feed)
        result, stdout = os.pipe()
        process = os.posix_spawn(
            self.argv[0],
            self.argv,
            self.environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, stdout, 1)],
        )
        os.close(stdin)
        os.close(stdout)
        return process, result

    def run(self) -> Sample:
        """Run the process once and check that it did what is measured."""
        self.prepare()
        begun = time.perf_counter()
        process, result = self.start()
        _, status, usage = os.wait4(process, 0)
        wall = time.perf_counter() - begun
        output = os.read(result, _PIPE_ROOM)
        os.close(result)
        if status or bool(output) != self.speaks:
            raise RuntimeError(f"{self.argv}: status {status}, printed {output!r}")
        return Sample(wall * 1e3, (usage.ru_utime + usage.ru_stime) * 1e3, output)


class Comparison:
    """What a command took beside another one, sample by sample."""

    def __init__(self, samples: list[Sample], against: list[Sample]) -> None:
        self.samples = samples
        self.against = against

    @property
    def wall(self) -> float:
        """Median wall time as a multiple of the other's."""
        return self.milliseconds / statistics.median(sample.wall for sample in self.against)

    @property
    def cpu(self) -> float:
        """Median CPU time as a multiple of the other's."""
        mine = statistics.median(sample.cpu for sample in self.samples)
        return mine / statistics.median(sample.cpu for sample in self.against)

    @property
    def paired(self) -> float:
        """Median of the ratios of wall time, each of two processes that ran one after the other."""
        pairs = zip(self.samples, self.against, strict=True)
        return statistics.median(mine.wall / other.wall for mine, other in pairs)

    @property
    def milliseconds(self) -> float:
        """Median wall time in milliseconds, on this machine at this moment."""
        return statistics.median(sample.wall for sample in self.samples)

    @property
    def more_milliseconds(self) -> float:
        """Median difference of wall time in milliseconds, of processes that ran one after the other."""
        pairs = zip(self.samples, self.against, strict=True)
        return statistics.median(mine.wall - other.wall for mine, other in pairs)


def alternate(commands: Mapping[str, Command], rounds: int) -> dict[str, list[Sample]]:
    """Run every command `rounds` times, taking turns, after one start that is not counted."""
    samples: dict[str, list[Sample]] = {name: [] for name in commands}
    for command in commands.values():
        command.run()
    for _ in range(rounds):
        for name, command in commands.items():
            samples[name].append(command.run())
    return samples
