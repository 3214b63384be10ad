"""SIGKILL at random moments of hooks that run: `python kills.py COUNT [SEED]`."""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import faults
from scenes import BESIDE, DAMAGED, FRESH, RUNNING, Scene
from support.harness import EXAMPLES

from moai_flow.hook import quiet

LONGEST = 0.007
"""Seconds: longer than a hook takes in a forked process."""


def strike(scene: Scene, after: float) -> int:
    """Run the scene's hook, kill it after so many seconds, and return its exit code."""
    stdin, stdout = scene.root / "stdin", scene.root / "stdout"
    stdin.write_bytes(scene.data)
    child = os.fork()
    if child == 0:
        try:
            faults.start(scene.environ, str(stdin), str(stdout), None)
        finally:
            os._exit(0)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(count: int, seed: int) -> int:
    """Kill so many hooks and print how many were not done."""
    chance = random.Random(seed)
    killed = done = 0
    with tempfile.TemporaryDirectory() as folder:
        moments = [(state, event) for state in (FRESH, RUNNING, DAMAGED) for event in EXAMPLES]
        moments += [(BESIDE, event) for event in quiet.EVENTS]
        scenes = [Scene(Path(folder, f"{state}-{event}"), state, event) for state, event in moments]
        for number in range(count):
            scene = scenes[number % len(scenes)]
            code = strike(scene, chance.random() * LONGEST)
            assert code in (0, -signal.SIGKILL)
            killed, done = killed + (code != 0), done + (code == 0)
            scene.check_ledger()
            scene.check_goes_on()
            scene.set_back()
    sys.stdout.write(f"{count:,} random kills (seed {seed}): {killed:,} hooks died, {done:,} were done before; ")
    sys.stdout.write("every ledger was the old or the new one, and every next hook put the figures right\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 10**9))
