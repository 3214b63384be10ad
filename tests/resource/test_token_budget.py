"""What each method of `TokenBudget` promises; the same in memory, on a state file and in a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from moai_flow.resource import BudgetConfig, TokenBudget

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(params=["memory", "file", "redis"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., TokenBudget]:
    place: dict[str, Any] = {}
    if request.param == "file":
        place = {"state_path": tmp_path / "swarm" / "token_budget.json"}
    elif request.param == "redis":
        place = {"state_url": request.getfixturevalue("server").url, "state_key": "team"}

    def made(**settings: Any) -> TokenBudget:
        return TokenBudget(config=BudgetConfig(**settings), **place)

    return made


def picture(budget: TokenBudget) -> tuple[Any, Any]:
    """Return everything that can be seen of a budget."""
    return budget.get_global_status(), budget.get_history()


# -- allocate_swarm ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "before", "asked", "expected"),
    [
        pytest.param({}, [], ("new", 50_000), True, id="fits"),
        pytest.param({}, [], ("new", None), True, id="the default limit fits"),
        pytest.param({}, [("new", 10)], ("new", 10), False, id="the id exists"),
        pytest.param({}, [("new", 10)], ("new", 20), False, id="the id exists with another limit"),
        pytest.param({}, [], ("new", 190_000), True, id="all but the reserve buffer"),
        pytest.param({}, [], ("new", 190_001), False, id="one token of the reserve buffer"),
        pytest.param({"reserve_buffer": 0}, [], ("new", 200_000), True, id="all, without a buffer"),
        pytest.param({}, [("a", 100_000)], ("new", 90_000), True, id="fits beside another"),
        pytest.param({}, [("a", 100_000)], ("new", 90_001), False, id="does not fit beside a promise"),
        pytest.param({}, [("a", None)], ("new", 180_000), True, id="a default swarm gives way"),
        pytest.param({"enable_auto_rebalance": False}, [("a", None)], ("new", 140_001), False, id="nobody gives way"),
        pytest.param(
            {"enable_auto_rebalance": False},
            [("a", 150_000)],
            ("new", None),
            False,
            id="the default does not fit and nobody gives way",
        ),
    ],
)
def test_allocation_fits_or_is_refused(
    make: Callable[..., TokenBudget],
    settings: dict[str, Any],
    before: list[tuple[str, int | None]],
    asked: tuple[str, int | None],
    expected: bool,
) -> None:
    """A limit is granted when the id is new and it fits in total - reserve buffer - other limits."""
    budget = make(**settings)
    for swarm_id, limit in before:
        assert budget.allocate_swarm(swarm_id, limit)
    seen = picture(budget)
    assert budget.allocate_swarm(*asked) is expected
    if expected:
        assert asked[0] in budget.get_global_status()["swarms"]
    else:
        assert picture(budget) == seen


@pytest.mark.parametrize("count", [4, 10, 20])
def test_many_default_swarms_fit(make: Callable[..., TokenBudget], count: int) -> None:
    """Ten or twenty swarms with the default limit share the pool fairly, never more than it holds."""
    budget = make()
    assert all(budget.allocate_swarm(f"swarm-{number}") for number in range(count))
    status = budget.get_global_status()
    limits = [swarm["allocated"] for swarm in status["swarms"].values()]
    assert status["total_allocated"] == sum(limits) == 190_000
    assert max(limits) - min(limits) <= 2


def test_default_swarms_give_way_down_to_what_they_use(make: Callable[..., TokenBudget]) -> None:
    """Auto-rebalancing takes only what is neither consumed nor reserved, and never from a promise."""
    budget = make()
    budget.allocate_swarm("promised", 50_000)
    budget.allocate_swarm("used")
    budget.allocate_swarm("idle")
    budget.consume("used", 30_000)
    budget.reserve("used", 10_000)
    assert budget.allocate_swarm("large", 100_000)
    swarms = budget.get_global_status()["swarms"]
    assert {name: swarm["allocated"] for name, swarm in swarms.items()} == {
        "promised": 50_000,
        "used": 40_000,
        "idle": 0,
        "large": 100_000,
    }
    assert not budget.allocate_swarm("one-more", 1)


# -- consume -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tokens", "options", "expected", "left", "reserved"),
    [
        pytest.param(0, {}, True, 6_000, 3_000, id="nothing"),
        pytest.param(6_000, {}, True, 0, 3_000, id="all that is left"),
        pytest.param(6_001, {}, False, 6_000, 3_000, id="one more than is left"),
        pytest.param(3_000, {"from_reservation": True}, True, 6_000, 0, id="all that was reserved"),
        pytest.param(1_000, {"from_reservation": True}, True, 6_000, 2_000, id="part of the reservation"),
        pytest.param(3_001, {"from_reservation": True}, False, 6_000, 3_000, id="more than was reserved"),
        pytest.param(6_001, {"critical": True}, True, 0, 3_000, id="critical, into the buffer"),
        pytest.param(16_000, {"critical": True}, True, 0, 3_000, id="critical, all of the buffer"),
        pytest.param(16_001, {"critical": True}, False, 6_000, 3_000, id="critical, past the buffer"),
    ],
)
def test_consume_is_all_or_nothing(
    make: Callable[..., TokenBudget], tokens: int, options: dict[str, bool], expected: bool, left: int, reserved: int
) -> None:
    """A swarm with 10,000 allocated, 1,000 consumed and 3,000 reserved may consume 6,000."""
    budget = make()
    budget.allocate_swarm("s", 10_000)
    budget.consume("s", 1_000)
    budget.reserve("s", 3_000)
    seen = picture(budget)
    assert budget.consume("s", tokens, **options) is expected
    assert budget.get_balance("s") == left
    status = budget.get_global_status()
    assert status["swarms"]["s"]["reserved"] == reserved
    assert status["total_consumed"] == 1_000 + (tokens if expected else 0)
    if not expected:
        assert picture(budget) == seen


def test_consume_of_an_unknown_swarm_is_refused(make: Callable[..., TokenBudget]) -> None:
    """Nobody consumes without an allocation."""
    budget = make()
    seen = picture(budget)
    assert not budget.consume("nobody", 0)
    assert not budget.consume("nobody", 5, critical=True)
    assert picture(budget) == seen


@pytest.mark.parametrize(
    ("tokens", "critical", "expected"),
    [
        pytest.param(10_000, False, True, id="up to the buffer"),
        pytest.param(10_001, False, False, id="into the buffer"),
        pytest.param(20_000, True, True, id="critical, up to the total"),
        pytest.param(20_001, True, False, id="critical, past the total"),
    ],
)
def test_consume_never_passes_the_total(
    make: Callable[..., TokenBudget], tokens: int, critical: bool, expected: bool
) -> None:
    """When others were recorded past their limits, the total holds the rest back."""
    budget = make()
    budget.allocate_swarm("over", 1_000)
    budget.allocate_swarm("s", 100_000)
    budget.record("over", 180_000)
    assert budget.consume("s", tokens, critical=critical) is expected
    assert budget.get_global_status()["total_consumed"] == 180_000 + (tokens if expected else 0)


def test_the_buffer_is_spent_once(make: Callable[..., TokenBudget]) -> None:
    """Two swarms cannot both overdraw by the whole reserve buffer."""
    budget = make()
    budget.allocate_swarm("a", 1_000)
    budget.allocate_swarm("b", 1_000)
    assert budget.consume("a", 1_000 + 7_000, critical=True)
    assert not budget.consume("b", 1_000 + 3_001, critical=True)
    assert budget.consume("b", 1_000 + 3_000, critical=True)


def test_what_is_reserved_past_a_limit_is_spent_of_the_buffer(make: Callable[..., TokenBudget]) -> None:
    """A swarm that overdraws still has its reservation to spend: another finds that much less of the buffer."""
    budget = make()
    budget.allocate_swarm("a", 1_000)
    budget.allocate_swarm("b", 1_000)
    assert budget.reserve("a", 400)
    assert budget.consume("a", 600 + 7_000, critical=True)
    assert not budget.consume("b", 1_000 + 3_001, critical=True)
    assert budget.consume("b", 1_000 + 3_000, critical=True)


# -- record, reserve, release, reset, deallocate, resize -----------------------------------------------------


def test_record_always_counts(make: Callable[..., TokenBudget]) -> None:
    """Tokens that are spent count past the limit and past the total; the balance stays at 0."""
    budget = make()
    budget.allocate_swarm("s", 100)
    assert budget.record("s", 150)
    assert budget.get_balance("s") == 0
    assert budget.get_usage_percent("s") == 150.0
    assert budget.record("s", 300_000)
    status = budget.get_global_status()
    assert status["total_consumed"] == 300_150
    assert status["total_available"] == 0
    assert not budget.record("nobody", 1)


@pytest.mark.parametrize(
    ("released", "reserved"),
    [pytest.param(0, 500, id="nothing"), pytest.param(200, 300, id="part"), pytest.param(900, 0, id="more than is")],
)
def test_release_gives_back_at_most_what_is_reserved(
    make: Callable[..., TokenBudget], released: int, reserved: int
) -> None:
    """Releasing more than is reserved releases what there is."""
    budget = make()
    budget.allocate_swarm("s", 1_000)
    assert budget.reserve("s", 500)
    assert budget.release_reservation("s", released)
    assert budget.get_global_status()["swarms"]["s"]["reserved"] == reserved
    assert budget.get_balance("s") == 1_000 - reserved


def test_reservations_cannot_promise_a_token_twice(make: Callable[..., TokenBudget]) -> None:
    """What is reserved is neither reserved nor consumed by somebody else."""
    budget = make()
    budget.allocate_swarm("s", 1_000)
    assert budget.reserve("s", 600)
    assert not budget.reserve("s", 401)
    assert not budget.consume("s", 401)
    assert budget.reserve("s", 400)


def test_reset_starts_a_swarm_again(make: Callable[..., TokenBudget]) -> None:
    """Consumption, reservation and warnings go to 0; the limit stays; the freed tokens leave the total."""
    budget = make()
    budget.allocate_swarm("s", 1_000)
    budget.consume("s", 800)
    budget.reserve("s", 100)
    budget.should_warn("s")
    assert budget.reset("s")
    swarm = budget.get_global_status()["swarms"]["s"]
    assert {key: swarm[key] for key in ("allocated", "consumed", "reserved", "available", "warnings_issued")} == {
        "allocated": 1_000,
        "consumed": 0,
        "reserved": 0,
        "available": 1_000,
        "warnings_issued": 0,
    }
    assert budget.get_global_status()["total_consumed"] == 0


def test_deallocated_swarm_is_gone_and_its_tokens_free(make: Callable[..., TokenBudget]) -> None:
    """After a deallocation the id and the limit can be given again."""
    budget = make()
    budget.allocate_swarm("s", 190_000)
    budget.consume("s", 500)
    assert budget.deallocate_swarm("s")
    assert budget.get_balance("s") == -1
    assert budget.get_global_status()["total_allocated"] == budget.get_global_status()["total_consumed"] == 0
    assert budget.allocate_swarm("s", 190_000)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        pytest.param(300, True, id="down to what is consumed and reserved"),
        pytest.param(299, False, id="below what is consumed and reserved"),
        pytest.param(140_000, True, id="up to what others leave"),
        pytest.param(140_001, False, id="more than others leave"),
    ],
)
def test_resize_keeps_promises(make: Callable[..., TokenBudget], limit: int, expected: bool) -> None:
    """A new limit holds what is used and leaves the others theirs."""
    budget = make()
    budget.allocate_swarm("other", 50_000)
    budget.allocate_swarm("s", 1_000)
    budget.consume("s", 200)
    budget.reserve("s", 100)
    seen = picture(budget)
    assert budget.resize_swarm("s", limit) is expected
    if expected:
        swarms = budget.get_global_status()["swarms"]
        assert (swarms["s"]["allocated"], swarms["other"]["allocated"]) == (limit, 50_000)
    else:
        assert picture(budget) == seen


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda budget: budget.reset("nobody"), id="reset"),
        pytest.param(lambda budget: budget.deallocate_swarm("nobody"), id="deallocate_swarm"),
        pytest.param(lambda budget: budget.resize_swarm("nobody", 10), id="resize_swarm"),
        pytest.param(lambda budget: budget.reserve("nobody", 10), id="reserve"),
        pytest.param(lambda budget: budget.release_reservation("nobody", 10), id="release_reservation"),
        pytest.param(lambda budget: budget.record("nobody", 10), id="record"),
    ],
)
def test_unknown_swarm_is_refused(make: Callable[..., TokenBudget], call: Callable[[TokenBudget], bool]) -> None:
    """Nothing can be done to a swarm that was not allocated."""
    budget = make()
    seen = picture(budget)
    assert call(budget) is False
    assert picture(budget) == seen


# -- rebalance -----------------------------------------------------------------------------------------------


def test_rebalance_shares_by_recent_use(make: Callable[..., TokenBudget]) -> None:
    """Who used more gets more, nobody gets less than promised or used, and the sum is total - buffer."""
    budget = make()
    budget.allocate_swarm("promised", 40_000)
    budget.allocate_swarm("busy")
    budget.allocate_swarm("idle")
    budget.consume("busy", 30_000)
    limits = budget.rebalance()
    assert sum(limits.values()) == 190_000
    assert limits["promised"] >= 40_000
    assert limits["busy"] > 100_000 > limits["idle"]
    assert {name: swarm["allocated"] for name, swarm in budget.get_global_status()["swarms"].items()} == limits


def test_rebalance_leaves_every_swarm_a_fair_minimum(make: Callable[..., TokenBudget]) -> None:
    """Three default swarms, one of which used 10,000: the others can still begin."""
    budget = make()
    for name in ("busy", "second", "third"):
        budget.allocate_swarm(name)
    budget.consume("busy", 10_000)
    assert budget.rebalance() == {"busy": 130_000, "second": 30_000, "third": 30_000}


@pytest.mark.parametrize("left", [0, 1, 2])
def test_rebalance_never_gives_a_limit_of_nothing(make: Callable[..., TokenBudget], left: int) -> None:
    """Where there is not a token for each swarm, the limits stay; else each has one at least."""
    budget = make()
    budget.allocate_swarm("idle")
    budget.allocate_swarm("busy", 140_000)
    budget.record("busy", 190_000 - left)
    limits = budget.rebalance()
    assert limits == ({"idle": 50_000, "busy": 140_000} if left < 2 else {"idle": 1, "busy": 189_999})


def test_a_swarm_that_gave_all_its_tokens_away_shows_its_overuse(make: Callable[..., TokenBudget]) -> None:
    """A promise takes what a default swarm does not use; what that one then uses is over its limit, not at 0%."""
    budget = make()
    budget.allocate_swarm("idle")
    budget.allocate_swarm("large", 190_000)
    assert budget.get_usage_percent("idle") == 0.0
    budget.record("idle", 20)
    assert budget.get_usage_percent("idle") == 2_000.0
    assert budget.get_global_status()["swarms"]["idle"]["usage_percent"] == 2_000.0
    assert budget.should_warn("idle") == (True, "CRITICAL: Swarm idle at 2000.0% token usage")


def test_rebalance_of_an_overdrawn_budget_changes_no_limit(make: Callable[..., TokenBudget]) -> None:
    """When more is used than can be promised, the limits stay as they are."""
    budget = make()
    budget.allocate_swarm("a", 60_000)
    budget.allocate_swarm("b")
    budget.record("b", 150_000)
    assert budget.rebalance() == {"a": 60_000, "b": 50_000}


def test_rebalance_of_nothing(make: Callable[..., TokenBudget]) -> None:
    """Without swarms there are no limits."""
    assert make().rebalance() == {}


def test_rebalance_that_raises_a_limit_arms_its_warning_again(make: Callable[..., TokenBudget]) -> None:
    """A swarm that falls below a threshold is counted as warned again when it crosses it again."""
    budget = make()
    budget.allocate_swarm("s")
    budget.consume("s", 40_000)
    assert budget.should_warn("s")[0]
    budget.rebalance()
    assert not budget.should_warn("s")[0]
    budget.consume("s", 110_000)
    assert budget.should_warn("s")[0]
    assert budget.get_global_status()["swarms"]["s"]["warnings_issued"] == 2


# -- reading -------------------------------------------------------------------------------------------------


def test_unknown_swarm_has_no_figures(make: Callable[..., TokenBudget]) -> None:
    """-1, -1.0 and (False, None) for a swarm that was not allocated, whatever its name."""
    budget = make()
    for name in ("nobody", "", "no such name!"):
        assert budget.get_balance(name) == -1
        assert budget.get_usage_percent(name) == -1.0
        assert isinstance(budget.get_usage_percent(name), float)
        assert budget.should_warn(name) == (False, None)


@pytest.mark.parametrize(
    ("consumed", "expected"),
    [
        pytest.param(0, None, id="nothing"),
        pytest.param(749, None, id="just below 75%"),
        pytest.param(750, "WARNING: Swarm s at 75.0% token usage", id="75%"),
        pytest.param(763, "WARNING: Swarm s at 76.3% token usage", id="the guide's 76.3%"),
        pytest.param(899, "WARNING: Swarm s at 89.9% token usage", id="just below 90%"),
        pytest.param(900, "CRITICAL: Swarm s at 90.0% token usage", id="90%"),
        pytest.param(1_500, "CRITICAL: Swarm s at 150.0% token usage", id="past the limit"),
    ],
)
def test_should_warn_says_the_guides_sentences(
    make: Callable[..., TokenBudget], consumed: int, expected: str | None
) -> None:
    """75% is a WARNING, 90% CRITICAL; it is said at every call, and counted once."""
    budget = make()
    budget.allocate_swarm("s", 1_000)
    budget.record("s", consumed)
    for _ in range(2):
        assert budget.should_warn("s") == (expected is not None, expected)
    assert budget.get_global_status()["swarms"]["s"]["warnings_issued"] == (expected is not None)


@pytest.mark.parametrize("asked", [False, True])
def test_warnings_are_counted_when_a_threshold_is_crossed(make: Callable[..., TokenBudget], asked: bool) -> None:
    """Each crossing upwards counts once, whether anybody asks or not; a lower limit crosses as consumption does."""
    budget = make()
    budget.allocate_swarm("s", 1_000)
    expected = []

    def counted() -> int:
        if asked:
            budget.should_warn("s")
        return int(budget.get_global_status()["swarms"]["s"]["warnings_issued"])

    for change in (
        lambda: budget.consume("s", 749),
        lambda: budget.consume("s", 1),
        lambda: budget.record("s", 140),
        lambda: budget.consume("s", 10),
        lambda: budget.resize_swarm("s", 2_000),
        lambda: budget.resize_swarm("s", 1_000),
        lambda: budget.reset("s"),
    ):
        change()
        expected.append(counted())
    assert expected == [0, 1, 1, 2, 2, 3, 0]


@pytest.mark.parametrize(
    ("consumed", "level", "sentence"),
    [
        pytest.param(149_999, "normal", None, id="just below 150K"),
        pytest.param(
            150_000,
            "warning",
            "WARNING: Global token usage at 150,000/200,000 (75.0%) - Monitor closely",
            id="150K",
        ),
        pytest.param(
            182_000,
            "critical",
            "CRITICAL: Global token usage at 182,000/200,000 (91.0%) - Execute /clear recommended",
            id="the guide's 182,000",
        ),
    ],
)
def test_global_level(make: Callable[..., TokenBudget], consumed: int, level: str, sentence: str | None) -> None:
    """The whole budget has the levels normal, warning and critical; `should_warn` speaks of the swarm only."""
    budget = make()
    budget.allocate_swarm("s", 190_000)
    budget.record("s", consumed)
    assert budget.get_global_status()["warn_level"] == level
    assert budget.should_warn_global() == (sentence is not None, sentence)
    assert "Global" not in str(budget.should_warn("s")[1])


def test_warnings_can_be_turned_off(make: Callable[..., TokenBudget]) -> None:
    """With `enable_warnings` off nothing is said nor counted; the levels are still shown."""
    budget = make(enable_warnings=False)
    budget.allocate_swarm("s", 190_000)
    budget.record("s", 185_000)
    assert budget.should_warn("s") == (False, None)
    assert budget.should_warn_global() == (False, None)
    assert budget.get_global_status()["warn_level"] == "critical"
    assert budget.get_global_status()["swarms"]["s"]["warnings_issued"] == 0


def test_global_status_has_every_key(make: Callable[..., TokenBudget], monkeypatch: pytest.MonkeyPatch) -> None:
    """The status is the documented one, key by key."""
    clock = iter(range(1_000, 2_000))
    monkeypatch.setattr("moai_flow.resource.token_budget.time", lambda: float(next(clock)))
    budget = make()
    budget.allocate_swarm("a", 50_000)
    budget.allocate_swarm("b")
    budget.consume("a", 20_000)
    budget.reserve("a", 5_000)
    assert budget.get_global_status() == {
        "total_budget": 200_000,
        "total_consumed": 20_000,
        "isolated_consumed": 0,
        "total_allocated": 100_000,
        "total_available": 180_000,
        "global_usage_percent": 10.0,
        "warn_level": "normal",
        "active_swarms": 2,
        "swarms": {
            "a": {
                "swarm_id": "a",
                "allocated": 50_000,
                "consumed": 20_000,
                "reserved": 5_000,
                "available": 25_000,
                "usage_percent": 40.0,
                "isolated": False,
                "has_limit": True,
                "created_at": 1_000.0,
                "last_updated": 1_003.0,
                "warnings_issued": 0,
            },
            "b": {
                "swarm_id": "b",
                "allocated": 50_000,
                "consumed": 0,
                "reserved": 0,
                "available": 50_000,
                "usage_percent": 0.0,
                "isolated": False,
                "has_limit": True,
                "created_at": 1_001.0,
                "last_updated": 1_001.0,
                "warnings_issued": 0,
            },
        },
        "thresholds": {"warning_1": 150_000, "warning_2": 180_000},
    }


def test_status_and_history_are_copies(make: Callable[..., TokenBudget]) -> None:
    """Changing what was returned changes no budget."""
    budget = make()
    budget.allocate_swarm("s", 1_000)
    budget.get_global_status()["swarms"]["s"]["consumed"] = 7
    budget.get_global_status()["thresholds"].clear()
    budget.get_history().clear()
    budget.get_history()[0]["tokens"] = 7
    assert budget.get_global_status()["swarms"]["s"]["consumed"] == 0
    assert budget.get_global_status()["thresholds"]["warning_1"] == 150_000
    assert budget.get_history()[0]["tokens"] == 1_000


def test_history_keeps_the_last_fifty_entries(make: Callable[..., TokenBudget]) -> None:
    """Oldest first, of all swarms or of one; what was refused is not in it."""
    budget = make()
    budget.allocate_swarm("a", 10_000)
    budget.allocate_swarm("b", 10)
    for tokens in range(60):
        budget.consume("a", tokens)
    budget.consume("b", 4)
    budget.consume("b", 400)
    history = budget.get_history()
    assert len(history) == 50
    assert [entry["tokens"] for entry in history] == [*range(11, 60), 4]
    assert {entry["action"] for entry in history} == {"consume"}
    times = [entry["timestamp"] for entry in history]
    assert times == sorted(times)
    assert [(entry["swarm_id"], entry["tokens"]) for entry in budget.get_history("b")] == [("b", 4)]
    assert budget.get_history("nobody") == []


def test_history_names_what_happened(make: Callable[..., TokenBudget]) -> None:
    """Every change leaves one entry with the swarm, the action and the tokens moved."""
    budget = make()
    budget.allocate_swarm("s", 1_000)
    budget.consume("s", 100)
    budget.record("s", 50)
    budget.reserve("s", 300)
    budget.release_reservation("s", 500)
    budget.resize_swarm("s", 2_000)
    budget.rebalance()
    budget.reset("s")
    budget.deallocate_swarm("s")
    assert [(entry["swarm_id"], entry["action"], entry["tokens"]) for entry in budget.get_history()] == [
        ("s", "allocate", 1_000),
        ("s", "consume", 100),
        ("s", "record", 50),
        ("s", "reserve", 300),
        ("s", "release", 300),
        ("s", "resize", 2_000),
        ("", "rebalance", 190_000),
        ("s", "reset", 150),
        ("s", "deallocate", 0),
    ]


# -- bad input -----------------------------------------------------------------------------------------------

METHODS: dict[str, Callable[[TokenBudget, Any], object]] = {
    "allocate_swarm": lambda budget, value: budget.allocate_swarm("new", value),
    "resize_swarm": lambda budget, value: budget.resize_swarm("s", value),
    "consume": lambda budget, value: budget.consume("s", value),
    "consume critical": lambda budget, value: budget.consume("s", value, critical=True),
    "record": lambda budget, value: budget.record("s", value),
    "reserve": lambda budget, value: budget.reserve("s", value),
    "release_reservation": lambda budget, value: budget.release_reservation("s", value),
}
BAD_TOKENS = [
    pytest.param(True, TypeError, "True", id="a bool"),
    pytest.param(1.5, TypeError, "1.5", id="a fraction"),
    pytest.param(float("nan"), TypeError, "nan", id="a NaN"),
    pytest.param(float("inf"), TypeError, "inf", id="an infinity"),
    pytest.param("5", TypeError, "'5'", id="text"),
    pytest.param([5], TypeError, "[5]", id="a list"),
    pytest.param(-1, ValueError, "-1", id="a negative number"),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("value", "error", "shown"), BAD_TOKENS)
def test_bad_number_of_tokens_is_named(
    make: Callable[..., TokenBudget], method: str, value: object, error: type[Exception], shown: str
) -> None:
    """The error names the argument and the value, and nothing has changed."""
    budget = make()
    budget.allocate_swarm("s", 1_000)
    budget.reserve("s", 100)
    seen = picture(budget)
    with pytest.raises(error) as caught:
        METHODS[method](budget, value)
    assert ("token_limit" if method in ("allocate_swarm", "resize_swarm") else "tokens") in str(caught.value)
    assert shown in str(caught.value)
    assert picture(budget) == seen


@pytest.mark.parametrize("method", [name for name in METHODS if name != "allocate_swarm"])
def test_none_is_no_number_of_tokens(make: Callable[..., TokenBudget], method: str) -> None:
    """None means the default limit to `allocate_swarm`, and nothing to anybody else."""
    budget = make()
    budget.allocate_swarm("s", 1_000)
    with pytest.raises(TypeError, match="None"):
        METHODS[method](budget, None)


@pytest.mark.parametrize("method", ["allocate_swarm", "resize_swarm"])
def test_a_limit_of_nothing_is_no_limit(make: Callable[..., TokenBudget], method: str) -> None:
    """A limit is at least one token."""
    budget = make()
    budget.allocate_swarm("s", 1_000)
    with pytest.raises(ValueError, match="token_limit must be at least 1, not 0"):
        METHODS[method](budget, 0)


def test_record_has_an_upper_end(make: Callable[..., TokenBudget]) -> None:
    """A number that no figure could be computed with is refused, not kept."""
    budget = make()
    budget.allocate_swarm("s", 1_000)
    with pytest.raises(ValueError, match="tokens must be at most 1000000000000, not"):
        budget.record("s", 10**12 + 1)
    assert budget.record("s", 10**12)
    assert budget.reset("s")
    assert not budget.consume("s", 10**400)
    assert budget.get_usage_percent("s") == 0.0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        pytest.param(-(10**5_000), ValueError, "not int of 16,610 bits", id="negative"),
        pytest.param([10**5_000], TypeError, "not list", id="in a list"),
        pytest.param(10**5_000, ValueError, "not int of 16,610 bits", id="positive"),
    ],
)
def test_a_number_that_python_does_not_write_is_named(
    make: Callable[..., TokenBudget], method: str, value: object, error: type[Exception], shown: str
) -> None:
    """Python writes no integer beyond 4,300 digits: the error tells its size, and the argument."""
    budget = make()
    budget.allocate_swarm("s", 1_000)
    if method.startswith("consume") and value == 10**5_000:
        assert not METHODS[method](budget, value)
        return
    with pytest.raises(error, match=r"tokens|token_limit") as caught:
        METHODS[method](budget, value)
    assert shown in str(caught.value)


SWARM_METHODS: dict[str, Callable[[TokenBudget, Any], object]] = {
    "allocate_swarm": lambda budget, name: budget.allocate_swarm(name),
    "resize_swarm": lambda budget, name: budget.resize_swarm(name, 5),
    "consume": lambda budget, name: budget.consume(name, 5),
    "record": lambda budget, name: budget.record(name, 5),
    "reserve": lambda budget, name: budget.reserve(name, 5),
    "release_reservation": lambda budget, name: budget.release_reservation(name, 5),
    "reset": lambda budget, name: budget.reset(name),
    "deallocate_swarm": lambda budget, name: budget.deallocate_swarm(name),
    "get_balance": lambda budget, name: budget.get_balance(name),
    "get_usage_percent": lambda budget, name: budget.get_usage_percent(name),
    "should_warn": lambda budget, name: budget.should_warn(name),
}


@pytest.mark.parametrize("method", SWARM_METHODS)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(None, id="None"),
        pytest.param(5, id="a number"),
        pytest.param(["s"], id="a list"),
        pytest.param(b"s", id="bytes"),
    ],
)
def test_a_name_that_is_no_string_is_named(make: Callable[..., TokenBudget], method: str, name: object) -> None:
    """The error names the argument and the value, and nothing has changed."""
    budget = make()
    budget.allocate_swarm("s", 1_000)
    seen = picture(budget)
    with pytest.raises(TypeError, match="swarm_id must be a string") as caught:
        SWARM_METHODS[method](budget, name)
    assert repr(name) in str(caught.value)
    assert picture(budget) == seen


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="empty"),
        pytest.param("a b", id="a space"),
        pytest.param("a/b", id="a slash"),
        pytest.param("a\nb", id="a line end"),
        pytest.param("\x1b[31m", id="a colour"),
        pytest.param("schwärm", id="a letter beyond ASCII"),
        pytest.param("x" * 65, id="too long"),
    ],
)
def test_a_swarm_cannot_be_called_so(make: Callable[..., TokenBudget], name: str) -> None:
    """Names are printed and used as keys: others than 1-64 of A-Z a-z 0-9 . _ - are refused."""
    budget = make()
    with pytest.raises(ValueError, match="swarm_id must be 1-64 characters") as caught:
        budget.allocate_swarm(name)
    assert ascii(name)[:37] in str(caught.value)
    assert picture(budget)[0]["active_swarms"] == 0


@pytest.mark.parametrize("name", ["a", "x" * 64, "swarm-1", "a.b_c-D9", "-", "."])
def test_a_swarm_can_be_called_so(make: Callable[..., TokenBudget], name: str) -> None:
    """Every character of A-Z a-z 0-9 . _ - may stand anywhere."""
    assert make().allocate_swarm(name, 5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            {"config": {"total_budget": 5}}, "config must be a BudgetConfig, not {'total_budget': 5}", id="dict"
        ),
        pytest.param({"config_path": 5}, "config_path must be a path, not 5", id="config_path"),
        pytest.param({"config_path": BudgetConfig()}, "config_path must be a path, not BudgetConfig", id="positional"),
        pytest.param({"state_path": 5}, "state_path must be a path, not 5", id="state_path"),
        pytest.param({"config": BudgetConfig(), "config_path": "x"}, "config_path and config", id="both"),
    ],
)
def test_bad_arguments_of_the_budget_are_named(arguments: dict[str, Any], message: str) -> None:
    """A budget is made of a path or of settings, not of anything else."""
    with pytest.raises(TypeError) as caught:
        TokenBudget(**arguments)
    assert str(caught.value).startswith(message)


def test_paths_may_be_bytes_or_path_objects(tmp_path: Path) -> None:
    """Whatever names a file for `open` names it for the budget."""
    config = tmp_path / "config.json"
    config.write_text('{"token_budget": {"total_budget": 100000}}', encoding="utf-8")
    for form in (config, str(config), str(config).encode()):
        assert TokenBudget(form, state_path=tmp_path / "state.json").config.total_budget == 100_000
