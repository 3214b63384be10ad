"""Every system call of whole hook processes, killed and failed by strace: `python syscalls.py kill|errors EVENT...`."""

from __future__ import annotations

import collections
import errno
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faults import ERRORS
from scenes import RUNNING, Scene
from support.harness import HOOK, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

STRACE = ["strace", "-f", "-qq", "-o", "/dev/null"]
COMMAND = [HOOK[0], "-B", *HOOK[1:]]
_FILE_CALLS = """
openat open read write pread64 fstat newfstatat lstat stat statx mkdir mkdirat chmod fchmodat rename renameat
renameat2 link linkat unlink unlinkat flock close getdents64
"""
STATE_CALLS = frozenset(_FILE_CALLS.split())


def calls(scene: Scene) -> list[tuple[str, int, bool]]:
    """Return (name, which of that name, whether the hook's own work has begun) of each call of a clean run."""
    log = scene.root / "trace"
    scene.session.run(scene.data, command=["strace", "-f", "-qq", "-o", str(log), *COMMAND])
    scene.set_back()
    counted: collections.Counter[str] = collections.Counter()
    found = []
    begun = False
    for line in log.read_text(errors="replace").splitlines():
        match = re.match(r"\d+ +(\w+)\(", line)
        if match:
            # The payload is the first thing a hook reads from its standard input.
            begun = begun or (match[1] == "read" and "read(0," in line)
            counted[match[1]] += 1
            found.append((match[1], counted[match[1]], begun))
    return found


def strike(scene: Scene, name: str, what: str) -> Outcome:
    """Run the scene's hook with something done to one of its calls."""
    return scene.session.run(scene.data, command=[*STRACE, "-e", f"inject={name}:{what}", *COMMAND])


def kill(scene: Scene) -> Iterator[int]:
    """Kill the hook at each call."""
    for name, which, _ in calls(scene):
        strike(scene, name, f"signal=KILL:when={which}")
        scene.check_ledger()
        scene.check_goes_on()
        scene.set_back()
        yield 1


def errors(scene: Scene) -> Iterator[int]:
    """Fail each call of the hook's own work: with every error once, and with one of them from then on."""
    own = [call for call in calls(scene) if call[2] and call[0] in STATE_CALLS]
    for number, (name, which, _) in enumerate(own):
        for code, stays in [*((code, "") for code in ERRORS), (ERRORS[number % len(ERRORS)], "+")]:
            outcome = strike(scene, name, f"error={errno.errorcode[code]}:when={which}{stays}")
            outcome.check()
            scene.check_whole()
            scene.check_goes_on()
            scene.set_back()
            yield 1


def main(how: str, events: list[str]) -> int:
    """Sweep the calls of the events and print how many were struck."""
    for event in events:
        with tempfile.TemporaryDirectory() as folder:
            scene = Scene(Path(folder), RUNNING, event)
            count = sum((kill if how == "kill" else errors)(scene))
        verb = "kills, one at each of its" if how == "kill" else "errors in its"
        sys.stdout.write(f"{event}: {count:,} {verb} system calls, and the next hooks put the figures right\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    if subprocess.run(["strace", "-o", "/dev/null", "true"], check=False).returncode:
        sys.exit("strace does not work here")
    sys.exit(main(sys.argv[1], sys.argv[2:]))
