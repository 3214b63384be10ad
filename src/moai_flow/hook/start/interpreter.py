"""Which interpreter the plugin's next hook starts, written down for `hooks/run`."""

from __future__ import annotations

import os
import sys


def remember(path: str) -> None:
    """Write the absolute path of the running interpreter to the file at `path`, in one step.

    `sys.executable` is what a shim led to; resolved, it survives the removal of the virtual environment
    that the session happened to start in.

    Raises:
        OSError: the folder cannot be made or written. The next hook tries again.
    """
    interpreter = os.path.realpath(sys.executable)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    temporary = f"{path}.{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, os.fsencode(interpreter) + b"\n")
    finally:
        os.close(descriptor)
    os.replace(temporary, path)
