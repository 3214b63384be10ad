from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moai_flow.hook.attribution import matches
from moai_flow.usage.attribution import divide, is_client_helper, swarm_of_agent
from moai_flow.usage.classes import FIELDS, Usage

RULES = [("backend", ["backend*"]), ("research", ["Explore", "Plan"])]

amounts = st.builds(Usage, *[st.integers(0, 10_000_000) for _ in FIELDS])
holdings = st.dictionaries(st.sampled_from(["main", "a", "b", "c", "d"]), st.integers(0, 200_000))


@pytest.mark.parametrize(
    ("agent_type", "swarm"),
    [
        ("backend-dev", "backend"),
        ("Explore", "research"),
        ("general-purpose", "general-purpose"),
        ("my plugin:review", "my-plugin-review"),
        ("main", "main.agents"),
        ("", "agent"),
    ],
)
def test_an_agents_swarm_is_its_types(agent_type: str, swarm: str) -> None:
    """The first rule that matches the type, else a swarm named after it; `main` is the main window's."""
    assert swarm_of_agent(agent_type, RULES, matches) == swarm


def test_a_request_is_divided_by_what_each_swarm_holds_of_the_window() -> None:
    """The window is read whole with each request."""
    parts = divide(Usage(1, 10, 0, 100, 1_000, 7), {"main": 30_000, "services": 10_000})
    assert {name: part.as_tuple() for name, part in parts.items()} == {
        "main": (1, 8, 0, 75, 750, 5),
        "services": (0, 2, 0, 25, 250, 2),
    }


def test_a_request_of_an_empty_window_is_the_main_swarms() -> None:
    """A window that holds nothing yet has no other swarm in it."""
    usage = Usage(1, 10)
    assert divide(usage, {}) == divide(usage, {"services": 0}) == {"main": usage}


@given(amounts, holdings)
def test_the_parts_of_a_request_add_up_to_it(usage: Usage, held: dict[str, int]) -> None:
    """To the token, class by class."""
    total = Usage()
    for part in divide(usage, held).values():
        total.add(part)
    assert total == usage


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("acompact-3f2a51bc", True),
        ("aprompt_suggestion-3f2a51", True),
        ("a3f2a51bc0d1e2f3a", False),
        ("sidechain", False),
        ("", False),
    ],
)
def test_the_clients_own_helpers_are_known_by_their_ids(agent: str, expected: bool) -> None:
    """They have no type and are not agents that somebody started."""
    assert is_client_helper(agent) is expected
