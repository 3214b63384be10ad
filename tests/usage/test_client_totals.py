from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from support.billing import lines, reply, write
from support.recordings import recordings

from moai_flow.usage import Usage, read_usage
from moai_flow.usage.client_totals import merge_totals, read_totals, unrecorded
from moai_flow.usage.tally import Entry

if TYPE_CHECKING:
    from pathlib import Path


def total(start: object, output: int, **changes: Any) -> dict[str, Any]:
    """Return the client's own total: a model with an input of 10, and a reply."""
    usage = {"inputTokens": 10, "outputTokens": output, "cacheCreationInputTokens": 2_000}
    return {"type": "cost-state", "startTime": start, "modelUsage": {"claude-opus-5-5": usage}, **changes}


def message(session: str, output: int) -> Entry:
    return Entry(Usage(1, 10, 2_000, 0, 0, output), session=session)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([total(1, 50)], {"1": [10, 2_000, 0, 0, 50]}),
        ([total(1, 50), total(1, 70)], {"1": [10, 2_000, 0, 0, 70]}),
        ([total(1, 50), total(2, 5)], {"1": [10, 2_000, 0, 0, 50], "2": [10, 2_000, 0, 0, 5]}),
        ([total("1", 50), total(1, 50, modelUsage=[]), total(1, 50, type="other")], {}),
    ],
    ids=["one", "the later one holds", "two starts", "not a total"],
)
def test_the_last_total_of_each_start_holds(records: list[dict[str, Any]], expected: dict[str, list[int]]) -> None:
    """The client writes its total again and again, each the sum since a start."""
    assert read_totals(lines(*records)) == expected
    merged: dict[str, list[int]] = {}
    for record in records:
        merge_totals(merged, read_totals(lines(record)))
    assert merged == expected


def test_sessions_with_a_start_in_common_are_one_sum() -> None:
    """A fork goes on counting where the other session was."""
    totals = {
        "s1": {"1": [10, 2_000, 0, 0, 50]},
        "s2": {"1": [20, 4_000, 0, 0, 120]},
        "s3": {"3": [10, 2_000, 0, 0, 9]},
    }
    entries = [message("s1", 50), message("s2", 50), message("s3", 9)]
    assert unrecorded(totals, entries) == Usage(0, 0, 0, 0, 0, 20)


def test_a_session_that_connects_others_joins_them() -> None:
    """In whatever order they are found."""
    totals = {
        "s1": {"1": [0, 0, 0, 0, 5]},
        "s2": {"2": [0, 0, 0, 0, 5]},
        "s3": {"1": [0, 0, 0, 0, 5], "2": [0, 0, 0, 0, 7]},
    }
    assert unrecorded(totals, [Entry(Usage(1, 0, 0, 0, 0, 10), session="s2")]) == Usage(0, 0, 0, 0, 0, 2)


def test_a_session_without_a_last_total_adds_nothing() -> None:
    """It is still running, or was killed: its total is older than its messages."""
    assert unrecorded({"s1": {"1": [10, 2_000, 0, 0, 50]}}, [message("s1", 50), message("s1", 50)]) == Usage()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("compact", Usage(0, 20, 4_000, 0, 325_980, 100), id="two compactions of a large window"),
        pytest.param("natural-compact", Usage(0, 20, 4_000, 0, 38_632, 36), id="two compactions"),
        pytest.param("auto-compact", Usage(0, 10, 2_000, 0, 23_795, 18), id="one by itself"),
        pytest.param("resume", Usage(), id="resumed and forked"),
        pytest.param("clear-background", Usage(), id="an agent that outlives a clear"),
        pytest.param("parallel", Usage(), id="agents"),
    ],
)
def test_what_compactions_cost_is_found(tmp_path: Path, name: str, expected: Usage) -> None:
    """The client writes no message of the requests that compact a window; its own total has them."""
    (recording,) = recordings(f"2.1.330/{name}")
    shutil.copytree(recording.folder / "files", tmp_path / "projects" / "-p")
    assert read_usage([str(tmp_path / "projects")]).unrecorded == expected


def test_totals_are_kept_between_runs(tmp_path: Path) -> None:
    """And replaced when the file was rewritten."""
    path = write(tmp_path / "projects" / "-p" / "s1.jsonl", reply(), total(1, 9_050, sessionId="s1"))
    cache = str(tmp_path)

    def beyond() -> int:
        found = read_usage([str(tmp_path / "projects")], cache=cache).unrecorded
        return found.output if found is not None else -1

    assert beyond() == 9_000
    write(path, reply("msg_2", output=50))
    assert beyond() == 8_950
    path.write_bytes(lines(reply()))
    assert beyond() == 0
