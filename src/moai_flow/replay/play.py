"""Playing a session's transcripts: the files grow line by line in a temporary folder while the hooks run over them."""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moai_flow.core import codec
from moai_flow.core.config import BudgetConfig
from moai_flow.core.swarm import MAIN
from moai_flow.hook import payload
from moai_flow.hook.respond import respond
from moai_flow.hook.state import paths
from moai_flow.replay.lines import read_session
from moai_flow.replay.payloads import Reader, agent_types

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moai_flow.core.ledger import SessionLedger
    from moai_flow.replay.payloads import Payload


class Step:
    """One hook of a session that is played again.

    Attributes:
        written: when it ran, as the client wrote it ("" where it did not).
        payload: what the hook was given.
        ledger: the session's ledger afterwards.
        to_person: what the person would have seen, "" for nothing.
        to_model: what the model would have received, "" for nothing.
    """

    __slots__ = ("ledger", "payload", "to_model", "to_person", "written")

    def __init__(self, written: str, given: Payload, ledger: SessionLedger, reply: dict[str, Any]) -> None:
        self.written = written
        self.payload = given
        self.ledger = ledger
        self.to_person = str(reply.get("systemMessage", ""))
        self.to_model = str(reply.get("hookSpecificOutput", {}).get("additionalContext", ""))

    @property
    def occupancy(self) -> int:
        """Tokens of the window it happened in."""
        window = self.ledger.windows.get(self.payload.get("agent_id") or MAIN)
        return window.tokens if window is not None else 0

    @property
    def swarm(self) -> str:
        """The swarm of the window it happened in."""
        window = self.ledger.windows.get(self.payload.get("agent_id") or MAIN)
        return window.swarm if window is not None else MAIN


def play(transcript: Path, section: dict[str, Any] | None = None) -> Iterator[Step]:
    """Yield every hook of a session with what the ledger and the notices would have been.

    Args:
        transcript: the session's main transcript; its subagents' lie in the folder of the same name beside it.
        section: the settings to play it with (`token_budget`'s object); None for the defaults.

    Raises:
        TokenBudgetError: the transcript cannot be read or is none.
    """
    lines = read_session(transcript)
    reader = Reader(transcript.stem, agent_types(lines))
    with _stage(section) as (place, environment):
        stage = place / "projects"
        main = stage / f"{payload.safe_id(transcript.stem)}.jsonl"
        main.parent.mkdir()
        for line in lines:
            path = main.with_suffix("") / "subagents" / f"agent-{line.agent}.jsonl" if line.agent else main
            now = _seconds(line.written)
            for given in reader.before(line):
                yield _step(line.written, given | {"transcript_path": str(main)}, environment, now)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(line.data)
            for given in reader.after(line):
                yield _step(line.written, given | {"transcript_path": str(main)}, environment, now)


@contextmanager
def _stage(section: dict[str, Any] | None) -> Iterator[tuple[Path, dict[str, str]]]:
    """Make a temporary folder with a state folder and settings of its own; nothing outside is read or written."""
    place = Path(tempfile.mkdtemp(prefix="token-budget-replay-"))
    try:
        settings = place / "config" / paths.APPLICATION / "config.json"
        settings.parent.mkdir(parents=True)
        settings.write_text(json.dumps({"token_budget": section or {}}))
        state = str(place / "state")
        yield place, {"HOME": str(place), "XDG_CONFIG_HOME": str(place / "config"), paths.STATE_VARIABLE: state}
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _step(written: str, given: Payload, environment: dict[str, str], now: float) -> Step:
    event = payload.Event(given)
    text = respond(event, environment, "linux", now, wait_seconds=0.0)
    path = paths.ledger_file(environment[paths.STATE_VARIABLE], event.session)
    ledger = codec.decode_session(Path(path).read_bytes(), BudgetConfig())
    section = json.loads(Path(paths.config_file(environment, "linux")).read_text())["token_budget"]
    size = ledger.session.window_size
    ledger.config = BudgetConfig.merged([("replay", section)], size or None)[0]
    return Step(written, given, ledger, json.loads(text) if text else {})


def _seconds(written: str) -> float:
    try:
        return datetime.fromisoformat(written.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0
