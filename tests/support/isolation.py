"""What keeps tests away from the home and the state folder of the person who runs them.

During a run HOME names an empty folder, which is found empty at its end: a test, or a process that one started, that
went by the environment of the run instead of its own would have left something there. What leads to the real home by
another way, the password file say, is refused in this process.
"""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

PREFIXES = ("CLAUDE", "TOKEN_BUDGET", "XDG_")
KEPT = ("TOKEN_BUDGET_TEST_", "TOKEN_BUDGET_REQUIRE_")
"""Variables that speak to the tests themselves."""

PRIVATE = (".claude", ".claude.json", ".config/token-budget", ".local/state/token-budget")
PRIVATE_ON_DARWIN = "Library/Application Support/token-budget"

_EVENTS = frozenset(
    {
        "open", "os.chmod", "os.link", "os.listdir", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.scandir",
        "os.symlink", "os.truncate", "os.utime",
    }
)  # fmt: skip


class Touched(RuntimeError):  # noqa: N818 - it is what happened
    """Something of the real home was about to be read or written."""


def foreign_variables() -> list[str]:
    """Return the variables by which the caller's environment would reach what is tested."""
    found = [name for name in os.environ if name.startswith(PREFIXES) and not name.startswith(KEPT)]
    return [*found, *(name for name in ("NO_COLOR", "COLUMNS") if name in os.environ)]


def real_homes() -> set[Path]:
    """Return the caller's home by the environment, and by the password file."""
    return {Path.home(), Path(pwd.getpwuid(os.getuid()).pw_dir)}


class Guard:
    """Refuses, in this process and from now on, to touch what is private below some homes.

    Args:
        homes: folders.

    Attributes:
        touched: what was refused, for whoever swallows the exception.
    """

    def __init__(self, homes: set[Path]) -> None:
        self.touched: list[str] = []
        self._private = tuple(str(home / name) for home in homes for name in (*PRIVATE, PRIVATE_ON_DARWIN))
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[object, ...]) -> None:
        if event not in _EVENTS or not arguments or not isinstance(arguments[0], (str, bytes, os.PathLike)):
            return
        path = os.fsdecode(arguments[0])
        for private in self._private:
            if path.startswith(private) and path[len(private) : len(private) + 1] in ("", "/"):
                self.touched.append(path)
                raise Touched(path)
