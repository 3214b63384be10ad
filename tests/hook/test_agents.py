"""Reserve at an agent's start, draw down as it works, release at its stop."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from support.metering import figures, play
from support.recordings import recordings

from moai_flow.core.swarm import MAIN

if TYPE_CHECKING:
    from pathlib import Path

    from support.harness import Session
    from support.recordings import Recording


def limit(tokens: int, reserve: int | None = None) -> dict[str, Any]:
    """Return settings that limit swarm `backend`."""
    rule = {"limit": tokens, "agents": ["backend*"]}
    return {"swarms": {"backend": rule if reserve is None else {**rule, "reserve": reserve}}}


def test_nothing_known_reserves_nothing(session: Session) -> None:
    """The first agent of a swarm without a configured figure reserves nothing."""
    session.begin_agent("a1")
    assert session.reserved() == 0


def test_the_median_of_finished_agents_is_reserved(session: Session) -> None:
    """After agents of 8,000, 30,000 and 10,000 tokens the next one reserves 10,000."""
    session.configure(**limit(200_000))
    for agent, tokens in (("a1", 8_000), ("a2", 30_000), ("a3", 10_000)):
        session.finish(agent, tokens)
    assert session.reserved() == 0
    session.begin_agent("a4")
    assert session.reserved() == 10_000


def test_the_configured_figure_comes_before_the_median(session: Session) -> None:
    """`reserve` in a swarm's rule holds whatever agents used."""
    session.configure(**limit(200_000, reserve=25_000))
    session.finish("a1", 8_000)
    session.begin_agent("a2")
    assert session.reserved() == 25_000


def test_a_figure_of_zero_turns_reservations_off(session: Session) -> None:
    """`"reserve": 0` reserves nothing for a swarm with a history."""
    session.configure(**limit(200_000, reserve=0))
    session.finish("a1", 8_000)
    session.begin_agent("a2")
    assert session.reserved() == 0


def test_a_reservation_is_drawn_down_as_the_agent_is_measured(session: Session) -> None:
    """Consumed and reserved add up to the promise until it is used up; beyond it nothing is reserved."""
    session.configure(**limit(50_000, reserve=10_000))
    session.begin_agent("a1")
    seen = []
    for tokens in (3_000, 7_000, 12_000):
        session.work("a1", tokens)
        swarm = session.ledger.swarms["backend"]
        seen.append((swarm.consumed + session.reserved(), swarm.consumed >= tokens))
    assert seen[:2] == [(10_000, True)] * 2
    assert session.reserved() == 0


def test_a_compaction_gives_nothing_back(session: Session) -> None:
    """An agent that was compacted has still brought in what it had."""
    session.configure(**limit(90_000, reserve=40_000))
    session.begin_agent("a1")
    session.work("a1", 30_000)
    before = session.reserved()
    boundary = (
        '{"type":"system","subtype":"compact_boundary","uuid":"c1",'
        '"compactMetadata":{"trigger":"auto","preTokens":30000,"postTokens":4000}}\n'
    )
    with session.transcripts.path("a1").open("a") as file:
        file.write(boundary)
    session.work("a1", 6_000)
    assert session.ledger.windows["a1"].peak < 30_000
    assert 0 < session.reserved() <= before


def test_the_stop_releases_what_is_left(session: Session) -> None:
    """An agent that used less than was reserved gives the rest back."""
    session.configure(**limit(50_000, reserve=10_000))
    session.finish("a1", 4_000)
    assert session.reserved() == 0
    assert session.ledger.swarms["backend"].available == 46_000


def test_a_swarm_never_promises_more_than_it_has(session: Session) -> None:
    """Eight agents at once that are expected to use 10,000 each share the 35,000 there are."""
    session.configure(**limit(35_000, reserve=10_000))
    for number in range(8):
        session.begin_agent(f"a{number}")
        swarm = session.ledger.swarms["backend"]
        assert swarm.consumed + session.reserved() <= swarm.allocated
    assert session.reserved() == 35_000


def test_a_start_that_runs_twice_reserves_once(session: Session) -> None:
    """Settings and a plugin that both register the hooks reserve once, and remember a finished agent once."""
    session.configure(**limit(50_000, reserve=10_000))
    session.begin_agent("a1")
    session.begin_agent("a1")
    assert session.reserved() == 10_000
    session.measured(4_000, "a1", ended=True)
    session.stop_agent("a1")
    session.stop_agent("a1")
    assert session.ledger.session is not None
    assert session.ledger.session.finished == {"backend": [4_000]}


ORDERS = list(itertools.permutations(["launched", "start", "work"]))


@pytest.mark.parametrize("order", [pytest.param(order, id="-".join(order)) for order in ORDERS])
def test_the_order_of_what_happens_at_once_changes_nothing(session: Session, order: tuple[str, ...]) -> None:
    """Launch, start and the first tool of an agent in the background run in any order."""
    session.configure(**limit(50_000, reserve=10_000))
    session.measured(3_000, "a1")
    for what in order:
        if what == "launched":
            session.launch("toolu_x", "a1")
        elif what == "start":
            session.begin_agent("a1")
        else:
            session.tool("a1")
    swarm = session.ledger.swarms["backend"]
    assert swarm.consumed + session.reserved() == 10_000
    assert session.ledger.reservations["a1"].background


def test_the_next_prompt_releases_agents_that_were_interrupted(session: Session) -> None:
    """An agent that the turn waited for ends with the turn, even if no stop was told; one in the background stays."""
    session.configure(**limit(50_000, reserve=10_000))
    session.begin_agent("waited-for")
    session.launch("toolu_x", "behind")
    session.begin_agent("behind")
    assert session.reserved() == 20_000
    session.event("UserPromptSubmit", prompt="go on", prompt_id="p2")
    assert list(session.ledger.reservations) == ["behind"]
    assert session.reserved() == 10_000


def test_an_agent_that_never_stops_is_swept(session: Session) -> None:
    """After half an hour without a change the reservation is released; one that goes on working keeps it."""
    session.configure(**limit(50_000, reserve=10_000))
    for agent in ("dead", "alive"):
        session.launch(f"toolu_{agent}", agent)
        session.begin_agent(agent)
    session.now += 1_000
    session.work("alive", 2_000)
    session.now += 750
    session.tool("alive")
    assert set(session.ledger.reservations) == {"alive", "dead"}
    session.now += 150
    session.work("alive", 2_500)
    assert list(session.ledger.reservations) == ["alive"]


def test_clear_keeps_the_experience_and_drops_the_promises(session: Session) -> None:
    """After /clear the swarm is empty, and its first agent reserves what agents used before."""
    session.configure(**limit(50_000))
    session.event("SessionStart", source="startup")
    session.finish("a1", 9_000)
    session.begin_agent("a2")
    session.event("SessionEnd", reason="clear")
    session.session = "0c7d1a52-6b0f-4b0a-8a3e-0e7d3c1b9f22"
    session.event("SessionStart", source="clear")
    assert session.reserved() == 0
    session.begin_agent("a3")
    assert session.reserved() == 9_000


@pytest.mark.parametrize("verb", ["reset", "deallocate"])
def test_a_swarm_that_is_reset_drops_its_reservations(session: Session, verb: str) -> None:
    """What was promised to agents goes with the swarm's figures, so that nothing is released twice."""
    session.configure(**limit(50_000, reserve=10_000))
    session.begin_agent("a1")
    ledger = session.ledger
    assert getattr(ledger, verb)("backend", session.now)
    assert ledger.reservations == {}


def test_an_agent_is_told_what_it_may_use(session: Session) -> None:
    """With `tell_agents` an agent hears of what is left with its own reservation in it."""
    session.configure(**limit(50_000, reserve=10_000), tell_agents=True)
    session.begin_agent("a1")
    reply = session.begin_agent("a2")
    assert "40,000 of 50,000 tokens left" in reply["hookSpecificOutput"]["additionalContext"]


WITH_AGENTS = [
    pytest.param(one, id=str(one)) for one in recordings() if any(event.name == "SubagentStart" for event in one.events)
]


@pytest.mark.parametrize("recording", WITH_AGENTS)
def test_reservations_move_no_measured_figure(recording: Recording, tmp_path: Path) -> None:
    """Played with a generous figure to reserve or with none, every consumption and occupancy is the same."""
    told = []
    for name, reserve in (("with", 30_000), ("without", 0)):
        place = tmp_path / name
        path = place / ".config/token-budget/config.json"
        path.parent.mkdir(parents=True)
        types = {event.payload.get("agent_type") for event in recording.events} - {None, ""}
        rules = {str(one): {"limit": 1_000_000, "reserve": reserve} for one in types}
        path.write_text(json.dumps({"token_budget": {"swarms": rules}}))
        told.append([])
        for step in play(recording, place, times=2):
            told[-1].append(figures(step))
            main = step.ledger.windows.get(MAIN)
            assert step.shared == (main.tokens if main is not None else 0)
            left: dict[str, int] = {}
            for one in step.ledger.reservations.values():
                left[one.swarm] = left.get(one.swarm, 0) + one.left
            for swarm in step.ledger.swarms.values():
                assert swarm.reserved == left.get(swarm.swarm_id, 0)
                assert swarm.open_ended or swarm.consumed + swarm.reserved <= swarm.allocated
    assert told[0] == told[1]


@pytest.mark.parametrize("recording", WITH_AGENTS)
def test_no_reservation_outlives_the_agents(recording: Recording, tmp_path: Path) -> None:
    """When the recorded session ends, every agent that stopped has given its reservation back."""
    stopped = {event.payload["agent_id"] for event in recording.events if event.name == "SubagentStop"}
    last = list(play(recording, tmp_path))[-1]
    assert not stopped & set(last.ledger.reservations)
