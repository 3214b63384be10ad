from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from support.billing import reply, write

if TYPE_CHECKING:
    from pathlib import Path

    from support.commands import Run

ONE = {"requests": 1, "input": 10, "cache_write_5m": 0, "cache_write_1h": 2_000, "cache_read": 3_000, "output": 50}


@pytest.fixture
def projects(home: Path) -> Path:
    return home / ".claude" / "projects"


@pytest.fixture
def two_windows(projects: Path) -> None:
    folder = projects / "-home-dev-project"
    write(folder / "s1.jsonl", reply(cwd="/home/dev/project"))
    write(folder / "s1/subagents/agent-a1.jsonl", reply("msg_2", attributionAgent="backend-dev", isSidechain=True))


def document(run: Run, *arguments: str) -> dict[str, Any]:
    result = run("usage", "--json", *arguments)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.usefixtures("two_windows")
@pytest.mark.parametrize(
    ("by", "keys"),
    [
        ("swarm", ["backend-dev", "main"]),
        ("agent", ["a1", "main"]),
        ("model", ["claude-opus-5-5"]),
        ("day", ["2026-11-22"]),
        ("project", ["/home/dev/project"]),
        ("session", ["s1"]),
    ],
)
def test_the_json_form_is_totals_and_sums(run: Run, by: str, keys: list[str]) -> None:
    """Requests and tokens by class, in all and by what was asked for."""
    found = document(run, "--by", by)
    assert set(found) == {"totals", "by"}
    assert found["totals"] == {name: 2 * amount for name, amount in ONE.items()}
    assert sorted(found["by"]) == keys
    if len(keys) == 2:
        assert all(part == ONE for part in found["by"].values())


@pytest.mark.usefixtures("two_windows")
def test_a_swarm_is_the_one_of_the_settings(run: Run, home: Path) -> None:
    """Rules on agents' types name the swarm here as they do in the hooks."""
    settings = home / ".config" / "token-budget" / "config.json"
    settings.parent.mkdir(parents=True)
    rules = {"services": {"agents": ["backend*"]}}
    settings.write_text(json.dumps({"token_budget": {"swarms": rules}}))
    assert set(document(run, "--by", "swarm")["by"]) == {"main", "services"}


@pytest.mark.usefixtures("two_windows")
@pytest.mark.parametrize(
    ("arguments", "requests"),
    [
        (["--since", "2026-11-22"], 2),
        (["--since", "20261123"], 0),
        (["--until", "2026-11-21"], 0),
        (["--since", "2026-11-21", "--until", "2026-11-22"], 2),
        (["--session", "s1"], 2),
    ],
)
def test_days_and_sessions_filter(run: Run, arguments: list[str], requests: int) -> None:
    """The first and the last day are part of what is shown."""
    assert document(run, *arguments)["totals"]["requests"] == requests


@pytest.mark.usefixtures("two_windows")
def test_the_table_adds_up_in_its_last_line(run: Run) -> None:
    """A line for each key, the largest first, then all."""
    result = run("usage", "--by", "agent")
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows == [
        ["agent", "requests", "input", "write", "5m", "write", "1h", "cache", "read", "output", "total"],
        ["a1", "1", "10", "0", "2,000", "3,000", "50", "5,060"],
        ["main", "1", "10", "0", "2,000", "3,000", "50", "5,060"],
        ["all", "2", "20", "0", "4,000", "6,000", "100", "10,120"],
    ]


@pytest.mark.usefixtures("two_windows")
def test_money_is_shown_on_request(run: Run) -> None:
    """By class and key, with the prices' date."""
    pytest.importorskip("genai_prices", reason="the extra `prices` is not installed")
    found = document(run, "--by", "agent", "--cost")
    assert set(found["cost"]) == {"currency", "prices", "unknown_models", "totals", "by"}
    assert found["cost"]["totals"]["total"] == pytest.approx(2 * found["cost"]["by"]["a1"]["total"])
    shown = run("usage", "--cost").stdout
    assert "genai-prices" in shown
    assert "last changed 20" in shown


@pytest.mark.usefixtures("two_windows")
def test_without_the_extra_only_money_needs_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens are shown all the same; who asks for money is told how to get it."""
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    assert run("usage").exit_code == 0
    result = run("usage", "--cost")
    assert result.exit_code == 1
    assert "pip install 'moai-flow-token-budget[prices]'" in result.stderr


def test_a_model_without_a_price_is_named(run: Run, projects: Path) -> None:
    """Its tokens are left out of the sum, and the table says so."""
    pytest.importorskip("genai_prices", reason="the extra `prices` is not installed")
    write(projects / "-p" / "s1.jsonl", reply(model="nobodys-model"))
    assert "No price is known for nobodys-model: 5,060 tokens are left out." in run("usage", "--cost").stdout


def test_no_transcript_at_all_is_an_error_that_says_where_they_would_be(run: Run) -> None:
    """In JSON it is a machine without usage."""
    result = run("usage")
    assert result.exit_code == 1
    assert "~/.claude/projects" in result.stderr
    assert document(run)["by"] == {}


@pytest.mark.usefixtures("two_windows")
@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (["--session", "other"], 1, "no usage of a session other"),
        (["--since", "yesterday"], 2, "'yesterday' is not a day"),
        (["--by", "weekday"], 2, "'weekday' is not one of"),
    ],
)
def test_mistakes_are_one_line(run: Run, arguments: list[str], exit_code: int, said: str) -> None:
    """Exit code 1 for what is not there, 2 for a usage error."""
    result = run("usage", *arguments)
    assert result.exit_code == exit_code
    assert said in result.stderr


def test_names_are_filtered_before_the_terminal(run: Run, projects: Path) -> None:
    """A transcript is somebody else's text."""
    write(projects / "-p" / "s1.jsonl", reply(model="evil\x1b[2J\nmodel"))
    shown = run("usage", "--by", "model").stdout
    assert "\x1b" not in shown
    assert "evil?[2J?model" in shown


@pytest.mark.usefixtures("two_windows")
def test_what_was_found_is_kept_in_the_state_folder_alone(run: Run, home: Path, state: Path) -> None:
    """Where a state folder is chosen; the transcripts are only read."""
    before = {path: path.stat().st_mtime_ns for path in (home / ".claude").rglob("*")}
    run("usage")
    assert {path: path.stat().st_mtime_ns for path in (home / ".claude").rglob("*")} == before
    (kept,) = (state / "usage").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert state.stat().st_mode & 0o777 == 0o700
    assert (state / "usage").stat().st_mode & 0o777 == 0o700
