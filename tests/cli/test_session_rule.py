"""Which session a command works on: shown by commands that read and by one that changes something."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest
from support.ledger_files import change

from moai_flow.hook.state import clear_link

if TYPE_CHECKING:
    from pathlib import Path

    from support.commands import Hook, Run


def prompt(hook: Hook, session: str, transcript: str) -> None:
    hook(session, "UserPromptSubmit", prompt="hello", prompt_id="p", transcript_path=transcript)


def run_client(state: Path, session: str, *, started: str | None = None) -> None:
    """Let this process stand for the client that has the session."""
    folder = state / "processes"
    folder.mkdir(mode=0o700, exist_ok=True)
    since = clear_link.started(str(os.getpid())) if started is None else started
    (folder / str(os.getpid())).write_text(f"{session} {since}")


def test_a_change_of_another_projects_session_is_refused(run: Run, hook: Hook) -> None:
    """The error names the sessions there are and how to name one; reading shows the last one."""
    prompt(hook, "other", "/elsewhere/other.jsonl")
    refused = run("reset")
    assert refused.exit_code == 1
    assert "name one with --session ID" in refused.output
    assert "other" in refused.output
    assert json.loads(run("status", "--json").output)["session_id"] == "other"
    assert run("reset", "--session", "other").exit_code == 0


def test_the_live_session_comes_before_a_later_one(run: Run, hook: Hook, begun: Path, state: Path) -> None:
    """The client of `one` runs; `two` had the last event and is over."""
    prompt(hook, "two", str(begun.with_name("two.jsonl")))
    run_client(state, "one")
    document = json.loads(run("status", "--json").output)
    assert (document["session_id"], document["running"]) == ("one", True)
    assert run("status").output.splitlines()[0].endswith("  running")


def test_the_last_one_is_told_by_its_last_event(run: Run, hook: Hook, begun: Path, state: Path) -> None:
    """Not by the file's date, which a copy or an editor changes."""
    prompt(hook, "two", str(begun.with_name("two.jsonl")))
    change(state, "two", last_event=time.time() - 300)
    os.utime(state / "sessions" / "two.json")
    assert json.loads(run("status", "--json").output)["session_id"] == "one"


def test_a_process_id_that_is_used_again_revives_nothing(run: Run, begun: Path, state: Path) -> None:
    """Another program has the client's number now: it started at another time."""
    assert begun.exists()
    run_client(state, "one", started="1")
    change(state, "one", last_event=time.time() - 300)
    assert run("status").output.splitlines()[0].endswith("  ended 5 min ago")
    assert json.loads(run("status", "--all", "--json").output) == {"sessions": []}


def test_a_session_that_did_nothing_is_in_no_list(run: Run, hook: Hook) -> None:
    """Neither a prompt nor a tool: a client that was started and left."""
    hook("empty", "SessionStart", source="startup")
    assert "no session yet" in run("status").output


@pytest.mark.parametrize("command", [["status"], ["status", "--all"], ["watch"], ["metrics"]], ids=" ".join)
def test_readers_change_no_byte(run: Run, begun: Path, state: Path, command: list[str]) -> None:
    """No lock is taken and no file touched, though there is something to measure."""
    assert begun.exists()
    before = {path: path.stat().st_mtime_ns for path in state.rglob("*")}
    (state / "sessions").chmod(0o500)
    try:
        assert run(*command).exit_code == 0
    finally:
        (state / "sessions").chmod(0o700)
    assert {path: path.stat().st_mtime_ns for path in state.rglob("*")} == before


def test_a_damaged_ledger_is_one_line_among_the_others(run: Run, hook: Hook, begun: Path, state: Path) -> None:
    """The others are shown."""
    assert begun.exists()
    prompt(hook, "broken", "/elsewhere/broken.jsonl")
    (state / "sessions" / "broken.json").write_bytes(b"{}")
    output = run("status", "--all").output
    assert "40,000 / 200,000" in output
    assert len([line for line in output.splitlines() if line.startswith("session broken: ")]) == 1


def test_a_projects_settings_name_no_folder(
    run: Run, begun: Path, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    """A clone's file may set the budget, and chooses neither the ledgers nor a program."""
    assert begun.exists()
    monkeypatch.delenv("TOKEN_BUDGET_STATE_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    (project / ".claude").mkdir()
    (project / ".claude" / "settings.json").write_text(json.dumps({"env": {"TOKEN_BUDGET_STATE_DIR": str(state)}}))
    assert "without hooks" in run("status").output


def test_what_a_ledger_says_passes_the_filter(run: Run, begun: Path, state: Path) -> None:
    """An escape sequence in the model's name does not reach the terminal."""
    assert begun.exists()
    change(state, "one", model="m\x1b]52;c;eA==\x07")
    assert "\x1b" not in run("status").output
    assert "\x1b" not in run("metrics").output
