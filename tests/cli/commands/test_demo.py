import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import Run

from moai_flow.cli.client import entry_points
from moai_flow.cli.commands import demo
from moai_flow.replay import tape


def test_shows_what_the_person_would_have_seen(run: Run) -> None:
    """The warning, the recommendation and the reset, word for word and once each, in plain lines when piped."""
    result = run("demo")
    assert result.exit_code == 0, result.output
    seen = [line.split("you see")[1].strip() for line in result.output.splitlines() if "you see" in line]
    # A second line may follow each, with what can be done about it.
    assert seen == [
        "WARNING: Global token usage at 152,050/200,000 (76.0%) - Monitor closely",
        "CRITICAL: Global token usage at 186,050/200,000 (93.0%) - Execute /clear recommended",
        "Token budget reset by /clear: 186,050 tokens freed, limits kept",
    ]
    assert "\r" not in result.output
    assert "\x1b" not in result.output


def test_touches_nothing_of_the_users(run: Run, home: Path, state: Path) -> None:
    """Home and state folder stay as they were."""
    run("demo")
    assert list(home.iterdir()) == []
    assert not state.exists()


def test_is_not_changed_by_the_users_settings(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another budget in the environment is not the demonstration's."""
    monkeypatch.setenv("TOKEN_BUDGET_TOTAL_BUDGET", "1000000")
    assert run("demo").exit_code == 0


@pytest.mark.parametrize(
    ("program", "text"),
    [
        pytest.param("pass", "missing at Stop: WARNING", id="hooks that say nothing"),
        pytest.param("print('{}', end='')", "missing at Stop: WARNING", id="empty replies"),
        pytest.param("print('oops')", "not JSON", id="replies that are no JSON"),
        pytest.param("raise SystemExit(2)", "it ended with 2", id="hooks that fail"),
        pytest.param(
            'print(\'{"systemMessage": "hello"}\')', "not expected at SessionStart: hello", id="unexpected words"
        ),
    ],
)
def test_ends_with_1_where_the_hooks_do_not_work(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, text: str
) -> None:
    """It is a self-test: what is missing or wrong is named."""
    (tmp_path / "broken.py").write_text(program)
    monkeypatch.setattr(entry_points, "command", lambda _: [sys.executable, "-I", "-S", str(tmp_path / "broken.py")])
    result = run("demo")
    assert result.exit_code == 1
    assert text in result.output


def test_the_tape_is_small_and_complete() -> None:
    """The recording that is installed with everybody's package has both sides of a /clear."""
    lines = tape.load()
    assert tape.TAPE.stat().st_size < 300_000
    assert len({line["event"]["session_id"] for line in lines}) == 2
    assert {"clear"} <= {line["event"].get("reason") for line in lines}


def test_shows_a_progress_bar_on_a_terminal() -> None:
    """A person at a terminal sees how far it is."""
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    code = "from moai_flow.cli import main; import sys; sys.argv = ['token-budget', 'demo']; main()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=slave, stderr=slave, stdin=slave) as process:
        os.close(slave)
        output = b""
        while True:
            try:
                chunk = os.read(master, 65536)
            except OSError:
                break
            if not chunk:
                break
            output += chunk
    os.close(master)
    assert process.returncode == 0
    assert b"Events  [" in output
    assert b"100%" in output


def test_expected_figures_follow_the_thresholds() -> None:
    """The words checked are the guide's."""
    assert [text.split(":")[0] for _, text in demo.EXPECTED][:2] == ["WARNING", "CRITICAL"]
