"""Where the hooks' entry points are, and which interpreter should start them."""

from __future__ import annotations

import os
import sys

import moai_flow
from moai_flow.core.errors import TokenBudgetError

HOOK = "hook.py"
STATUS_LINE = "statusline.py"

LAUNCHER = "run"
IF_PRESENT = '[ ! -r "$0" ] || . "$0"'
"""What a shell runs to start the launcher that is named behind it, silent if it is gone.

A package may be removed before its hooks are. The client shows an error at every event for a program that is missing,
and an interpreter that does not find its script exits with 2, which erases the prompt.
"""

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


def skills_folder() -> str:
    """Return the folder of the slash commands: inside an installed package, `skills` of a clone."""
    inside = os.path.join(os.path.dirname(os.path.abspath(moai_flow.__file__)), "skills")
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(folder()), "skills")


def interpreter() -> str:
    """Return the interpreter for hooks: that of this process, not through a virtual environment.

    Hooks need nothing that is installed, and start faster without an environment to look up. Links are not
    followed: `/usr/bin/python3` survives an update of the system that `/usr/bin/python3.11` does not.
    """
    base = getattr(sys, "_base_executable", "") or sys.executable
    return base if os.path.isfile(base) else sys.executable


def command(event: str) -> list[str]:
    """Return the command line of an event's hook, which stands in settings and may outlive the package."""
    return ["/bin/sh", "-c", IF_PRESENT, os.path.join(folder(), LAUNCHER), "hook", event, interpreter()]


def status_line_command() -> list[str]:
    """Return the command line of the status line; whatever it exits with, the client shows nothing."""
    return [interpreter(), "-I", "-S", os.path.join(folder(), STATUS_LINE)]
