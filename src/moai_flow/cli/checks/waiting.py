"""How long a tool call waits for its hook: far from every threshold, where quiet mode is on, and near one."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from moai_flow.cli.checks.finding import BROKEN, OK, WARNING, Finding
from moai_flow.cli.client import entry_points, environment
from moai_flow.core.config import BudgetConfig
from moai_flow.core.errors import TokenBudgetError

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECK = "waiting"
TRIES = 5

_EVENT = "PostToolUse"
_PAYLOAD = {
    "session_id": "doctor",
    "hook_event_name": _EVENT,
    "tool_name": "Bash",
    "tool_use_id": "doctor",
    "tool_input": {"command": "true"},
    "tool_response": {"stdout": "done", "stderr": ""},
}
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR")
_SECONDS = 20


def waiting(environ: Mapping[str, str], project: str) -> Finding:
    """Run the real hook in both ways in a temporary folder, and tell what a call waits and which way is in force.

    Args:
        environ: the environment.
        project: the project's folder.
    """
    from moai_flow.hook.state import settings

    seen = environment.as_hooks_see_it(environ, project)
    config = BudgetConfig.merged(settings.read_layers(seen, sys.platform, project)[0])[0]
    try:
        command = entry_points.command(_EVENT)
        with tempfile.TemporaryDirectory(prefix="token-budget-") as place:
            aside, waited = _measure(command, place, {name: environ[name] for name in _KEPT if name in environ})
    except (OSError, subprocess.SubprocessError, TokenBudgetError) as error:
        return Finding(CHECK, BROKEN, f"the hook does not start: {error}", "Install the package again.")
    every = f"every tool call waits {waited:.0f} ms for its hook"
    if not config.quiet:
        return Finding(CHECK, OK, f'quiet mode is switched off ("quiet": false): {every}')
    if config.enforce != "off":
        return Finding(CHECK, OK, f'quiet mode is off while enforce is "{config.enforce}": {every}')
    if aside is None:
        return Finding(CHECK, WARNING, f"quiet mode does not work here: {every}", "Install the package again.")
    return Finding(
        CHECK,
        OK,
        f"quiet mode: far from every threshold a tool call waits {aside:.0f} ms for its hook, near one {waited:.0f} ms",
    )


def _measure(command: list[str], place: str, environ: dict[str, str]) -> tuple[float | None, float]:
    """Return the median milliseconds that a call waits in quiet mode, None if it does not work, and without it."""
    from moai_flow.hook import quiet
    from moai_flow.hook.state import flights

    environ |= {"HOME": place, "TOKEN_BUDGET_STATE_DIR": os.path.join(place, "state")}
    environ[flights.SESSION_VARIABLE] = "doctor"
    payload = json.dumps({**_PAYLOAD, "cwd": place}).encode()
    waited = [_one(command, payload, environ)[0] for _ in range(TRIES + 1)]
    aside = []
    for _ in range(TRIES):
        # A session without a transcript is waited for, so each hook takes the permission back.
        flights.allow(environ["TOKEN_BUDGET_STATE_DIR"], "doctor", " ".join(["1", *quiet.EVENTS]))
        aside.append(_one(command, payload, environ))
    works = all(line == b'{"async":true}\n' for _, line in aside)
    goes_on = statistics.median([seconds for seconds, _ in aside]) * 1e3
    return goes_on if works else None, statistics.median(waited[1:]) * 1e3


def _one(command: list[str], payload: bytes, environ: Mapping[str, str]) -> tuple[float, bytes]:
    """Return the seconds until the client would go on, and the line at which."""
    started = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 - the package's own hook
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ
    ) as hook:
        assert hook.stdin is not None  # noqa: S101 - for the type checker
        assert hook.stdout is not None  # noqa: S101 - the same
        hook.stdin.write(payload)
        hook.stdin.close()
        line = hook.stdout.readline()
        seconds = time.perf_counter() - started
        hook.wait(_SECONDS)
    return seconds, line
