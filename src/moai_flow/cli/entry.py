"""Where the hooks' entry points are, and which interpreter should start them."""

from __future__ import annotations

import os
import sys

import moai_flow
from moai_flow.resource.errors import TokenBudgetError

HOOK = "hook.py"
STATUS_LINE = "statusline.py"

EVENTS = (
    "SessionStart",
    "UserPromptSubmit",
    "PostToolUse",
    "PostToolUseFailure",
    "SubagentStart",
    "SubagentStop",
    "Stop",
    "SessionEnd",
)
"""The events whose hooks meter a session."""

ENFORCING = "PreToolUse"
"""The event whose hook stops agents of a spent swarm, for those who ask for it."""


def folder() -> str:
    """Return the folder of the entry points: inside an installed package, `hooks` of a clone.

    Raises:
        TokenBudgetError: it is in neither place.
    """
    package = os.path.dirname(os.path.abspath(moai_flow.__file__))
    places = [os.path.join(package, "entry"), os.path.join(os.path.dirname(os.path.dirname(package)), "hooks")]
    for place in places:
        if os.path.isfile(os.path.join(place, HOOK)):
            return place
    raise TokenBudgetError(
        f"the hooks' entry points are in neither {places[0]} nor {places[1]}; install the package again"
    )


def interpreter() -> str:
    """Return the interpreter for hooks: that of this process, not through a virtual environment.

    Hooks need nothing that is installed, and start faster without an environment to look up. Links are not
    followed: `/usr/bin/python3` survives an update of the system that `/usr/bin/python3.11` does not.
    """
    base = getattr(sys, "_base_executable", "") or sys.executable
    return base if os.path.isfile(base) else sys.executable


def command(name: str = HOOK) -> list[str]:
    """Return the command line of an entry point."""
    return [interpreter(), "-I", "-S", os.path.join(folder(), name)]
