"""`/clear` ends one session id and begins another: what lives on, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.harness import read_ledger

from moai_flow.hook.state import files, paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.harness import Session

    Tell = Callable[..., str]

PID = {"CLAUDE_PID": "4711"}


@pytest.fixture
def tell(session: Session) -> Tell:
    """Run the hook of one event; return what the person is told."""
    del session.env["CLAUDE_PID"]

    def run(identity: str, name: str, env: dict[str, str] | None = None, at: float = 1_000.0, **fields: Any) -> str:
        one = session.beside(identity)
        given = one.payload(name, **{"transcript_path": None, "cwd": None, **fields})
        return one.respond(given, env=env, now=at).to_person

    return run


def begin(tell: Tell, env: dict[str, str]) -> None:
    """Have a session `old` of about 5,000 tokens."""
    tell("old", "SessionStart", env, source="startup")
    tell("old", "UserPromptSubmit", env, prompt="word " * 4_000, prompt_id="p")


NEXT = [
    pytest.param(PID, [("SessionStart", {"source": "clear"})], True, id="SessionStart says clear"),
    pytest.param(PID, [("UserPromptSubmit", {"prompt": "go on"})], True, id="the prompt comes before SessionStart"),
    pytest.param(PID, [("SessionStart", {"source": "startup"})], True, id="a front end says startup"),
    pytest.param(PID, [("SessionStart", {"source": "resume"})], False, id="another session is resumed"),
    pytest.param(PID, [("SessionStart", {"source": "fork"})], False, id="the session is forked"),
    pytest.param({"CLAUDE_PID": "4712"}, [("SessionStart", {"source": "clear"})], False, id="another process clears"),
    pytest.param({}, [("UserPromptSubmit", {"prompt": "go on"})], False, id="nobody tells the process"),
    pytest.param({}, [("SessionStart", {"source": "startup"})], False, id="two sessions piped by hand"),
]


@pytest.mark.parametrize(("env", "events", "carried"), NEXT)
def test_a_session_goes_on_from_the_one_that_was_cleared(
    tell: Tell,
    tmp_path: Path,
    env: dict[str, str],
    events: list[tuple[str, dict[str, str]]],
    carried: bool,
) -> None:
    """The person hears what was freed and the budget starts at 0, only where /clear really ended a session."""
    begin(tell, PID)
    tell("old", "SessionEnd", PID, reason="clear")
    said = "".join([tell("new", name, env, 1_001.0, **fields) for name, fields in events])
    assert ("tokens freed, limits kept" in said) is carried
    assert read_ledger(tmp_path / "state", "new").total_consumed < 100


def test_an_old_client_that_does_not_tell_its_process(tell: Tell) -> None:
    """Before 2.1.300 the parent process stands for the client, from an end by /clear to a start by /clear."""
    begin(tell, {})
    tell("old", "SessionEnd", {}, reason="clear")
    assert "tokens freed" in tell("new", "SessionStart", {}, source="clear")
    assert tell("newer", "SessionStart", {}, source="clear") == ""


def test_the_reset_is_told_once(tell: Tell) -> None:
    """Neither a second registration nor a SessionStart that comes late tells it again."""
    begin(tell, PID)
    assert "tokens freed" in tell("new", "UserPromptSubmit", PID, prompt="go on")
    assert tell("new", "SessionStart", PID, source="clear") == ""
    assert tell("new", "UserPromptSubmit", PID, prompt="and on") == ""


def test_a_typed_clear_that_keeps_the_id_starts_again(tell: Tell, tmp_path: Path) -> None:
    """A submitted prompt that is exactly /clear resets the session; one that only mentions it does not."""
    begin(tell, {})
    assert tell("old", "UserPromptSubmit", prompt="please /clear", prompt_id="q") == ""
    assert read_ledger(tmp_path / "state", "old").total_consumed > 4_000
    assert "tokens freed" in tell("old", "UserPromptSubmit", prompt=" /clear ", prompt_id="r")
    assert read_ledger(tmp_path / "state", "old").total_consumed == 0


def test_a_startup_long_after_is_another_client(tell: Tell, tmp_path: Path) -> None:
    """Process ids are used again: a start that does not say clear is believed for ten minutes."""
    begin(tell, PID)
    later = (tmp_path / "state" / "sessions" / "old.json").stat().st_mtime + 3_600
    assert tell("new", "SessionStart", PID, later, source="startup") == ""


def test_a_clear_that_keeps_the_sessions_id(tell: Tell, tmp_path: Path) -> None:
    """Some front ends may: the session that was started before starts again, and the person hears it once."""
    begin(tell, {})
    assert "tokens freed" in tell("old", "SessionStart", {}, source="clear")
    assert read_ledger(tmp_path / "state", "old").total_consumed == 0
    assert tell("old", "SessionStart", {}, source="clear") == ""


def test_a_start_that_comes_after_the_first_prompt_takes_nothing_back(tell: Tell, tmp_path: Path) -> None:
    """SessionStart of a cleared session may be late, and come twice where the hooks are registered twice."""
    begin(tell, PID)
    tell("old", "SessionEnd", PID, reason="clear")
    path = str(tmp_path / "new.jsonl")
    tell("new", "UserPromptSubmit", PID, prompt="word " * 100, prompt_id="q", transcript_path=path)
    consumed = read_ledger(tmp_path / "state", "new").total_consumed
    for _ in range(2):
        assert tell("new", "SessionStart", PID, source="clear", transcript_path=path) == ""
    assert read_ledger(tmp_path / "state", "new").total_consumed == consumed > 0


@pytest.mark.parametrize("held", ["SessionEnd", "SessionStart", "both"])
def test_a_held_lock_costs_no_limits(tell: Tell, session: Session, held: str) -> None:
    """An old client that does not tell its process: either hook may give up, and the next prompt still goes on."""
    begin(tell, {})
    lock_all = [paths.lock_file(str(session.state), name) for name in ("old", "new")]

    def give_up(name: str, event: str, **fields: str) -> None:
        locks = [files.try_lock(path) for path in dict.fromkeys(lock_all)]
        with pytest.raises(files.Busy):
            tell(name, event, {}, **fields)
        for lock in locks:
            files.close(lock)

    if held in ("SessionEnd", "both"):
        give_up("old", "SessionEnd", reason="clear")
    else:
        tell("old", "SessionEnd", {}, reason="clear")
    if held in ("SessionStart", "both"):
        give_up("new", "SessionStart", source="clear")
        assert "tokens freed, limits kept" in tell("new", "UserPromptSubmit", {}, prompt="go on")
    else:
        assert "tokens freed, limits kept" in tell("new", "SessionStart", {}, source="clear")
    assert tell("newer", "UserPromptSubmit", {}, prompt="hello") == ""


def test_the_session_after_a_clear_is_one_to_show(tell: Tell, session: Session) -> None:
    """Commands show it and not the one it ended, before anything is asked of it."""
    begin(tell, {})
    tell("old", "SessionEnd", {}, reason="clear")
    tell("new", "SessionStart", {}, source="clear")
    assert read_ledger(session.state, "new").session.has_worked
