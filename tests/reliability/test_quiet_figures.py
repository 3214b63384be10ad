"""Quiet mode against hooks that the session waits for: the same figures, and every notice once, an event later at most.

Hooks run in this process. Those that the launcher would let run beside the session wait until others have started,
while the transcripts go on, and then run in the order in which they were started, as `hook.state.flights` has it.
"""

from __future__ import annotations

import json
import random
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenes import ALL
from support.generated import SETTINGS, Files, Generated
from support.harness import Session
from support.metering import REGISTERED, Step, figures, play
from support.recordings import Recording, recordings

from moai_flow.core import codec
from moai_flow.core.config import BudgetConfig
from moai_flow.hook import payload, reply
from moai_flow.hook.respond import respond
from moai_flow.hook.state import flights, paths

if TYPE_CHECKING:
    from support.harness import Reply

    from moai_flow.core.ledger import SessionLedger

SESSIONS = 500 if ALL else 40
RECORDINGS = [pytest.param(recording, id=str(recording)) for recording in recordings()]


def permission(state: Path, session: str) -> list[str]:
    """Return how many hooks may be in flight, and at which events, as the launcher reads it; [] for none."""
    path = Path(paths.quiet_file(str(state), session))
    return path.read_text().split() if path.exists() else []


SHORT = {"compact", "tools", "auto-compact", "resume"}
"""Recordings of a few large steps, whose hooks are all waited for."""


@pytest.mark.parametrize("recording", RECORDINGS)
def test_a_recording_has_the_same_figures_after_each_event(recording: Recording, tmp_path: Path) -> None:
    """And where it is long enough to have a pace, hooks are not waited for."""
    waited = [(figures(step), step.replies) for step in play(recording, tmp_path / "waited")]
    place, beside, replies, seen = tmp_path / "quiet", 0, [], []
    place.mkdir()
    session = Session(place)
    for event in recording.replay(place):
        if event.name not in REGISTERED:
            continue
        session.session = str(event.payload["session_id"])
        environ = {**event.env, flights.SESSION_VARIABLE: session.session}
        is_beside = event.name in permission(session.state, session.session)[1:]
        if is_beside:
            environ[flights.FLIGHT_VARIABLE] = session.session
            beside += 1
        session.env = {"HOME": str(place), "TOKEN_BUDGET_STATE_DIR": str(session.state)}
        replied = session.respond(event.payload, env=environ, now=1_000_000.0 + event.at)
        assert not (replied and is_beside)
        if session.ledger_file.exists():
            seen.append(figures(Step(event, [replied], session.ledger)))
            replies.append([replied])
    assert seen == [one for one, _ in waited]
    assert beside or recording.name.rpartition("/")[2] in SHORT
    before, now = said([one for _, one in waited]), said(replies)
    assert [what for _, what in before] == [what for _, what in now]
    # A jump over a threshold that no client makes: its event comes as one that was not waited for.
    assert all(first <= last <= first + 1 for (first, _), (last, _) in zip(before, now, strict=True))


def said(replies: list[list[Reply]]) -> list[tuple[int, str]]:
    """Return the number of each reply that says something, and its first line without its figures."""
    found = [(number, one["systemMessage"]) for number, [one] in enumerate(replies) if "systemMessage" in one]
    return [(number, re.sub(r"[~\d].*", "", text.partition("\n")[0])) for number, text in found]


class Run:
    """One way of running a generated session's hooks; what the ledger said after each event, and what was told.

    `told` is (number of the event, reader, what) of each notice, without its figures.
    """

    def __init__(self, root: Path, generated: Generated) -> None:
        root.mkdir()
        self.state = root / "state"
        self.session = generated.session
        self.files = Files(root, generated.session)
        self.environ = {"HOME": str(root), "TOKEN_BUDGET_STATE_DIR": str(self.state)}
        config = root / ".config" / "token-budget" / "config.json"
        config.parent.mkdir(parents=True)
        config.write_text(json.dumps({"token_budget": SETTINGS}))
        self.figures: dict[int, dict[str, float]] = {}
        self.told: list[tuple[int, str, str]] = []
        self.names: list[tuple[str, bool]] = []
        self.beside = 0
        # The newest event when the hook of each has run.
        self.ran: dict[int, int] = {}

    def hook(self, number: int, data: bytes, **environ: str) -> None:
        """Run the hook of an event."""
        event = payload.parse(data)
        assert event is not None
        self.ran[number] = len(self.names) - 1
        text = respond(event, {**self.environ, **environ}, "linux", 1_000_000.0 + number, wait_seconds=0.0)
        said = json.loads(text) if text else {}
        for reader, lines in (
            ("person", said.get("systemMessage", "")),
            ("model", said.get("hookSpecificOutput", {}).get("additionalContext", "")),
        ):
            for line in lines.splitlines():
                if re.match("(WARNING|CRITICAL|Token budget): ", line):
                    self.told.append((number, reader, re.sub(r"[~\d].*", "", line)))

    def keep(self, number: int) -> None:
        """Remember the figures after an event."""
        path = Path(paths.ledger_file(str(self.state), self.session))
        self.figures[number] = visible(codec.decode_session(path.read_bytes(), BudgetConfig()))


def visible(ledger: SessionLedger) -> dict[str, float]:
    """Return every figure of a ledger that somebody can see; "estimated" is how much of it is."""
    swarms = {f"swarm {name}": swarm.consumed for name, swarm in ledger.swarms.items()}
    reserved = {f"reserved {name}": swarm.reserved for name, swarm in ledger.swarms.items()}
    windows = {f"window {key}": window.tokens for key, window in ledger.windows.items()}
    measured = {f"measured {key} {window.message}": window.occupancy for key, window in ledger.windows.items()}
    turns = {f"turn {number}": tokens for number, tokens in enumerate(ledger.session.turns)}
    estimated = sum(window.tokens - window.occupancy for window in ledger.windows.values())
    return {
        **swarms,
        **reserved,
        **windows,
        **measured,
        **turns,
        "total": ledger.total_consumed,
        "estimated": estimated,
    }


def check_same(seen: dict[str, float], waited: dict[str, float], *, at_once: bool) -> None:
    """Assert that the figures are the same; if hooks are late, what is estimated may differ a little.

    A hook that found a later message measured less of what the estimator learns from.
    """
    assert seen.keys() == waited.keys()
    for name, figure in waited.items():
        allowed = 0 if at_once or name.startswith("measured") else 20 + max(figure, waited["estimated"]) / 50
        assert abs(seen[name] - figure) <= allowed, (name, seen, waited)


def waited_for(root: Path, generated: Generated) -> Run:
    """Run every hook while the session waits for it."""
    run = Run(root, generated)
    number = 0
    for kind, move in generated.moves():
        if kind == "record":
            run.files.write(**move)
            continue
        run.names.append((move["hook_event_name"], "agent_id" in move))
        run.hook(number, run.files.payload(move))
        run.keep(number)
        number += 1
    return run


def in_quiet_mode(root: Path, generated: Generated, *, at_once: bool) -> Run:
    """Run the hooks as the launcher lets them: at once, or while the session goes on."""
    chance = random.Random(generated.session)
    run = Run(root, generated)
    under_way: list[tuple[int, bytes]] = []
    # Whether a transcript says more than it did at the last event.
    has_grown = False

    def land(count: int) -> None:
        for number, data in under_way[:count]:
            run.hook(number, data, **{known: run.session, flights.FLIGHT_VARIABLE: run.session})
        if count >= len(under_way) > 0 and not has_grown:
            run.keep(under_way[-1][0])
        del under_way[:count]

    known = flights.SESSION_VARIABLE
    number = 0
    for kind, move in generated.moves():
        if kind == "record":
            if move["record"]["type"] == "system":
                # The client asks the model for a summary before it compacts, which takes seconds.
                land(len(under_way))
            run.files.write(**move)
            has_grown = True
            continue
        name = move["hook_event_name"]
        most, *events = permission(run.state, run.session) or ["0"]
        run.names.append((name, "agent_id" in move))
        if name in events and len(under_way) < int(most):
            under_way.append((number, run.files.payload(move)))
            has_grown = False
            run.beside += 1
            land(1 if at_once else chance.randint(0, len(under_way)))
        else:
            land(len(under_way))
            has_grown = False
            run.hook(number, run.files.payload(move), **{known: run.session})
            run.keep(number)
        number += 1
    land(len(under_way))
    return run


def events_between(run: Run, reader: str, first: int, last: int) -> int:
    """Return how many events that could have told a reader lie between two, the last one included."""
    reaches = reply.REACHES_PERSON if reader == "person" else reply.REACHES_MODEL
    return sum(name in reaches and not inside for name, inside in run.names[first + 1 : last + 1])


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("at_once", [pytest.param(True, id="at once"), pytest.param(False, id="late")])
def test_generated_sessions_have_the_same_figures_and_notices(tmp_path: Path, *, at_once: bool) -> None:
    """500 of them in the long check. Whenever no hook is under way, every figure is what it is without quiet mode.

    A notice comes at the latest with the next event after the hook that found it has run. A late hook may find a
    message that one in time would have had to estimate, so no message lags there.
    """
    late = beside = events = told = 0
    for seed in range(SESSIONS):
        waited = waited_for(tmp_path / f"a{seed}", Generated(seed, lags=at_once))
        other = in_quiet_mode(tmp_path / f"b{seed}", Generated(seed, lags=at_once), at_once=at_once)
        for number, seen in other.figures.items():
            check_same(seen, waited.figures[number], at_once=at_once)
        assert number == len(waited.names) - 1
        assert sorted(one[1:] for one in other.told) == sorted(one[1:] for one in waited.told), seed
        for reader in ("person", "model"):
            pairs = zip(
                [one for one in waited.told if one[1] == reader],
                [one for one in other.told if one[1] == reader],
                strict=True,
            )
            for (first, _, what), (last, _, same) in pairs:
                assert what == same, seed
                assert events_between(other, reader, other.ran[first], last) <= 1, (seed, what, first, last)
                late += last > first
        beside, events, told = beside + other.beside, events + len(other.names), told + len(other.told)
    sys.stdout.write(f"{events} events, {beside} not waited for; {told} notices, {late} of them an event later\n")
    assert beside > events / 4
    assert told > SESSIONS
