"""`token-budget report` in a home where the hooks never ran: which sessions it is on."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime, timedelta, timezone
from itertools import chain, repeat
from typing import TYPE_CHECKING

import pytest
from support.transcript import Transcript
from support.workday import CLEAR

from moai_flow.cli.view import progress as view
from moai_flow.usage.places import folder_name

if TYPE_CHECKING:
    from pathlib import Path

    from support.commands import Run


def wrote(home: Path, project: Path | str, session: str, *, days_ago: float = 0.0, words: str = "Look.") -> Path:
    """Let a session have been in a project so many days ago; the file is as old as its last record."""
    began = datetime.now(timezone.utc) - timedelta(days=days_ago)
    path = home / ".claude/projects" / folder_name(str(project)) / f"{session}.jsonl"
    story = Transcript(path, cwd=str(project), began=began)
    story.prompt(words)
    story.call("Read", {"file_path": f"{project}/{session}.py"}, 9_000)
    story.end_turn()
    os.utime(story.path, (story.now.timestamp(),) * 2)
    return story.path


@pytest.fixture
def history(home: Path, project: Path) -> None:
    """Two sessions of today in this project, one of three days ago, and one of another project."""
    wrote(home, project, "aaaa-old", days_ago=3)
    wrote(home, project, "bbbb-first", days_ago=0.0003)
    wrote(home, project, "cccc-second", words=CLEAR)
    wrote(home, "/elsewhere/app", "dddd-other", days_ago=1)


def shown(run: Run, *arguments: str) -> list[str]:
    """Return the ids of the sessions that a report is on."""
    done = run("report", "--json", *arguments)
    assert done.exit_code == 0, done.output
    return [one["session_id"] for one in json.loads(done.output)["sessions"]]


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param([], ["bbbb-first", "cccc-second"], id="today in this project, followed across /clear"),
        pytest.param(["--days", "7"], ["aaaa-old", "bbbb-first", "cccc-second"], id="a week"),
        pytest.param(["--project", "all"], ["bbbb-first", "cccc-second"], id="today everywhere"),
        pytest.param(
            ["--days", "7", "--project", "all"], ["aaaa-old", "dddd-other", "bbbb-first", "cccc-second"], id="all"
        ),
        pytest.param(["--project", "/elsewhere/app", "--days", "7"], ["dddd-other"], id="another project"),
        pytest.param(["--project", "elsewhere", "--days", "7"], ["dddd-other"], id="a part of its path"),
        pytest.param(["--session", "aaaa"], ["aaaa-old"], id="one session"),
    ],
)
def test_sessions_are_chosen_by_project_and_days(run: Run, arguments: list[str], expected: list[str]) -> None:
    """No ledger is needed for any of it."""
    assert shown(run, *arguments) == expected


@pytest.mark.usefixtures("history")
def test_days_are_those_of_the_calendar(run: Run) -> None:
    """Both ends count."""
    day = (datetime.now(timezone.utc) - timedelta(days=3)).astimezone().strftime("%Y-%m-%d")
    assert shown(run, "--since", day, "--until", day) == ["aaaa-old"]
    assert len(shown(run, "--since", day)) == 3
    assert run("report", "--since", "2026-11-05", "--until", "2026-11-01").exit_code == 2
    assert run("report", "--since", day, "--days", "2").exit_code == 2
    assert run("report", "--since", "yesterday").exit_code == 2


def test_without_a_session_today_the_last_one_is_shown(run: Run, home: Path, project: Path) -> None:
    """And it says so, where a person reads it."""
    wrote(home, project, "aaaa-old", days_ago=3)
    done = run("report")
    assert done.output.startswith("No session today; this is the last one.\n")
    assert "aaaa-old" in done.output
    assert shown(run) == ["aaaa-old"]


def test_a_file_that_was_copied_today_is_not_of_today(run: Run, home: Path, project: Path) -> None:
    """The records say when a session was, not the file's date."""
    os.utime(wrote(home, project, "aaaa-old", days_ago=3))
    wrote(home, project, "bbbb-new")
    assert shown(run) == ["bbbb-new"]


@pytest.mark.parametrize(
    ("variable", "folder"),
    [
        pytest.param("", ".claude", id="where clients keep it"),
        pytest.param("", ".config/claude", id="where others did"),
        pytest.param("{home}/one, {home}/two", "two", id="where the variable says"),
    ],
)
def test_every_folder_of_the_client_counts(
    run: Run, home: Path, project: Path, monkeypatch: pytest.MonkeyPatch, variable: str, folder: str
) -> None:
    """`CLAUDE_CONFIG_DIR` may name several."""
    path = wrote(home, project, "aaaa")
    place = home / folder / "projects" / path.parent.name
    place.mkdir(parents=True, exist_ok=True)
    path.rename(place / path.name)
    if variable:
        monkeypatch.setenv("CLAUDE_CONFIG_DIR", variable.format(home=home))
    assert shown(run) == ["aaaa"]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        pytest.param("/elsewhere/app", "--project all", id="another project's alone"),
        pytest.param("", "no session with a transcript on this machine", id="none at all"),
    ],
)
def test_what_is_not_there_is_one_line(run: Run, home: Path, where: str, expected: str) -> None:
    """It says what would show something."""
    if where:
        wrote(home, where, "aaaa")
    done = run("report")
    assert done.exit_code == 1
    assert expected in done.output
    assert len(done.output.splitlines()) == 1


def test_a_command_in_a_folder_below_the_project_finds_it(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for every other command."""
    inside = home / "app" / "src"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    wrote(home, home / "app", "aaaa")
    assert shown(run) == ["aaaa"]


def test_what_was_billed_stands_beside_it(run: Run, home: Path, project: Path) -> None:
    """By day and by swarm, as `usage` counts it, and never added to what the windows hold."""
    wrote(home, project, "aaaa")
    document = json.loads(run("report", "--json").output)
    usage = json.loads(run("usage", "--json", "--session", "aaaa").output)
    assert sum(row["tokens"] for row in document["spend"]["by_day"]) > 0
    assert [row["requests"] for row in document["spend"]["by_swarm"]] == [usage["totals"]["requests"]]
    page = home / "page.html"
    run("report", "--html", page)
    assert "Billed tokens by day" in page.read_text()


@pytest.mark.parametrize(
    ("is_terminal", "seconds", "expected"),
    [
        pytest.param(True, 0.6, True, id="a terminal, slow"),
        pytest.param(True, 0.1, False, id="a terminal, quick"),
        pytest.param(False, 9.0, False, id="no terminal"),
    ],
)
def test_a_bar_is_shown_where_it_takes_long(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    is_terminal: bool,
    seconds: float,
    expected: bool,
) -> None:
    """On a terminal, from half a second on; it leaves nothing behind."""
    clock = chain([0.0], repeat(seconds))
    monkeypatch.setattr(view.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr("sys.stderr.isatty", lambda: is_terminal, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    with view.progress("Sessions", 100) as advance:
        advance(10)
        advance(90)
    assert bool(re.search("Sessions", capsys.readouterr().err)) == expected
