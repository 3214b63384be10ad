"""`token-budget metrics`: what a scraper reads."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from moai_flow.cli.program import program
from moai_flow.cli.view.prometheus import Family, text_of

if TYPE_CHECKING:
    from support.harness import Session

Samples = dict[tuple[str, str], float]


@pytest.fixture
def running(session: Session, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A session of a client that runs: this process stands for it."""
    for name, value in session.env.items():
        monkeypatch.setenv(name, value)
    session.env["CLAUDE_PID"] = str(os.getpid())
    monkeypatch.chdir(session.project)
    return session


def scrape() -> tuple[str, Samples]:
    """Return what the command prints, and its samples by name and swarm as Prometheus' own parser reads them."""
    done = CliRunner().invoke(program, ["metrics"])
    assert done.exit_code == 0, done.output
    samples: Samples = {}
    for family in text_string_to_metric_families(done.output):
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            key = (sample.name.removeprefix("token_budget_"), sample.labels.get("swarm", ""))
            assert key not in samples
            samples[key] = sample.value
    return done.output, samples


def test_no_session_is_a_figure_too(running: Session) -> None:
    """With nothing running there are no sessions, and a scraper sees that."""
    assert not running.state.exists()
    _, samples = scrape()
    assert samples == {("sessions", ""): 0, ("unreadable_sessions", ""): 0}


def test_the_figures_are_those_of_the_session_measured_anew(running: Session) -> None:
    """What the transcript says since the last hook is in them."""
    running.configure(swarms={"backend": {"limit": 30_000, "reserve": 12_000}})
    running.event("UserPromptSubmit", prompt="/moai:2-run X", prompt_id="p")
    running.begin_agent("a1")
    running.work("a1", 5_000)
    running.measured(151_000)
    _, samples = scrape()
    backend = running.ledger.swarms["backend"]
    assert samples["sessions", ""] == 1
    assert samples["budget_tokens", ""] == 200_000
    assert samples["consumed_tokens", ""] == samples["window_occupancy_tokens", ""] == 151_000
    assert samples["isolated_consumed_tokens", ""] == samples["swarm_consumed_tokens", "backend"] == backend.consumed
    assert samples["warn_level", ""] == 1
    assert samples["swarm_allocated_tokens", "backend"] == 30_000
    assert samples["swarm_reserved_tokens", "backend"] == 12_000 - backend.consumed
    assert samples["swarm_consumed_tokens", "main"] == 151_000
    assert samples["phase_budget_tokens", ""] == 25_000
    assert samples["phase_consumed_tokens", ""] == 151_000


def test_a_session_whose_client_has_gone_is_left_out(running: Session) -> None:
    """A dashboard shows what runs."""
    running.env["CLAUDE_PID"] = "999999999"
    running.event("UserPromptSubmit", prompt="x", prompt_id="p")
    os.utime(running.state / "sessions" / f"{running.session}.json", (0, 0))
    _, samples = scrape()
    assert samples["sessions", ""] == 0


def test_a_ledger_that_cannot_be_read_does_not_cost_the_others(running: Session) -> None:
    """It is counted, and the rest is printed."""
    running.event("UserPromptSubmit", prompt="x", prompt_id="p")
    (running.state / "sessions" / f"{running.session}.json").write_text("{")
    _, samples = scrape()
    assert samples == {("sessions", ""): 1, ("unreadable_sessions", ""): 1}


VALUES = [
    pytest.param('a"b', id="quote"),
    pytest.param("a\\b", id="backslash"),
    pytest.param("a\\nb", id="backslash-n"),
    pytest.param("a\nb", id="newline"),
    pytest.param("a\\", id="backslash-at-the-end"),
    pytest.param("a,b}={", id="signs-of-the-format"),
    pytest.param("\u4f60 \u00e9", id="not-ascii"),
    pytest.param("", id="empty"),
]


@pytest.mark.parametrize("value", VALUES)
def test_labels_and_help_come_through(value: str) -> None:
    """Prometheus' own parser reads back what was written."""
    family = Family("f", f"Says {value}.")
    family.add(7, one=value, two="x")
    (read,) = text_string_to_metric_families(text_of([family]))
    assert [(sample.labels, sample.value) for sample in read.samples] == [({"one": value, "two": "x"}, 7.0)]
    assert read.documentation == f"Says {value}."


def test_a_name_that_is_no_text_is_replaced() -> None:
    """A folder's name may hold bytes that are no UTF-8."""
    family = Family("f", "x")
    family.add(1, project="a\udcffb")
    (read,) = text_string_to_metric_families(text_of([family]))
    assert read.samples[0].labels == {"project": "a?b"}
