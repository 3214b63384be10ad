import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.commands import Hook, Run


def swarms(run: Run) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run("status", "--json").output)
    return document["swarms"]


@pytest.mark.parametrize("tokens", ["60000", "60,000", "60_000", "60K", "60k", "0.06M"])
@pytest.mark.usefixtures("begun")
def test_allocate_takes_tokens_as_people_write_them(run: Run, tokens: str) -> None:
    """Separators and the suffixes K and M are understood."""
    assert run("allocate", "docs", tokens).exit_code == 0
    assert swarms(run)["docs"]["allocated"] == 60_000


@pytest.mark.parametrize("tokens", ["0", "-1", "1.5", "many", "1e5", "", "K", "1.K", "\uff19", "9" * 30])
@pytest.mark.usefixtures("begun")
def test_allocate_refuses_what_is_no_number_of_tokens(run: Run, tokens: str) -> None:
    """That is a usage error, and nothing changes."""
    assert run("allocate", "docs", "--", tokens).exit_code == 2
    assert "docs" not in swarms(run)


def test_a_new_swarm_is_the_one_its_agents_work_in(
    run: Run, begun: Path, hook: Hook, transcript: Callable[..., Path]
) -> None:
    """The limit speaks for the subagents of that type, whose windows are their own."""
    assert run("allocate", "research", "30K").exit_code == 0
    transcript("one", 25_000, agent="a2")
    hook("one", "SubagentStop", transcript_path=str(begun), agent_id="a2", agent_type="research")
    found = swarms(run)["research"]
    assert (found["isolated"], found["allocated"], found["consumed"]) == (True, 30_000, 25_000)


@pytest.mark.usefixtures("begun")
def test_a_promise_outlives_clear(run: Run, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session after `/clear` has the limits of the one before."""
    monkeypatch.setenv("CLAUDE_PID", "4242")
    hook("three", "UserPromptSubmit", prompt="hello", prompt_id="p")
    assert run("allocate", "research", "30K", "--session", "three").exit_code == 0
    hook("four", "SessionStart", source="clear")
    document = json.loads(run("status", "--json", "--session", "four").output)
    assert document["swarms"]["research"]["allocated"] == 30_000


@pytest.mark.usefixtures("begun")
def test_allocate_resizes_a_swarm_that_exists(run: Run) -> None:
    """A higher limit takes back the warning; a lower one than what is used is refused, and the error says why."""
    said = run("allocate", "backend", "80K").output.splitlines()
    assert said[0].startswith("session one  /")
    assert said[1:] == ["backend: 80,000 tokens in windows of its own, 39,000 left"]
    result = run("allocate", "backend", "40K")
    assert result.exit_code == 1
    assert "less than the 41,000 it has consumed" in result.output
    assert swarms(run)["backend"]["allocated"] == 80_000


@pytest.mark.parametrize("first", ["", "60K"], ids=["new", "resized"])
@pytest.mark.usefixtures("begun")
def test_a_shared_limit_that_does_not_fit_says_how_much_would(run: Run, first: str) -> None:
    """The error names what is left to promise, and exactly that much then fits."""
    assert run("allocate", "docs", "150K", "--shared").exit_code == 0
    if first:
        run("allocate", "tests", "10K", "--shared")
    result = run("allocate", "tests", "50K", "--shared")
    assert result.exit_code == 1
    assert "40,000 are left to promise" in result.output
    assert run("allocate", "tests", "40001", "--shared").exit_code == 1
    assert run("allocate", "tests", "40K", "--shared").exit_code == 0


@pytest.mark.usefixtures("begun")
def test_main_has_no_limit(run: Run) -> None:
    """`main` may use what nobody else was promised; the errors say so."""
    for arguments in (["allocate", "main", "10K"], ["deallocate", "main"]):
        result = run(*arguments)
        assert (result.exit_code, result.output.startswith("Error: main: ")) == (1, True)


@pytest.mark.usefixtures("begun")
def test_deallocate_removes_a_swarm(run: Run) -> None:
    """It is gone from the status; a second time is an error that names those there are."""
    assert run("deallocate", "backend").exit_code == 0
    assert set(swarms(run)) == {"main"}
    result = run("deallocate", "backend")
    assert result.exit_code == 1
    assert "known are main" in result.output


@pytest.mark.usefixtures("begun")
def test_reset_starts_an_isolated_swarm_at_zero(run: Run) -> None:
    """Its consumption and its warnings are taken back."""
    result = run("reset", "backend")
    assert result.output.splitlines()[1:] == ["backend: 41,000 tokens taken back, 50,000 left"]
    assert swarms(run)["backend"]["consumed"] == 0


def test_what_is_in_the_main_window_stays_there(run: Run, begun: Path, hook: Hook, project: Path) -> None:
    """Resetting or removing a shared swarm hands its tokens to main, and the output says so."""
    (project / ".moai" / "config").mkdir(parents=True)
    rule = {"token_budget": {"swarms": {"docs": {"paths": ["docs/**"]}}}}
    (project / ".moai" / "config" / "config.json").write_text(json.dumps(rule))
    hook(
        "one",
        "PostToolUse",
        transcript_path=str(begun),
        tool_name="Read",
        tool_use_id="t1",
        tool_input={"file_path": "docs/a.md"},
        tool_response={"type": "text", "file": {"content": "word " * 700, "startLine": 1}},
    )
    before = json.loads(run("status", "--json").output)
    moved = before["swarms"]["docs"]["consumed"]
    assert moved > 500
    assert f"docs: {moved:,} tokens stay in the main window" in run("reset", "docs").output
    after = json.loads(run("status", "--json").output)
    assert after["total_consumed"] == before["total_consumed"]
    assert after["swarms"]["main"]["consumed"] == before["swarms"]["main"]["consumed"] + moved


@pytest.mark.usefixtures("begun")
def test_reset_of_all_keeps_the_windows_occupancy(run: Run) -> None:
    """Without a name every swarm is reset, but only `/clear` empties the main window."""
    output = run("reset").output
    assert "backend: 41,000 tokens taken back" in output
    assert "main: holds 40,000 tokens until /clear" in output
    assert {name: swarm["consumed"] for name, swarm in swarms(run).items()} == {"main": 40_000, "backend": 0}


@pytest.mark.parametrize("name", ["a b", "x" * 65, "", "ü", "a/b"])
@pytest.mark.usefixtures("begun")
def test_a_name_no_swarm_can_have_is_a_usage_error(run: Run, name: str) -> None:
    """It never reaches the ledger."""
    for command in (["allocate", name, "1K"], ["deallocate", name], ["reset", name]):
        assert run(*command).exit_code == 2


@pytest.mark.usefixtures("begun")
@pytest.mark.parametrize("command", [["allocate", "docs", "1K"], ["reset", "backend"], ["deallocate", "backend"]])
def test_json_is_the_session_afterwards(run: Run, command: list[str]) -> None:
    """What a script would have to ask `status` for next."""
    printed = json.loads(run(*command, "--json").output)
    assert printed == json.loads(run("status", "--json").output)
