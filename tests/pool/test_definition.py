"""What the settings may say of a pool."""

from __future__ import annotations

from typing import Any

import pytest

from moai_flow.pool.definition import Pool, check_name, check_pools, public_address
from moai_flow.pool.settings import PoolSettings

SERVER = "redis://budget.example:6379/0"


def test_a_pool_as_the_documentation_writes_it() -> None:
    """Amounts may be text; what is missing has a default."""
    pools = check_pools(
        {
            "checkout-rewrite": {
                "limit": "20M",
                "per": "week",
                "store": SERVER,
                "swarms": {"backend": {"limit": "8M"}, "research": {"limit": 4_000_000}},
            },
            "plain": {"limit": 5},
        }
    )
    assert pools == (
        Pool("checkout-rewrite", 20_000_000, "week", {"backend": 8_000_000, "research": 4_000_000}, SERVER, "allow"),
        Pool("plain", 5, "week", {}, "local", "allow"),
    )
    assert check_pools(pools) is pools


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param([], "object of pools", id="a list"),
        pytest.param({"a b": {}}, "a-b: must be a pool's name", id="a name with a space"),
        pytest.param({".lock": {}}, "dot", id="a name with a dot first"),
        pytest.param({"../up": {}}, "must be a pool's name", id="a path"),
        pytest.param({"a": 5}, "a: must be an object", id="no object"),
        pytest.param({"a": {"limits": 5}}, "a: limits: unknown key", id="an unknown key"),
        pytest.param({"a": {"limit": 0}}, "a: limit: must be at least 1", id="a limit of nothing"),
        pytest.param({"a": {"limit": True}}, "a: limit: must be a whole number", id="a limit that is a flag"),
        pytest.param({"a": {"limit": "many"}}, "a: limit: 'many' is not a number", id="a limit in words"),
        pytest.param({"a": {"per": "year"}}, "a: per: must be", id="an unknown period"),
        pytest.param({"a": {"per": "0h"}}, "a: per: must be", id="a period of nothing"),
        pytest.param({"a": {"per": 5}}, "a: per: must be", id="a period that is a number"),
        pytest.param({"a": {"store": "http://x"}}, "a: store: must be", id="another kind of store"),
        pytest.param({"a": {"store": "redis://x y"}}, "a: store: must be", id="an address with a space"),
        pytest.param({"a": {"store": "redis://" + "x" * 600}}, "a: store: must be", id="a long address"),
        pytest.param({"a": {"when_away": "ask"}}, "a: when_away: must be", id="an unknown rule"),
        pytest.param({"a": {"swarms": {"b c": {"limit": 1}}}}, "a: swarms: b-c: a swarm's name", id="a swarm's name"),
        pytest.param({"a": {"swarms": {"b": {}}}}, 'a: swarms: b: must be an object with "limit"', id="no limit"),
        pytest.param({"a": {"swarms": {"b": {"limit": -1}}}}, "a: swarms: b.limit: must be", id="a negative limit"),
        pytest.param({"project": {"store": SERVER}}, "project: store:", id="a repository's pool in a server"),
        pytest.param({f"p{n}": {} for n in range(101)}, "at most 100", id="too many"),
    ],
)
def test_what_cannot_be_is_an_error_that_names_the_key(value: Any, message: str) -> None:
    """The message says which pool and which key, and what it must be."""
    with pytest.raises((TypeError, ValueError)) as caught:
        check_pools(value)
    assert message in str(caught.value)


@pytest.mark.parametrize("value", [5, None, "", "a b", "../x", ".x", "x" * 65, "a\n"])
def test_a_name_that_is_none_is_refused(value: Any) -> None:
    """It would become a folder's name and a key."""
    with pytest.raises((TypeError, ValueError)):
        check_name(value)


def test_an_address_is_shown_without_its_password() -> None:
    """In errors, JSON and repr."""
    address = "rediss://user:secret@budget.example:6380/2?ssl_ca_certs=/etc/ca.pem"
    assert public_address(address) == "rediss://budget.example:6380/2"
    assert "secret" not in repr(Pool("a", store=address))
    assert public_address("local") == "local"


# -- which layer may say what ------------------------------------------------------------------------------------


def test_a_project_names_a_pool_and_nothing_more() -> None:
    """Limits and addresses count from the user's own file and the environment only."""
    mine = ("user config", {"pools": {"team": {"limit": "1M"}}, "pool": "mine"})
    theirs = (".moai/config/config.json", {"pool": "team", "pools": {"team": {"store": "redis://evil"}}})
    settings = PoolSettings([mine, theirs], {})
    assert settings.name == "team"
    assert settings.pools == (Pool("team", 1_000_000),)
    assert settings.problems == [
        ".moai/config/config.json: pools: only your own settings and the environment count; not used"
    ]


def test_the_environment_comes_last() -> None:
    """`TOKEN_BUDGET_POOL` joins any session; `TOKEN_BUDGET_POOLS` is JSON."""
    environ = {"TOKEN_BUDGET_POOL": "other", "TOKEN_BUDGET_POOLS": '{"other": {"limit": "2K"}}'}
    settings = PoolSettings([("user config", {"pool": "mine"})], environ)
    assert (settings.name, settings.pools, settings.problems) == ("other", (Pool("other", 2_000),), [])


def test_what_is_not_used_is_named_without_a_password() -> None:
    """One line for each; what stronger layers say wrongly leaves the weaker in force."""
    environ = {"TOKEN_BUDGET_POOL": "a b", "TOKEN_BUDGET_POOLS": '{"a": {"store": "redis://:secret@x y"}}'}
    settings = PoolSettings([("user config", {"pool": "mine"})], environ)
    assert settings.name == "mine"
    assert len(settings.problems) == 2
    assert "secret" not in "".join(settings.problems)
    assert PoolSettings([], {"TOKEN_BUDGET_POOLS": "{"}).problems == ["environment: pools: not JSON; not used"]
