"""`token-budget pool`."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from moai_flow.cli.program import program
from moai_flow.pool.definition import Pool
from moai_flow.pool.local import LocalPool
from moai_flow.pool.redis_store import RedisPool

if TYPE_CHECKING:
    from pathlib import Path

    from support.redis_process import RedisProcess


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("TOKEN_BUDGET_POOL", raising=False)

    def write(**section: Any) -> None:
        path = tmp_path / "config/token-budget/config.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"token_budget": section}))

    write(pool="team", pools={"team": {"limit": 1_000, "per": "session", "swarms": {"backend": {"limit": 400}}}})
    return write


@pytest.fixture
def used(state: str, settings: Any) -> LocalPool:  # noqa: ARG001 - the fixture's effect is wanted
    pool = LocalPool(Pool("team", 1_000, "session", {"backend": 400}), state, "m1")
    pool.publish("one", {"main": 100}, time.time())
    pool.publish("two", {"backend": 700}, time.time() - 1_200)
    return pool


USED = pytest.mark.usefixtures("used")


def run(state: str, *arguments: str) -> Result:
    return CliRunner().invoke(program, ["pool", *arguments, "--state-dir", state], prog_name="token-budget")


@USED
def test_status_is_the_pool_of_this_project(state: str) -> None:
    """Total, swarms, machines and sessions; who has not been heard of is away."""
    done = run(state, "status")
    assert done.exit_code == 0, done.output
    text = done.output
    assert "pool team  local" in text
    assert "all so far" in text
    assert "800 / 1,000" in text
    assert "80.0%" in text
    assert "WARNING" in text
    assert "2 sessions on 1 machine" in text
    assert "away for 20 min" in text


@USED
def test_status_as_json_has_the_documented_keys(state: str) -> None:
    """For scripts."""
    document = json.loads(run(state, "status", "team", "--json").output)
    assert list(document) == [
        "pool",
        "limit",
        "per",
        "consumed",
        "leased",
        "available",
        "swarms",
        "sessions",
        "store",
    ]
    assert document["available"] == 200
    assert document["swarms"]["backend"] == {"limit": 400, "consumed": 700, "leased": 0}
    assert set(document["sessions"][0]) == {"session_id", "machine", "consumed", "seen"}


@USED
def test_list_names_pools_that_are_defined_or_were_used(state: str, settings: Any) -> None:
    """Those of repositories under their own names."""
    LocalPool(Pool("old"), state, "m1").publish("x", {"main": 5}, time.time())
    settings(pools={"team": {"limit": 1_000, "per": "session"}, "new": {"limit": "5K"}})
    done = run(state, "list")
    assert done.output.splitlines() == [
        "new: 0 of 5,000, 0 sessions, local",
        "old: 5 no limit, 1 session, local",
        "team: 800 of 1,000, 2 sessions, local",
    ]
    document = json.loads(run(state, "list", "--json").output)
    assert [one["pool"] for one in document["pools"]] == ["new", "old", "team"]


def test_reset_takes_all_back(used: LocalPool, state: str) -> None:
    """The next publication counts what is new."""
    assert run(state, "reset").output == "team: 800 tokens taken back\n"
    answer, _ = used.publish("one", {"main": 110}, time.time() + 1)
    assert answer.consumed["main"] == 10
    assert json.loads(run(state, "reset", "--json").output)["consumed"] == 0


@USED
def test_watch_into_a_pipe_prints_once(state: str) -> None:
    """Like `watch` of a session."""
    assert "800 / 1,000" in run(state, "watch").output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["status", "nothing"], "no pool nothing", id="unknown"),
        pytest.param(["status", "a b"], "1-64 characters", id="no name"),
    ],
)
@USED
def test_a_pool_that_is_none_is_an_error(state: str, arguments: list[str], message: str) -> None:
    """It says what to do."""
    done = run(state, *arguments)
    assert done.exit_code in (1, 2)
    assert message in done.output


def test_without_a_pool_it_says_how_to_join_one(state: str, settings: Any) -> None:
    """Nothing is guessed."""
    settings()
    done = run(state, "status")
    assert done.exit_code == 1
    assert "TOKEN_BUDGET_POOL" in done.output
    assert "No pool yet" in run(state, "list").output


def test_settings_that_cannot_be_used_are_said(state: str, settings: Any) -> None:
    """With the key."""
    settings(pools={"team": {"limit": "lots"}}, pool="team")
    done = run(state, "status")
    assert done.exit_code == 1
    assert "pools: team: limit:" in done.output


def test_a_pool_in_a_server(server: RedisProcess, state: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same commands; a password is not shown."""
    address = server.url.replace("redis://", "redis://user:secret@")
    settings(pool="team", pools={"team": {"limit": 1_000, "per": "session", "store": server.url}})
    RedisPool(Pool("team", 1_000, "session", store=server.url), state, "m1").publish("one", {"main": 5}, time.time())
    document = json.loads(run(state, "status", "--json").output)
    assert (document["consumed"], document["store"]) == (5, server.url)
    assert run(state, "reset").output == "team: 5 tokens taken back\n"
    settings(pool="team", pools={"team": {"store": address}})
    done = run(state, "status")
    assert done.exit_code == 1
    assert "gives no answer" in done.output
    assert "secret" not in done.output
    monkeypatch.setenv("TOKEN_BUDGET_POOLS", json.dumps({"team": {"store": "redis://127.0.0.1:1/0"}}))
    assert "gives no answer (ConnectionError)" in run(state, "list").output
