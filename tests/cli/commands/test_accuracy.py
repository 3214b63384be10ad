"""`token-budget accuracy` against a session whose truth is known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from click.testing import CliRunner
from support.metering import play
from support.recordings import recordings

from moai_flow.cli.commands.accuracy import summary
from moai_flow.cli.program import program
from moai_flow.core.session import Session

if TYPE_CHECKING:
    from pathlib import Path


def test_the_errors_of_a_session_are_shown_by_kind(tmp_path: Path) -> None:
    """Each comparison of an estimate with a measurement counts once, under its kind and under all."""
    last = list(play(recordings("2.1.330/natural")[0], tmp_path))[-1].ledger.session
    assert last is not None
    arguments = ["accuracy", "--json", "--session", last.session_id, "--state-dir", str(tmp_path / "state")]
    done = CliRunner().invoke(program, arguments, catch_exceptions=False)
    document = json.loads(done.output)
    kinds = document["kinds"]
    assert kinds["all"]["count"] == len(last.settlements) == sum(kinds[kind]["count"] for kind in kinds) / 2
    assert 0 < kinds["all"]["median_percent"] <= kinds["all"]["p95_percent"] <= kinds["all"]["worst_percent"] < 40
    assert 3 < document["characters_per_token"]["prose"] < 5
    table = CliRunner().invoke(program, [arg for arg in arguments if arg != "--json"]).output
    assert table.splitlines()[-1].split()[:2] == ["all", str(len(last.settlements))]


def test_figures_are_percent_of_what_was_measured() -> None:
    """90 for 100 and 130 for 100 are 10% and 30% off; a measurement of nothing tells nothing."""
    session = Session("s")
    for kind, estimated, measured in (("prose", 90, 100), ("prose", 130, 100), ("code", 5, 0)):
        session.remember_settlement(kind, estimated, measured)
    expected = {"count": 2, "median_percent": 20.0, "p95_percent": 30.0, "worst_percent": 30.0}
    assert summary(session) == {"prose": expected, "all": expected}


def test_a_session_without_comparisons_says_so(tmp_path: Path) -> None:
    """Before anything was measured there is nothing to compare."""
    done = CliRunner().invoke(program, ["accuracy", "--state-dir", str(tmp_path)])
    assert done.exit_code == 1
    assert "no session yet" in done.output
    assert summary(Session("s")) == {}
