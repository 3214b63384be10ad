from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from support.billing import lines, reply

from moai_flow.usage.grouping import KINDS, group, total
from moai_flow.usage.messages import read_lines
from moai_flow.usage.progress import Progress
from moai_flow.usage.tally import Place, Tally

File = tuple[Place, list[dict[str, Any]]]

MAIN = Place("s1", project="/p")
FORKED = Place("s2", project="/p")
FORK = Place("s1", "a1", "fork")
NESTED = Place("s1", "a2", "backend")


def copied(**changes: Any) -> dict[str, Any]:
    return reply(sessionId="s2", requestSessionId="s1", **changes)


def tallied(files: list[File]) -> Tally:
    tally = Tally()
    for place, records in files:
        batch = read_lines(lines(*records), Progress(), is_agent=bool(place.agent))
        tally.add(batch.messages.values(), place)
    return tally


@pytest.mark.parametrize(
    ("files", "window"),
    [
        pytest.param([(MAIN, [reply()]), (FORKED, [copied()])], "s1", id="a forked session"),
        pytest.param([(FORKED, [copied()])], "s1", id="a forked session whose origin was deleted"),
        pytest.param([(MAIN, [reply()]), (FORK, [reply(isSidechain=True)])], "s1", id="a forked agent"),
        pytest.param(
            [
                (NESTED, [reply(attributionAgent="backend")]),
                (FORK, [reply(attributionAgent="backend")]),
            ],
            "a2",
            id="a forked agent of an agent",
        ),
        pytest.param(
            [
                (MAIN, [{"type": "progress", "data": {"agentId": "a2", "message": reply()}}]),
                (NESTED, [reply(attributionAgent="backend")]),
            ],
            "a2",
            id="a report of an agent's progress",
        ),
        pytest.param(
            [(MAIN, [{"type": "progress", "data": {"agentId": "a2", "message": reply()}}])],
            "a2",
            id="a report of an agent whose transcript was deleted",
        ),
    ],
)
def test_a_copied_message_is_counted_where_it_was_made(files: list[File], window: str) -> None:
    """Once, in whatever order the files are read."""
    for order in permutations(files):
        sums = group(tallied(list(order)).entries(), KINDS["window"])
        assert {name: part.as_tuple() for name, part in sums.items()} == {window: (1, 10, 0, 2_000, 3_000, 50)}


def test_a_fuller_copy_gives_the_figure_and_not_the_place() -> None:
    """A copy may have the reply's real size where the original has a placeholder."""
    for order in permutations([(MAIN, [reply(output=1)]), (FORKED, [copied(output=50)])]):
        (entry,) = tallied(list(order)).entries()
        assert (entry.session, entry.usage.output) == ("s1", 50)


def test_a_message_that_comes_again_and_fuller_replaces_itself() -> None:
    """A file is read in parts, and a message's lines may be in two of them."""
    tally = tallied([(MAIN, [reply(output=1)]), (MAIN, [reply(output=50)]), (MAIN, [reply(output=2)])])
    assert total(tally.entries()).as_tuple() == (1, 10, 0, 2_000, 3_000, 50)


def test_a_request_with_more_than_200000_input_tokens_is_long() -> None:
    """Some models have other prices for it."""
    usage = {"input_tokens": 1, "cache_read_input_tokens": 200_000, "output_tokens": 1}
    (entry,) = tallied([(MAIN, [reply(usage=usage)])]).entries()
    assert entry.is_long
    (entry,) = tallied([(MAIN, [reply()])]).entries()
    assert not entry.is_long
