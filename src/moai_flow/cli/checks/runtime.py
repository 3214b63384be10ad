"""Versions, the interpreter that hooks start, and how long a hook takes here."""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from moai_flow import __version__
from moai_flow.cli.checks.finding import BROKEN, OK, WARNING, Finding
from moai_flow.cli.client import entry_points
from moai_flow.core.errors import TokenBudgetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

OLDEST_CLIENT = (2, 1, 139)
"""The first client that runs a hook without a shell (`args`)."""

TRIES = 5
SLOW_HOOK_MS = 100.0
SLOW_START = 3.0
"""How many times the cost of Python itself a `python3` may cost before it is worth a word."""

_SECONDS = 20
_PAYLOAD = {"session_id": "doctor", "hook_event_name": "UserPromptSubmit", "prompt": "hello", "prompt_id": "1"}


def versions() -> Iterator[Finding]:
    """Tell the versions of the package, of Python and of the client."""
    place = os.path.dirname(os.path.dirname(os.path.abspath(entry_points.__file__)))
    yield Finding("package", OK, f"moai-flow-token-budget {__version__} in {place}")
    yield Finding("python", OK, f"{platform.python_version()} ({sys.executable}) on {platform.platform(terse=True)}")
    client = shutil.which("claude")
    if client is None:
        yield Finding(
            "client", WARNING, "claude is not on PATH", "Install Claude Code, or ignore this if it runs elsewhere."
        )
        return
    text = _output([client, "--version"])
    numbers = tuple(int(part) for part in text.split(" ")[0].split(".") if part.isdigit())
    if not numbers:
        yield Finding("client", WARNING, f"{client} --version does not tell its version: {text[:60]!r}")
    elif numbers < OLDEST_CLIENT:
        oldest = ".".join(map(str, OLDEST_CLIENT))
        yield Finding(
            "client", BROKEN, f"Claude Code {text} runs no hooks of this form", f"Update it to {oldest} or newer."
        )
    else:
        yield Finding("client", OK, f"Claude Code {text} ({client})")


def python_on_path() -> Finding:
    """Tell what `python3` costs: the plugin's first hook starts that one, and hooks written by hand all do."""
    found = shutil.which("python3")
    if found is None:
        return Finding(
            "python3 on PATH",
            WARNING,
            "there is none, so the plugin's hooks cannot start",
            "Put a Python 3.10 or newer on PATH, or use `token-budget install` in place of the plugin.",
        )
    bare = _milliseconds([entry_points.interpreter(), "-I", "-S", "-c", "pass"])
    its = _milliseconds([found, "-I", "-S", "-c", "pass"])
    version = _output([found, "-I", "-S", "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"])
    text = f"{found} is Python {version or '?'} and starts in {its:.0f} ms"
    if not version or tuple(map(int, version.split("."))) < (3, 10):
        return Finding(
            "python3 on PATH",
            WARNING,
            f"{text}; the hooks need 3.10",
            "Put a newer one first on PATH, or use `token-budget install`, which names its interpreter.",
        )
    if its > SLOW_START * bare or _is_script(found):
        kind = "a shim of pyenv, asdf or the like" if _is_script(found) else "slow to start"
        return Finding(
            "python3 on PATH",
            WARNING,
            f"{text}, Python itself in {bare:.0f} ms: it is {kind}",
            "The plugin pays for it once and `token-budget install` never; other hooks of yours pay every time.",
        )
    return Finding("python3 on PATH", OK, text)


def _is_script(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(2) == b"#!"


def hook() -> Finding:
    """Run the real hook on an event in a temporary folder, and tell how long it takes."""
    try:
        command = entry_points.command(_PAYLOAD["hook_event_name"])
    except TokenBudgetError as error:
        return Finding("hook", BROKEN, str(error))
    with tempfile.TemporaryDirectory(prefix="token-budget-") as place:
        environ = {**_clean(os.environ), "HOME": place, "TOKEN_BUDGET_STATE_DIR": os.path.join(place, "state")}
        payload = json.dumps({**_PAYLOAD, "cwd": place}).encode()
        try:
            milliseconds = _milliseconds(command, payload, environ)
        except (OSError, subprocess.SubprocessError) as error:
            return Finding("hook", BROKEN, f"{command[0]} does not start: {error}", "Install the package again.")
        if not os.path.isfile(os.path.join(place, "state", "sessions", "doctor.json")):
            return Finding(
                "hook",
                BROKEN,
                f"{' '.join(command)} ran, but kept no ledger",
                "`token-budget demo` shows at which event; install the package again.",
            )
    bare = _milliseconds([entry_points.interpreter(), "-I", "-S", "-c", "pass"])
    text = f"takes {milliseconds:.0f} ms, {milliseconds / bare:.1f} times what Python itself takes to start"
    if milliseconds > SLOW_HOOK_MS:
        return Finding(
            "hook", WARNING, text, "The machine is busy, or the disk slow; every tool call waits that long for it."
        )
    return Finding("hook", OK, text)


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith(("CLAUDE", "TOKEN_BUDGET", "XDG_"))}


def _output(command: Sequence[str]) -> str:
    """Return what a command prints, "" if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)  # noqa: S603 - programs the user has on PATH
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _milliseconds(command: Sequence[str], data: bytes = b"", environ: Mapping[str, str] | None = None) -> float:
    """Return the median time that a command takes, after a first run that does not count."""
    times = []
    for _ in range(TRIES + 1):
        started = time.perf_counter()
        subprocess.run(command, input=data, env=environ, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603 - the same
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:]) * 1000
