"""`token-budget accuracy` against sessions whose truth is known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.accuracy import errors, percentile
from support.metering import play
from support.recordings import Recording, recordings

from moai_flow.analysis.accuracy import Errors, by_kind, summary

if TYPE_CHECKING:
    from pathlib import Path

    from support.commands import Run


@pytest.fixture
def recording() -> Recording:
    return recordings("2.1.330/natural")[0]


def accuracy(run: Run, *arguments: object) -> dict[str, Any]:
    done = run("accuracy", "--json", *arguments)
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.output))


def test_a_session_of_the_hooks_is_found_by_its_ledger(run: Run, recording: Recording, tmp_path: Path) -> None:
    """Wherever its transcript is; each comparison counts once, under its kind and under all."""
    last = list(play(recording, tmp_path))[-1].ledger.session
    document = accuracy(run, "--session", last.session_id)
    kinds = document["kinds"]
    assert len(last.settlements) <= kinds["all"]["count"] == sum(kinds[kind]["count"] for kind in kinds) / 2
    assert 0 < kinds["all"]["median_percent"] <= kinds["all"]["p95_percent"] <= kinds["all"]["worst_percent"] < 40
    assert 3 < document["characters_per_token"]["prose"] < 5


def test_a_transcript_is_enough(run: Run, recording: Recording, tmp_path: Path) -> None:
    """No hook ran: the figure is what the recording's own truth says of the estimates, request by request."""
    (transcript,) = sorted((recording.folder / "files").glob("*.jsonl"))
    request = accuracy(run, transcript)["next_request"]
    truth = [percent for _, percent in errors(recording, tmp_path)]
    assert request["count"] > 5
    assert request["p95_percent"] <= percentile(truth, 100) + 0.01
    assert request["worst_percent"] < 2


def test_a_folder_counts_every_session_in_it(run: Run, tmp_path: Path) -> None:
    """A table for all of them together."""
    folder = tmp_path / "transcripts"
    folder.mkdir()
    single = 0
    for name in ("natural-code", "natural-json"):
        (transcript,) = (recordings(f"2.1.330/{name}")[0].folder / "files").glob("*.jsonl")
        (folder / transcript.name).write_bytes(transcript.read_bytes())
        single += accuracy(run, transcript)["kinds"]["all"]["count"]
    document = accuracy(run, folder)
    assert (document["sessions"], document["kinds"]["all"]["count"]) == (2, single)
    rows = run("accuracy", folder).output.splitlines()
    assert rows[0].split() == ["kind", "count", "median", "p95", "worst"]
    assert [row.rsplit(None, 4)[0].strip() for row in rows[-2:]] == ["all", "next request"]


def test_figures_are_percent_of_what_was_measured() -> None:
    """90 for 100 and 130 for 100 are 10% and 30% off; a measurement of nothing tells nothing."""
    found = Errors()
    found.kinds = {"prose": [(90, 100), (130, 100)], "code": [(5, 0)]}
    expected = {"count": 2, "median_percent": 20.0, "p95_percent": 30.0, "worst_percent": 30.0}
    assert by_kind(found) == {"prose": expected, "all": expected}
    assert summary([]) is None


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param([], 1, id="nothing on this machine"),
        pytest.param(["0f3c"], 1, id="no such session"),
        pytest.param(["0f3c", "--days", "3"], 2, id="a session and days"),
        pytest.param([".", "--session", "0f3c"], 2, id="two choices"),
    ],
)
def test_what_cannot_be_looked_at_is_said(run: Run, arguments: list[str], code: int) -> None:
    """One line, and the exit code of its kind."""
    done = run("accuracy", *arguments)
    assert done.exit_code == code
    assert "Traceback" not in done.output
