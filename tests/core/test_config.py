"""Settings: each key by itself, and where they come from."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from moai_flow.core.names import safe_name
from moai_flow.core.setting_checks import CHECKS, parse_text
from moai_flow.resource import BudgetConfig, ConfigError, SwarmRule, TokenBudget

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("settings", "key", "expected"),
    [
        pytest.param({"total_budget": 1_000_000}, "warning_threshold_1", 750_000, id="75% of another total"),
        pytest.param({"total_budget": 1_000_000}, "warning_threshold_2", 900_000, id="90% of another total"),
        pytest.param({"warning_threshold_1": 0.5}, "warning_threshold_1", 100_000, id="a fraction of the total"),
        pytest.param({"warning_threshold_2": 1.0}, "warning_threshold_2", 200_000, id="all of the total"),
        pytest.param({"warning_threshold_1": 7}, "warning_threshold_1", 7, id="tokens"),
        pytest.param({"total_budget": "auto"}, "total_budget", 200_000, id="auto while the window is unknown"),
        pytest.param({"total_budget": 20_000}, "reserve_buffer", 10_000, id="the usual buffer"),
        pytest.param({"total_budget": 1_000}, "reserve_buffer", 50, id="a small total keeps a twentieth"),
        pytest.param({"total_budget": 1}, "reserve_buffer", 0, id="the smallest total keeps nothing"),
        pytest.param({"reserve_buffer": 0}, "reserve_buffer", 0, id="no buffer"),
        pytest.param(
            {"swarms": {"b": {"limit": 5, "agents": "b*", "paths": ["x/**"]}}},
            "swarms",
            (SwarmRule("b", 5, ("b*",), ("x/**",)),),
            id="rules",
        ),
    ],
)
def test_settings_mean(settings: dict[str, Any], key: str, expected: object) -> None:
    """What a value becomes."""
    assert getattr(BudgetConfig(**settings), key) == expected


BAD = [
    pytest.param("total_budget", 0, "at least 1", id="no tokens"),
    pytest.param("total_budget", -5, "at least 1", id="negative"),
    pytest.param("total_budget", True, "whole number", id="bool"),
    pytest.param("total_budget", 1.5, "whole number", id="fraction"),
    pytest.param("total_budget", "200K", "whole number", id="text"),
    pytest.param("total_budget", None, "whole number", id="null"),
    pytest.param("total_budget", 10**13, "at most 1,000,000,000,000", id="too many"),
    pytest.param("warning_threshold_1", 1.5, "fraction", id="more than all"),
    pytest.param("warning_threshold_1", 0.0, "fraction", id="a fraction of nothing"),
    pytest.param("warning_threshold_2", "high", "whole number", id="a threshold that is text"),
    pytest.param("warning_threshold_1", 190_000, "above warning_threshold_2", id="the first above the second"),
    pytest.param("default_swarm_limit", [], "whole number", id="a list"),
    pytest.param("enable_warnings", "yes", "true or false", id="a flag that is text"),
    pytest.param("enable_auto_rebalance", 1, "true or false", id="a flag that is a number"),
    pytest.param("reserve_buffer", 200_000, "leaves nothing", id="a buffer of everything"),
    pytest.param("reserve_buffer", -1, "at least", id="a negative buffer"),
    pytest.param("swarms", [], "object of swarms", id="swarms as a list"),
    pytest.param("swarms", {"a b": {}}, "1-64 characters", id="a bad name"),
    pytest.param("swarms", {"a": 5}, "must be an object with limit", id="a rule that is a number"),
    pytest.param("swarms", {"a": {"limt": 5}}, "a.limt: unknown key", id="a misspelt rule"),
    pytest.param("swarms", {"a": {"limit": -5}}, "a: must be at least 1", id="a rule's limit"),
    pytest.param("swarms", {"a": {"agents": 5}}, "list of globs", id="globs that are a number"),
    pytest.param("swarms", {"a": {"paths": ["x" * 300]}}, "256 characters", id="a long glob"),
    pytest.param("swarms", {f"s{n}": {"paths": ["x"] * 50} for n in range(9)}, "400 globs in all", id="many globs"),
    pytest.param("swarms", {f"s{n}": {} for n in range(201)}, "at most 200", id="too many rules"),
    pytest.param("subagents", "both", "isolated, shared", id="an unknown word"),
    pytest.param("enforce", False, "off, ask, deny", id="a word that is a flag"),
    pytest.param("total_buget", 5, "unknown key", id="a misspelt key"),
]


@pytest.mark.parametrize(("key", "value", "reason"), BAD)
def test_bad_setting_is_named(key: str, value: object, reason: str) -> None:
    """The error is a ConfigError and a ValueError, names the key and says why."""
    with pytest.raises(ConfigError) as caught:
        BudgetConfig(**{key: value})
    assert isinstance(caught.value, ValueError)
    assert str(caught.value).startswith(f"{key}:")
    assert reason in str(caught.value)


@pytest.mark.parametrize(("key", "value", "reason"), BAD)
def test_bad_setting_in_a_file_is_named_with_the_file(own_folders: Path, key: str, value: object, reason: str) -> None:
    """The error names file, key and reason, in one short line."""
    path = own_folders / "config.json"
    path.write_text(json.dumps({"token_budget": {key: value}}), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        TokenBudget(path)
    message = str(caught.value)
    assert re.match(rf"{re.escape(str(path))}(:1)?: token_budget\.{key}\b", message)
    assert reason in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "not JSON", id="empty"),
        pytest.param(b"{", "not JSON", id="cut"),
        pytest.param(b"\xff\xfe", "not JSON", id="not text"),
        pytest.param(b"[" * 100_000, "not JSON", id="nested too deeply"),
        pytest.param(b"[]", "must be an object, not list", id="a list"),
        pytest.param(b'{"token_budget": 5}', "token_budget: must be an object, not 5", id="a number"),
        pytest.param(b'{"token_budget": null}', "token_budget: must be an object, not None", id="null"),
        pytest.param(b'{"token_budget": {"total_budget": NaN}}', "not JSON (NaN is not JSON)", id="NaN"),
    ],
)
def test_malformed_file_is_named(own_folders: Path, content: bytes, reason: str) -> None:
    """A file that is there must be usable."""
    path = own_folders / "config.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        TokenBudget(path)
    assert str(caught.value).startswith(f"{path}:")
    assert reason in str(caught.value)


def test_folder_in_place_of_the_file_is_named(own_folders: Path) -> None:
    """What cannot be read is an error, not a missing file."""
    with pytest.raises(ConfigError, match="cannot be read"):
        TokenBudget(own_folders)


@pytest.mark.parametrize(
    "content", [pytest.param("{}", id="no section"), pytest.param('{"token_budget": {}}', id="an empty section")]
)
def test_file_that_says_nothing_means_defaults(own_folders: Path, content: str) -> None:
    """Other parts of the project's configuration are none of ours."""
    path = own_folders / "config.json"
    path.write_text(content, encoding="utf-8")
    assert TokenBudget(path).config == BudgetConfig()


def test_missing_file_means_defaults() -> None:
    """Both a named file and the project's own may be missing."""
    assert TokenBudget("nowhere/config.json").config == TokenBudget().config == BudgetConfig()


def test_byte_order_mark_is_no_error(own_folders: Path) -> None:
    """Editors on Windows put one in front."""
    path = own_folders / "config.json"
    path.write_bytes(b'\xef\xbb\xbf{"token_budget": {"total_budget": 100000}}')
    assert TokenBudget(path).config.total_budget == 100_000


# -- layers --------------------------------------------------------------------------------------------------


def test_stronger_layers_win_key_by_key() -> None:
    """Each key comes from the strongest layer that has it."""
    config, problems = BudgetConfig.merged(
        [("user", {"total_budget": 300_000, "default_swarm_limit": 1}), ("project", {"total_budget": 400_000})]
    )
    assert (config.total_budget, config.default_swarm_limit, problems) == (400_000, 1, [])


@pytest.mark.parametrize(("key", "value", "reason"), BAD)
def test_bad_key_of_a_layer_costs_that_key_only(key: str, value: object, reason: str) -> None:
    """It is named once, in one line, and the rest stays in force."""
    config, problems = BudgetConfig.merged([("user", {"notify": "model"}), ("project", {key: value})])
    assert len(problems) == 1
    assert reason in problems[0] or "unknown key" in problems[0]
    assert key in problems[0]
    assert "\n" not in problems[0]
    assert config == BudgetConfig(notify="model", total_budget="auto")
    assert config.given == {"notify": "model"}


def test_auto_is_the_windows_size() -> None:
    """With the window known, `auto` is its size and the thresholds follow."""
    config, _ = BudgetConfig.merged([("user", {"total_budget": "auto"})], window_size=1_000_000)
    assert (config.total_budget, config.warning_threshold_1, config.warning_threshold_2) == (
        1_000_000,
        750_000,
        900_000,
    )
    assert config.to_dict()["total_budget"] == "auto"


def test_settings_survive_a_file() -> None:
    """`to_dict` gives what `BudgetConfig` takes."""
    config = BudgetConfig(total_budget=300_000, swarms={"a": {"limit": 5, "agents": ["b*"]}}, notify="person")
    assert BudgetConfig(**json.loads(json.dumps(config.to_dict()))) == config
    assert set(config.to_dict()) == set(CHECKS)


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), (" False ", False), ("200,000", 200_000), ("0.75", 0.75), ("auto", "auto"), ("", "")],
)
def test_text_means_a_value(text: str, value: object) -> None:
    """A setting from the environment is a number, true or false, or text."""
    assert parse_text(text) == value
    assert type(parse_text(text)) is type(value)


@pytest.mark.parametrize(
    ("name", "safe"), [("a b", "a-b"), ("", "-"), ("x" * 70, "x" * 64), ("ä\n", "--"), ("ok.1_-", "ok.1_-")]
)
def test_names_are_made_safe(name: str, safe: str) -> None:
    """What cannot stand in a swarm's name is replaced."""
    assert safe_name(name) == safe


def test_the_keys_of_pools_are_no_mistake() -> None:
    """They stand in the same object and are checked where pools are: neither the hooks nor the library name them."""
    layer = {"pool": "team", "pools": {"team": {"limit": "20M"}}, "notify": "model"}
    config, problems = BudgetConfig.merged([("user", layer)])
    assert problems == []
    assert config.given == {"notify": "model"}
    assert BudgetConfig(**layer) == BudgetConfig(notify="model")
