import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.commands import Hook, Run
from support.ledger_files import change

from moai_flow.resource import TokenBudget


def test_measures_anew_without_waiting_for_a_hook(run: Run, begun: Path, transcript: Callable[..., Path]) -> None:
    """What the client wrote since the last hook is in the figures; the ledger is left to the hooks."""
    assert begun.exists()
    transcript("one", 90_000)
    assert json.loads(run("status", "--json").output)["total_consumed"] == 90_000


@pytest.mark.usefixtures("begun")
def test_json_has_the_keys_of_the_library_and_some_more(run: Run) -> None:
    """Scripts find what `get_global_status` tells, which session it is of, its window, its phase and its forecast."""
    document = json.loads(run("status", "--json").output)
    more = {"session_id", "project", "running", "last_event", "window", "phase", "spend", "forecast"}
    assert set(document) == {*TokenBudget().get_global_status(), *more}
    assert not document["running"]
    assert document["session_id"] == "one"
    assert document["window"] == {"occupancy": 40_000, "measured": True, "size": None}
    assert document["forecast"] == {
        "turns": None,
        "least": None,
        "most": None,
        "limit": 180_000,
        "is_compaction": False,
    }
    assert document["isolated_consumed"] == document["swarms"]["backend"]["consumed"] == 41_000
    assert document["swarms"]["backend"]["usage_percent"] == 82.0


def test_says_nothing_on_behalf_of_the_hooks(
    run: Run, begun: Path, hook: Hook, transcript: Callable[..., Path]
) -> None:
    """A threshold that `status` sees first is still told to the person by the next hook."""
    transcript("one", 152_000)
    assert json.loads(run("status", "--json").output)["warn_level"] == "warning"
    assert "WARNING: Global" in hook("one", "Stop", transcript_path=str(begun), last_assistant_message="done")


@pytest.mark.usefixtures("begun")
def test_table_shows_bars_levels_and_agents(run: Run) -> None:
    """A person sees the main window, each swarm with its level, and the agents under their swarm."""
    lines = run("status").output.splitlines()
    assert lines[0].startswith("session one  /")
    assert lines[1] == "claude-sonnet-4-5"
    main, backend, agent = (
        next(line for line in lines if line.lstrip().startswith(name)) for name in ("main window", "backend", "agent")
    )
    assert re.search(r" 40,000 / 200,000 +20\.0%", main)
    assert re.search(r" 41,000 +no limit$", backend)
    assert agent.split() == ["agent", "a1", "41,000"]


def test_table_tells_how_long_the_window_will_do(
    run: Run, begun: Path, hook: Hook, transcript: Callable[..., Path]
) -> None:
    """From the pace of the last turns; nothing while there was only one."""
    assert "at this pace" not in run("status").output
    transcript("one", 60_000)
    hook("one", "UserPromptSubmit", transcript_path=str(begun), prompt="more", prompt_id="p")
    hook("one", "Stop", transcript_path=str(begun), last_assistant_message="done")
    transcript("one", 80_000)
    hook("one", "Stop", transcript_path=str(begun), last_assistant_message="done")
    assert "4-5 turns left at this pace, to 180,000 tokens" in run("status").output


def test_marks_what_is_estimated(run: Run, begun: Path, hook: Hook) -> None:
    """A figure that was not measured carries a tilde, and `measured` is false."""
    hook("one", "UserPromptSubmit", transcript_path=str(begun), prompt="word " * 900, prompt_id="p")
    document = json.loads(run("status", "--json").output)
    assert not document["window"]["measured"]
    assert document["window"]["occupancy"] > 40_000
    assert f"~{document['total_consumed']:,} / 200,000" in run("status").output


def test_without_a_session_says_what_next(run: Run, state: Path) -> None:
    """Before the first session the message names the folder and the next step."""
    result = run("status")
    assert result.exit_code == 1
    assert f"no session yet in {state}" in result.output
    assert "token-budget install" in result.output


@pytest.mark.usefixtures("begun")
def test_prefers_the_session_of_this_project(
    run: Run, hook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The latest ledger of another project does not hide this project's."""
    hook("other", "UserPromptSubmit", prompt="hello", prompt_id="p", transcript_path="/elsewhere/other.jsonl")
    assert json.loads(run("status", "--json").output)["session_id"] == "one"
    monkeypatch.chdir(tmp_path)
    assert json.loads(run("status", "--json").output)["session_id"] == "other"


def test_below_the_projects_folder_it_is_still_that_project(
    run: Run, begun: Path, hook: Hook, project: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearest project around counts, as it does for people."""
    monkeypatch.setenv("HOME", str(home.parent))
    hook("other", "UserPromptSubmit", prompt="hello", prompt_id="p", transcript_path="/elsewhere/other.jsonl")
    (project / "src" / "deep").mkdir(parents=True)
    monkeypatch.chdir(project / "src" / "deep")
    assert begun.stem == json.loads(run("status", "--json").output)["session_id"]


def test_prefers_the_session_it_runs_in(run: Run, begun: Path, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside a session's Bash tool the command shows that very session."""
    hook("two", "UserPromptSubmit", prompt="hello", prompt_id="p", transcript_path=str(begun.with_name("two.jsonl")))
    assert json.loads(run("status", "--json").output)["session_id"] == "two"
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", "one")
    assert json.loads(run("status", "--json").output)["session_id"] == "one"


@pytest.mark.parametrize(
    ("wanted", "code", "text"),
    [
        pytest.param("abc-1", 0, '"session_id": "abc-1"', id="the whole id"),
        pytest.param("abc-2", 0, '"session_id": "abc-23"', id="how it begins"),
        pytest.param("abc", 1, "2 sessions begin with abc", id="several begin so"),
        pytest.param("nope", 1, "no session nope in", id="none"),
    ],
)
def test_finds_the_session_by_its_id(run: Run, hook: Hook, wanted: str, code: int, text: str) -> None:
    """`--session` takes an id or an unambiguous beginning of one."""
    for session in ("abc-1", "abc-23"):
        hook(session, "UserPromptSubmit", prompt="hello", prompt_id="p")
    result = run("status", "--json", "--session", wanted)
    assert (result.exit_code, text in result.output) == (code, True), result.output


def test_all_shows_the_sessions_that_run(run: Run, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session counts as running while its client's process lives."""
    for session, pid in (("mine", os.getpid()), ("gone", 2**22 + 1)):
        monkeypatch.setenv("CLAUDE_PID", str(pid))
        hook(session, "UserPromptSubmit", prompt="hello", prompt_id="p")
    shown = json.loads(run("status", "--all", "--json").output)["sessions"]
    assert [session["session_id"] for session in shown] == ["mine"]


def test_all_shows_what_old_clients_have_changed_lately(run: Run, begun: Path, state: Path) -> None:
    """They do not tell their process: what changed within the hour counts."""
    shown = json.loads(run("status", "--all", "--json").output)["sessions"]
    assert [session["session_id"] for session in shown] == [begun.stem]
    change(state, "one", last_event=time.time() - 7200)
    assert json.loads(run("status", "--all", "--json").output) == {"sessions": []}


@pytest.mark.usefixtures("begun")
def test_state_dir_moves_the_ledgers(run: Run, state: Path, tmp_path: Path) -> None:
    """`--state-dir` looks in another folder than the environment names."""
    state.rename(tmp_path / "moved")
    assert "without hooks" in run("status").output
    assert json.loads(run("status", "--json", "--state-dir", tmp_path / "moved").output)["session_id"] == "one"


def test_sees_the_budget_that_the_hooks_keep(
    run: Run, hook: Hook, begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only the client knew when it ran the last hook counts in a terminal too."""
    monkeypatch.setenv("CLAUDE_PLUGIN_OPTION_TOTAL_BUDGET", "120000")
    hook("one", "UserPromptSubmit", transcript_path=str(begun), prompt="hello", prompt_id="p")
    monkeypatch.delenv("CLAUDE_PLUGIN_OPTION_TOTAL_BUDGET")
    assert json.loads(run("status", "--json").output)["total_budget"] == 120_000


@pytest.mark.usefixtures("begun")
def test_finds_the_ledgers_where_the_clients_settings_put_them(
    run: Run, home: Path, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client hands the `env` of its settings to hooks; a terminal does not have it."""
    state.rename(tmp_path / "moved")
    monkeypatch.delenv("TOKEN_BUDGET_STATE_DIR")
    assert "without hooks" in run("status").output
    (home / ".claude" / "settings.json").write_text(
        json.dumps({"env": {"TOKEN_BUDGET_STATE_DIR": str(tmp_path / "moved")}})
    )
    assert "without hooks" not in run("status").output
    assert json.loads(run("status", "--json").output)["session_id"] == "one"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        pytest.param(b"{}", "checksum", id="damaged"),
        pytest.param(b"", "checksum", id="empty"),
    ],
)
@pytest.mark.usefixtures("begun")
def test_a_damaged_ledger_is_an_error_of_one_line(run: Run, state: Path, content: bytes, text: str) -> None:
    """The file is named, the next step too, and it is left as it is."""
    path = state / "sessions" / "one.json"
    path.write_bytes(content)
    result = run("status", "--session", "one")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert str(path) in result.output
    assert text in result.output
    assert path.read_bytes() == content


def test_a_phase_has_a_row_of_its_own(run: Run, hook: Hook) -> None:
    """MoAI-ADK's phase stands below the main window, with its own budget."""
    hook("moai", "UserPromptSubmit", prompt="/moai:1-plan an importer")
    (row,) = [line for line in run("status", "--session", "moai").output.splitlines() if line.startswith("phase")]
    phase = json.loads(run("status", "--session", "moai", "--json").output)["phase"]
    assert row.split()[:5] == ["phase", phase["name"], f"~{phase['consumed']:,}", "/", f"{phase['budget']:,}"]


def test_without_hooks_the_transcripts_are_shown(run: Run, transcript: Callable[..., Path], state: Path) -> None:
    """On the first day: this project's last session, though no hook has ever run in it; nothing is written."""
    transcript("one", 40_000)
    transcript("one", 48_000, agent="a1")
    result = run("status")
    assert result.exit_code == 0, result.output
    assert "without hooks, last written just now" in result.output
    assert "40,000" in result.output
    assert json.loads(run("status", "--json").output)["total_consumed"] == 40_000
    assert not (state / "sessions").exists()
