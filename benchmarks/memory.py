"""Peak memory of a hook, in megabytes more than the interpreter that does nothing.

Each process tells its own peak (VmHWM in Linux's /proc) just before it ends: what the parent could ask for
afterwards counts the memory that the parent itself had when it started the child.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path

from processes import Command, alternate
from running import hook, options, tell
from sessions import Session

# In place of `posix._exit`, by which the entry point leaves.
PROBE = """
import posix, sys
def told(status):
    with open("/proc/self/status", "rb") as file:
        line = [line for line in file if line.startswith(b"VmHWM")][0]
    posix.write(1, line.split()[1])
    leave(status)
leave, posix._exit = posix._exit, told
path = sys.argv[1]
if path:
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec")
    sys.argv = [path]
    exec(code, {"__name__": "__main__", "__file__": path})
told(0)
"""


def main() -> None:
    """Measure a hook with nothing to say and the interpreter alone, under the same probe."""
    arguments = options(__doc__, 15)
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder))
        measured = hook(arguments, session, session.payload(**session.call()))
        start = [arguments.python, "-I", "-S", "-c", PROBE]

        def probed(path: str) -> Command:
            return Command(
                [*start, path], measured.payload, measured.environment, prepare=measured.prepare, speaks=True
            )

        samples = alternate({"hook": probed(measured.argv[-1]), "bare": probed("")}, arguments.rounds)
    peak = {name: statistics.median(json.loads(one.output) for one in of) for name, of in samples.items()}
    print(f"hook {peak['hook']:,} KB, interpreter {peak['bare']:,} KB")
    tell(__file__, [("memory of a hook, MB more", (peak["hook"] - peak["bare"]) / 1024, 4)], arguments)


if __name__ == "__main__":
    main()
