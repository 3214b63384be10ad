"""The harness: hooks do the same in this process and in their own, and a reply that the client would not take fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.harness import EXAMPLES, HOOK, LAUNCHER, Session, check

PERSON = {"systemMessage": "x"}


def output(event: str, **fields: Any) -> dict[str, Any]:
    return {"hookSpecificOutput": {"hookEventName": event, **fields}}


@pytest.mark.parametrize(
    ("event", "reply"),
    [
        pytest.param("Stop", PERSON, id="to the person"),
        pytest.param("PostToolUse", PERSON | output("PostToolUse", additionalContext="y"), id="to both"),
        pytest.param(
            "PreToolUse",
            output("PreToolUse", permissionDecision="deny", permissionDecisionReason="z"),
            id="a decision",
        ),
    ],
)
def test_a_reply_that_the_client_takes(event: str, reply: dict[str, Any]) -> None:
    """It is returned as it is."""
    assert check(event, json.dumps(reply)) == reply
    assert check(event, "") == {}


@pytest.mark.parametrize(
    ("event", "text"),
    [
        pytest.param("Stop", "{}", id="an empty object"),
        pytest.param("Stop", '{"systemMessage": "\u20ac"}', id="not ASCII"),
        pytest.param("Stop", json.dumps({"systemMessage": "x" * 10_000}), id="too long"),
        pytest.param("Stop", '{"systemMessage": ""}', id="an empty line"),
        pytest.param("Stop", '{"decision": "block", "reason": "x"}', id="a turn that starts again"),
        pytest.param("Stop", json.dumps(output("Stop", additionalContext="x")), id="the same by a context"),
        pytest.param("SubagentStop", json.dumps(PERSON), id="inside a subagent's end"),
        pytest.param("SessionEnd", json.dumps(PERSON), id="after the end"),
        pytest.param("PostToolUse", json.dumps(output("Stop", additionalContext="x")), id="another event's"),
        pytest.param("PreToolUse", json.dumps(output("PreToolUse", permissionDecision="deny")), id="without a reason"),
        pytest.param(
            "PreToolUse",
            json.dumps(output("PreToolUse", permissionDecision="allow", permissionDecisionReason="x")),
            id="a permission that was the person's to give",
        ),
    ],
)
def test_a_reply_that_the_client_does_not_take_fails(event: str, text: str) -> None:
    """Each of these would be dropped, or disturb the session."""
    with pytest.raises(AssertionError):
        check(event, text)


def test_nothing_for_the_person_comes_from_inside_a_subagent() -> None:
    """The client shows it nowhere."""
    with pytest.raises(AssertionError):
        check("PostToolUse", json.dumps(PERSON), in_agent=True)


@pytest.mark.parametrize("command", [pytest.param(HOOK, id="hook"), pytest.param([LAUNCHER, "hook"], id="run")])
def test_a_process_says_what_this_process_says(tmp_path: Path, command: list[str]) -> None:
    """The same events have the same replies and leave the same figures."""
    inside, outside = Session(tmp_path / "inside"), Session(tmp_path / "outside")
    outside.command = command
    replies: list[list[object]] = [[], []]
    for session, run, said in ((inside, inside.event, replies[0]), (outside, outside.process, replies[1])):
        session.configure(total_budget=10_000, swarms={"backend": {"limit": 3_000}})
        for name, fields in EXAMPLES.items():
            said.append(run(name, **fields))
            if name == "UserPromptSubmit":
                session.measured(8_000)
            if name == "SubagentStart":
                session.measured(2_900, "a0123456789abcdef")
    assert replies[0] == replies[1]
    assert any(replies[0]), "nothing was said that could differ"
    assert inside.consumed() == outside.consumed()
    assert inside.status_line() + "\n" == outside.status_line_process()


def test_nothing_of_the_caller_reaches_a_session(session: Session) -> None:
    """Whatever a hook leaves behind is below the session's folder."""
    for name, fields in EXAMPLES.items():
        session.event(name, **fields)
    assert session.ledger_file.is_relative_to(session.root)
    for name, value in session.env.items():
        if "/" in value and name != "PATH":
            assert Path(value).is_relative_to(session.root)
