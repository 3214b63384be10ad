"""Playing the recording: each event goes to the hook command as the client sends it, with the transcript of then.

`tape.jsonl` has a line for each event: `records` are the transcript's records that were there before it, `event`
is the payload, and `meanwhile` are the records that the client wrote while the hooks of the event ran. It was made
from a session of the real client; texts are shortened, and the usage of one message is changed.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moai_flow.core import codec
from moai_flow.core.config import BudgetConfig
from moai_flow.core.swarm import MAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from moai_flow.core.ledger import SessionLedger

TAPE = Path(__file__).with_name("tape.jsonl")
LAG_SECONDS = 0.02
"""Seconds after which the client's last reply reaches the transcript (15 to 65 ms in the real client)."""

_HOOK_SECONDS = 10
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")


class Moment:
    """What one event brought.

    Attributes:
        event: the payload.
        person: what the person sees, "" for nothing.
        model: what the model receives, "" for nothing.
        ledger: the session's ledger afterwards.
        seconds: how long the hook took.
        failure: what went wrong with the hook itself, "" for nothing.
    """

    __slots__ = ("event", "failure", "ledger", "model", "person", "seconds")

    def __init__(self, event: dict[str, Any], ledger: SessionLedger | None, seconds: float) -> None:
        self.event = event
        self.ledger = ledger
        self.seconds = seconds
        self.person = ""
        self.model = ""
        self.failure = ""

    @property
    def occupancy(self) -> int:
        """Tokens that the main window holds."""
        window = self.ledger.windows.get(MAIN) if self.ledger is not None else None
        return window.tokens if window is not None else 0


def load() -> list[dict[str, Any]]:
    """Return the lines of the tape."""
    return [json.loads(line) for line in TAPE.read_text(encoding="utf-8").splitlines()]


def play(tape: list[dict[str, Any]], command: Callable[[str], list[str]], place: Path) -> Iterator[Moment]:
    """Send the tape's events to a hook command, one after the other, and yield what each brought.

    Args:
        tape: the lines.
        command: the command line of an event's hook.
        place: an empty folder, which becomes the home, the project and the state folder.
    """
    environ = {name: os.environ[name] for name in _KEPT if name in os.environ}
    project, state, transcripts = (place / name for name in ("project", "state", "transcripts"))
    for folder in (project, transcripts):
        folder.mkdir()
    environ |= {
        "HOME": str(place),
        "TOKEN_BUDGET_STATE_DIR": str(state),
        "CLAUDE_PROJECT_DIR": str(project),
        "CLAUDE_PID": str(os.getpid()),
    }
    for line in tape:
        event = line["event"]
        session = event["session_id"]
        event |= {"cwd": str(project), "transcript_path": str(transcripts / f"{session}.jsonl")}
        _write(transcripts, line["records"])
        started = time.perf_counter()
        output, failure = _run(command(event["hook_event_name"]), event, environ, transcripts, line["meanwhile"])
        seconds = time.perf_counter() - started
        moment = Moment(event, _ledger(state, session), seconds)
        moment.failure = failure
        _take_reply(moment, output)
        yield moment


def _write(transcripts: Path, entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        with (transcripts / f"{entry['session']}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry["record"]) + "\n")


def _run(
    command: list[str],
    event: dict[str, Any],
    environ: Mapping[str, str],
    transcripts: Path,
    meanwhile: list[dict[str, Any]],
) -> tuple[bytes, str]:
    """Run the hook; return its standard output and what is wrong with the run."""
    # The client writes while its hooks run.
    writer = threading.Timer(LAG_SECONDS, _write, (transcripts, meanwhile))
    if meanwhile:
        writer.start()
    try:
        done = subprocess.run(  # noqa: S603 - the package's own hook
            command,
            input=json.dumps(event).encode(),
            capture_output=True,
            env=environ,
            timeout=_HOOK_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return b"", f"it took more than {_HOOK_SECONDS} seconds"
    except OSError as error:
        return b"", f"{command[0]} does not start: {error.strerror}"
    finally:
        if meanwhile:
            writer.join()
    if done.returncode or done.stderr:
        return done.stdout, f"it ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()}"
    return done.stdout, ""


def _take_reply(moment: Moment, output: bytes) -> None:
    if not output:
        return
    try:
        reply = json.loads(output)
    except ValueError:
        moment.failure = f"it printed {output[:80]!r}, which is not JSON"
        return
    if isinstance(reply, dict):
        moment.person = reply.get("systemMessage", "")
        moment.model = reply.get("hookSpecificOutput", {}).get("additionalContext", "")


def _ledger(state: Path, session: str) -> SessionLedger | None:
    try:
        return codec.decode_session((state / "sessions" / f"{session}.json").read_bytes(), BudgetConfig())
    except FileNotFoundError:
        return None
