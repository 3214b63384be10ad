"""When the session may go on before a hook has answered: far from everything it has to be told, and only then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moai_flow.core import notices, opening
from moai_flow.core.config import BudgetConfig
from moai_flow.core.reservations import reserve
from moai_flow.core.settlement import settle
from moai_flow.core.swarm import Swarm
from moai_flow.core.window import Measurement, Window
from moai_flow.hook import quiet

if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger

NOW = 1_000_000.0
UNKNOWN = 1 << 60
FAR = "16 PostToolUse PostToolUseFailure SubagentStart SubagentStop Stop"


def ledger_at(tokens: int, **settings: Any) -> SessionLedger:
    """Return the ledger of a session whose main window was measured, with every notice given."""
    ledger = opening.begin("s", BudgetConfig(**settings), NOW)
    window = opening.main_window(ledger, NOW)
    if tokens:
        settle(ledger, window, Measurement(tokens, 0, "msg_1", 0), NOW)
    for _ in range(quiet.KNOWN_STEPS):
        ledger.note(NOW, "main", "settle", 500)
    notices.due_to_person(ledger)
    notices.due_to_model(ledger)
    return ledger


def agents(ledger: SessionLedger, consumed: int, *, running: bool = True) -> Swarm:
    """Give the session a swarm of agents with a limit of 100,000 tokens."""
    swarm = ledger.add(Swarm("backend", 100_000, NOW, guaranteed=100_000, isolated=True))
    ledger.windows["a1"] = Window("a1", "backend")
    ledger.charge(swarm, consumed, NOW)
    if running:
        reserve(ledger, "a1", "", "backend", "backend", NOW)
    return swarm


@pytest.mark.parametrize(
    ("tokens", "number"),
    [
        pytest.param(20_000, 16, id="far"),
        pytest.param(90_000, 16, id="still far"),
        pytest.param(119_000, 3, id="room for one large result and two steps"),
        pytest.param(123_000, 1, id="room for one large result"),
        pytest.param(123_001, 0, id="no room for it"),
        pytest.param(149_999, 0, id="near"),
        pytest.param(150_000, 2, id="the warning is given, 180,000 is 30,000 away"),
        pytest.param(179_000, 0, id="near the next"),
        pytest.param(181_000, 16, id="everything is said"),
    ],
)
def test_how_many_hooks_may_run_beside_a_session(tokens: int, number: int) -> None:
    """The thresholds are 150,000 and 180,000; a step brings 2,000 and a result at the client's limit 25,000."""
    said = quiet.permission(ledger_at(tokens))
    assert said == (FAR.replace("16", str(number)) if number else "")


@given(st.integers(0, 1_000_000), st.integers(quiet.SMALLEST_STEP, 100_000))
def test_what_hooks_in_flight_bring_does_not_reach_the_threshold(free: int, each: int) -> None:
    """One result at the client's limit and a step for each of the others fit into the room, with a step to spare."""
    number = quiet.in_flight(free, each)
    assert 0 <= number <= quiet.MAX_IN_FLIGHT
    if number:
        assert quiet.LARGEST_RESULT + (number - 1) * each + each <= free
    if number < quiet.MAX_IN_FLIGHT:
        assert quiet.LARGEST_RESULT + number * each + each > free


@pytest.mark.parametrize(
    ("growth", "step"),
    [
        pytest.param([], UNKNOWN, id="nothing measured"),
        pytest.param([30_000], UNKNOWN, id="the first request"),
        pytest.param([30_000, 500], UNKNOWN, id="one step after it"),
        pytest.param([30_000, 500, 700], 2_000, id="small steps after it"),
        pytest.param([500, 8_000, 700, 9_000], 8_000, id="large steps"),
        pytest.param([9_000, 9_000] + [100] * 9, 2_000, id="it was faster once"),
        pytest.param([5_000, -90_000, 4_000, 100], 4_000, id="a fall is no step"),
    ],
)
def test_the_margin_follows_the_pace(growth: list[int], step: int) -> None:
    """The second largest of the last ten steps, once there are three."""
    ledger = opening.begin("s", BudgetConfig(), NOW)
    for tokens in growth:
        ledger.note(NOW, "main", "settle", tokens)
    assert quiet.step(ledger) == step


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"quiet": False}, id="switched off"),
        pytest.param({"enforce": "ask"}, id="enforcement: ask"),
        pytest.param({"enforce": "deny"}, id="enforcement: deny"),
    ],
)
def test_settings_that_make_the_session_wait(settings: dict[str, Any]) -> None:
    """However far it is."""
    assert quiet.permission(ledger_at(20_000, **settings)) == ""


def test_a_window_that_was_never_measured_is_waited_for() -> None:
    """A resumed session may be just below a threshold."""
    assert quiet.permission(ledger_at(0)) == ""


def test_a_notice_that_waits_for_the_person_is_waited_for() -> None:
    """It leaves with the next hook that the client waits for."""
    ledger = ledger_at(20_000)
    ledger.session.pending_notices.append("Token budget: a line")
    assert quiet.permission(ledger) == ""
    ledger.config = BudgetConfig(notify="model")
    assert quiet.permission(ledger) == FAR


@pytest.mark.parametrize(
    ("notify", "person", "model", "is_far"),
    [
        pytest.param("both", 1, 1, True, id="both heard"),
        pytest.param("both", 0, 1, False, id="the person not yet"),
        pytest.param("both", 1, 0, False, id="the model not yet"),
        pytest.param("model", 0, 1, True, id="the person never hears"),
        pytest.param("person", 1, 0, True, id="the model never hears"),
        pytest.param("person", 0, 1, False, id="the person not yet, the model never"),
    ],
)
def test_a_crossing_is_over_when_everybody_has_heard(notify: str, person: int, model: int, *, is_far: bool) -> None:
    """At 150,000 tokens, with the next threshold far away."""
    ledger = ledger_at(150_000, warning_threshold_2=200_000, notify=notify)
    ledger.session.notified_person, ledger.session.notified_model = person, model
    assert bool(quiet.permission(ledger)) == is_far


def test_with_warnings_off_nothing_is_waited_for() -> None:
    """Nothing is ever said."""
    assert quiet.permission(ledger_at(149_000, enable_warnings=False)) == FAR


def test_agents_are_told_their_allocation_by_a_hook_that_is_waited_for() -> None:
    """With `tell_agents`, SubagentStart has something to say each time; the other events have not."""
    assert quiet.permission(ledger_at(20_000, tell_agents=True)) == FAR.replace("SubagentStart ", "")


def test_the_clients_own_compaction_is_a_threshold() -> None:
    """From 90% of the way on the person is notified once."""
    ledger = ledger_at(100_000)
    ledger.session.compacts_at = 130_000
    assert quiet.room(ledger) == 17_000
    ledger.session.notified_compaction = True
    assert quiet.room(ledger) == 50_000


@pytest.mark.parametrize(
    ("consumed", "running", "room"),
    [
        pytest.param(10_000, True, 65_000, id="far"),
        pytest.param(60_000, True, 15_000, id="near its warning"),
        pytest.param(60_000, False, 130_000, id="near its warning, but no agent works"),
        pytest.param(75_000, True, 0, id="crossed, not said"),
        pytest.param(75_000, False, 0, id="crossed, not said, no agent works"),
    ],
)
def test_a_swarm_with_a_limit(consumed: int, room: int, *, running: bool) -> None:
    """A swarm of agents counts while one of them works, and until the person has heard of it."""
    ledger = ledger_at(20_000)
    agents(ledger, consumed, running=running)
    assert quiet.room(ledger) == room


def test_a_swarm_without_a_limit_raises_no_notice() -> None:
    """So nothing is near."""
    ledger = ledger_at(20_000)
    agents(ledger, 74_000).has_limit = False
    assert quiet.room(ledger) == 130_000


def test_what_an_agent_that_has_stopped_did_not_hear_is_not_waited_for() -> None:
    """Its own model alone would hear of its swarm."""
    ledger = ledger_at(20_000)
    swarm = agents(ledger, 80_000, running=False)
    swarm.notified_person = 1
    assert quiet.room(ledger) == 130_000
    reserve(ledger, "a1", "", "backend", "backend", NOW)
    assert quiet.room(ledger) == 0
    swarm.notified_model = 1
    assert quiet.room(ledger) == 10_000
