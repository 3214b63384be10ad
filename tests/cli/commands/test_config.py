"""`token-budget config`: settings with their sources, changed without an editor."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from support.commands import Run

MOAI = """workflow:
  token_budget: {plan: 30000, run: 180000, sync: 40000}
  auto_clear:
    token_threshold: 150000
"""


@pytest.fixture
def own(home: Path) -> Path:
    place = "Library/Application Support" if sys.platform == "darwin" else ".config"
    return home / place / "token-budget" / "config.json"


def test_set_get_and_unset(run: Run, own: Path) -> None:
    """Other content of the file keeps its bytes."""
    own.parent.mkdir(parents=True)
    own.write_text('{"else":   1}')
    assert run("config", "set", "total_budget", "150K").exit_code == 0
    assert run("config", "get", "total_budget").output == "150000\n"
    assert run("config", "set", "swarms.backend.limit", "60,000").exit_code == 0
    assert json.loads(own.read_text())["token_budget"]["swarms"] == {"backend": {"limit": 60_000}}
    assert own.read_text().startswith('{"else":   1')
    shown = json.loads(run("config", "--json").output)["settings"]
    assert shown["total_budget"] == {"value": 150_000, "source": f"{own}:1"}
    assert shown["notify"]["source"] == "default"
    assert run("config", "unset", "total_budget").exit_code == 0
    assert "total_budget" not in json.loads(own.read_text())["token_budget"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        pytest.param(["totl_budget", "5"], "did you mean total_budget?", id="key"),
        pytest.param(["notify", "everybody"], "notify: must be one of both, person, model", id="value"),
        pytest.param(["swarms.backend.limt", "5"], "must be a setting, or swarms.NAME.KEY", id="key of a swarm"),
        pytest.param(["total_budget", "60,5K"], "total_budget: must be a whole number", id="comma"),
    ],
)
def test_a_mistake_changes_nothing(run: Run, own: Path, arguments: list[str], text: str) -> None:
    """The error has the words of the hooks."""
    result = run("config", "set", *arguments)
    assert (result.exit_code, text in result.output) == (1, True), result.output
    assert not own.exists()


def test_the_projects_file(run: Run, project: Path) -> None:
    """With --project; not through a link."""
    assert run("config", "set", "--project", "notify", "model").exit_code == 0
    path = project / ".moai" / "config" / "config.json"
    assert json.loads(path.read_text()) == {"token_budget": {"notify": "model"}}
    path.rename(project / "real.json")
    path.symlink_to(project / "real.json")
    assert "leads through a link" in run("config", "set", "--project", "notify", "both").output


def test_takes_over_moais_threshold(run: Run, project: Path, own: Path) -> None:
    """What MoAI-ADK says and enforces nowhere becomes the critical threshold."""
    source = project / ".moai" / "config" / "sections" / "workflow.yaml"
    assert "no such file" in run("config", "import-moai").output
    source.parent.mkdir(parents=True)
    source.write_text(MOAI)
    assert run("config", "import-moai").exit_code == 0
    section = json.loads(own.read_text())["token_budget"]
    assert section == {
        "warning_threshold_1": 125_000,
        "warning_threshold_2": 150_000,
        "phase_budgets": {"plan": 30_000, "run": 180_000, "sync": 40_000},
    }
    source.write_text("a: [")
    assert "workflow.yaml:1: not YAML" in run("config", "import-moai").output


@pytest.mark.parametrize("arguments", [("set", "pool", "team"), ("unset", "pool"), ("set", "pools", "{}")])
def test_pools_are_written_by_hand(run: Run, own: Path, arguments: tuple[str, ...]) -> None:
    """Their keys have a reader of their own; the command says where they are set and changes nothing."""
    result = run("config", *arguments)
    assert result.exit_code == 1
    assert "docs/pools.md" in result.output
    assert not own.exists()


def test_a_setting_that_is_an_object(run: Run, own: Path) -> None:
    """JSON, as it stands in the file; one that is not set is null."""
    assert run("config", "get", "spend").output == "null\n"
    assert run("config", "set", "spend", '{"limit": "2M", "per": "day"}').exit_code == 0
    assert json.loads(own.read_text())["token_budget"] == {"spend": {"limit": "2M", "per": "day"}}


def test_an_address_is_not_repeated(run: Run) -> None:
    """A value in the wrong place may hold a password."""
    result = run("config", "set", "notify", "redis://me:SECRET@host")
    assert result.exit_code == 1
    assert "SECRET" not in result.output
