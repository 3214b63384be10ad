"""The stand-in, the driver and the real client work together; the product is not involved."""

from __future__ import annotations

import http.client
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from driver import Client, client_version, hook_settings
from standin import StandIn, plan_prompt

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import HookLog


def agent_call(text: str, steps: list[dict[str, Any]]) -> list[object]:
    """Return a call of the Agent tool, in the foreground."""
    task = {"description": text, "subagent_type": "Explore", "run_in_background": False}
    return ["Agent", {**task, "prompt": plan_prompt(text, steps)}]


def ask(standin: StandIn, messages: list[dict[str, str]]) -> tuple[int, int]:
    """Send one request without a client; return the tokens its usage says were read and written."""
    connection = http.client.HTTPConnection(standin.url.removeprefix("http://"), timeout=10)
    connection.request("POST", "/v1/messages?beta=true", json.dumps({"messages": messages, "tools": [{}]}))
    usage = json.loads(connection.getresponse().read())["usage"]
    connection.close()
    return sum(usage.values()) - usage["output_tokens"], usage["output_tokens"]


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        pytest.param(0, 3000, id="first step"),
        pytest.param(1, 4000, id="second step"),
        pytest.param(3, 4200, id="past the end the window goes on growing"),
    ],
)
def test_the_step_is_told_by_the_request_alone(standin: StandIn, replies: int, expected: int) -> None:
    """A request that the client repeats gets the same usage, and system messages are no turns."""
    plan = plan_prompt("work", [{"text": "a", "ctx": 3000}, {"text": "b", "ctx": 4000}])
    messages = [{"role": "user", "content": plan}, {"role": "system", "content": "note"}]
    messages += [{"role": "assistant", "content": "a"}, {"role": "user", "content": "more"}] * replies
    for _ in range(2):
        assert ask(standin, messages) == (expected, 50)


def test_natural_usage_is_the_size_of_the_request(natural_standin: StandIn) -> None:
    """Four bytes are a token, what is read and what is written alike."""
    plan = plan_prompt("x" * 40_000, [{"text": "y" * 4_000}])
    read, written = ask(natural_standin, [{"role": "user", "content": plan}])
    assert read == natural_standin.turns[0].size // 4
    assert 11_000 < read < 11_100
    assert 1_000 < written < 1_020


def test_one_turn(client: Client, standin: StandIn) -> None:
    """The transcript holds the usage that the stand-in answered."""
    result = client.run(plan_prompt("work", [{"text": "all done", "ctx": 12_345}]))
    assert (result.code, result.final) == (0, "all done")
    transcript = (client.projects / f"{result.session_id}.jsonl").read_text()
    records = [json.loads(line) for line in transcript.splitlines()]
    metered = [one["message"] for one in records if one["type"] == "assistant"]
    assert metered[-1]["id"] == standin.turns[-1].message_id
    assert metered[-1]["usage"]["cache_read_input_tokens"] == 12_345 - 2_010


def test_a_tool_call_and_what_its_hook_says(client: Client, standin: StandIn, hook_log: Callable[..., HookLog]) -> None:
    """A hook's systemMessage is in the client's stream, its additionalContext in the next request."""
    says = {"hookEventName": "PostToolUse", "additionalContext": "a fact for the model"}
    log = hook_log({"systemMessage": "a word for the person", "hookSpecificOutput": says})
    steps = [{"tool": "Bash", "input": {"command": "echo out-of-the-tool"}, "ctx": 9_000}, {"text": "ok"}]
    result = client.run(plan_prompt("work", steps), settings=hook_settings(log.command, ["PostToolUse"]))
    assert [one["tool_name"] for one in log.events("PostToolUse")] == ["Bash"]
    assert "out-of-the-tool" in standin.turns[-1].text
    assert "a fact for the model" in standin.turns[-1].text
    if client_version(client.binary) >= "2.1.300":
        assert result.messages_for_person == ["PostToolUse:Bash says: a word for the person"]


def test_parallel_subagents_follow_plans_of_their_own(
    client: Client, standin: StandIn, hook_log: Callable[..., HookLog]
) -> None:
    """Two agents started by one message each get the replies of their own prompt."""
    log = hook_log()
    steps = [
        {"tool": "Bash", "input": {"command": "echo one"}, "ctx": 5_000},
        {"text": "first back", "ctx": 5_500},
    ]
    other = [{"text": "second back", "ctx": 7_000}]
    calls = [agent_call("first", steps), agent_call("second", other)]
    client.run(
        plan_prompt("work", [{"tools": calls, "ctx": 9_000}, {"text": "ok", "ctx": 9_900}]),
        settings=hook_settings(log.command, ["SubagentStart", "SubagentStop"]),
    )
    stops = {one["last_assistant_message"]: one["agent_id"] for one in log.events("SubagentStop")}
    assert set(stops) == {"first back", "second back"}
    assert {one["agent_id"] for one in log.events("SubagentStart")} == set(stops.values())
    last = standin.turns[-1]
    assert "first back" in last.text
    assert "second back" in last.text
    assert last.usage["cache_read_input_tokens"] == 9_900 - 2_010


def test_resume_goes_on_with_the_session(client: Client, standin: StandIn) -> None:
    """A resumed session sends the old turns again and follows the new prompt's plan."""
    first = client.run(plan_prompt("one", [{"text": "first answer", "ctx": 5_000}]))
    again = plan_prompt("two", [{"text": "second answer", "ctx": 6_000}])
    second = client.run(again, "--resume", first.session_id)
    assert second.session_id == first.session_id
    assert second.final == "second answer"
    assert "first answer" in standin.turns[-1].text


def test_clear_typed_in_a_terminal(client: Client, hook_log: Callable[..., HookLog]) -> None:
    """/clear ends one session and starts another, and both are seen by hooks."""
    log = hook_log()
    settings = hook_settings(log.command, ["SessionStart", "SessionEnd", "Stop"])
    with client.terminal(settings=settings) as terminal:
        terminal.wait_ready()
        terminal.type(plan_prompt("work", [{"text": "that was all", "ctx": 9_000}]))
        terminal.wait_for("● that was all")
        terminal.type("/clear")
        terminal.wait_until(lambda: len(log.events("SessionStart")) == 2)
        terminal.wait_until(lambda: "that was all" not in terminal.screen())
    first, second = log.events("SessionStart")
    (end,) = [one for one in log.events("SessionEnd") if one["reason"] == "clear"]
    assert (first["source"], second["source"]) == ("startup", "clear")
    assert end["session_id"] == first["session_id"] != second["session_id"]


def test_the_screen_has_colours_on_request(client: Client) -> None:
    """A capture with colours differs from one without by escape sequences only."""
    with client.terminal() as terminal:
        terminal.wait_ready()
        assert "\x1b[" in terminal.screen(colours=True)
        assert "\x1b[" not in terminal.screen()


def test_nothing_of_the_caller_reaches_the_client(
    make_client: Callable[..., Client], standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's environment names its own home, the stand-in, and what the test adds."""
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "secret")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", "/nowhere")
    client = make_client(standin, env={"EXTRA_VARIABLE": "yes"})
    seen = client.environment()
    assert "secret" not in seen.values()
    assert "CLAUDE_CONFIG_DIR" not in seen
    assert seen["EXTRA_VARIABLE"] == "yes"
    assert seen["HOME"] == str(client.home) != os.environ.get("HOME")
