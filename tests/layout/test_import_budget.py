"""What a hook imports: each module is paid for at every tool call, so the list is short and held here."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from support.harness import HOOK, STATUS_LINE, Session

if TYPE_CHECKING:
    from pathlib import Path

STANDARD = {"__future__", "_json", "_signal", "fcntl", "posix", "time"}
"""All that a hook may import from the standard library."""

# The entry point leaves by `posix._exit`: what it has imported by then is told there.
PROBE = """
import posix, sys
path = sys.argv[1]
with open(path, encoding="utf-8") as file:
    code = compile(file.read(), path, "exec")
before = set(sys.modules)
leave = posix._exit
def told(status):
    posix.write(2, "\\n".join(set(sys.modules) - before).encode())
    leave(status)
posix._exit = told
sys.argv = [path]
exec(code, {"__name__": "__main__", "__file__": path})
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there, hooks may use the whole library")


class Place(Session):
    """A session whose hooks and status line tell what they import."""

    def loaded(self, entry: str, given: dict[str, Any]) -> tuple[set[str], str]:
        """Run an entry point; return the modules it imported and what it printed."""
        outcome = self.run(given, command=[sys.executable, "-I", "-S", "-c", PROBE, entry])
        assert outcome.code == 0
        return set(outcome.err.decode().split()), outcome.out.decode()

    def hook(self, name: str, **fields: Any) -> tuple[set[str], str]:
        """Run the hook with an event."""
        return self.loaded(HOOK[-1], self.payload(name, **fields))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def unexpected(loaded: set[str], main: str = "hook.run") -> set[str]:
    """Return the modules that are neither the package's own nor on the list."""
    assert f"moai_flow.{main}" in loaded, "the hook did not run"
    return {name for name in loaded - STANDARD if name.partition(".")[0] != "moai_flow"}


IMAGE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TOOL = {"tool_name": "Bash", "tool_input": {"command": "ls"}, "tool_use_id": "toolu_1"}
AGENT = {"agent_id": "a1", "agent_type": "backend"}

EVENTS = [
    pytest.param("SessionStart", {"source": "startup"}, id="start"),
    pytest.param("SessionStart", {"source": "clear"}, id="start-after-clear"),
    pytest.param("UserPromptSubmit", {"prompt": "do it", "prompt_id": "p"}, id="prompt"),
    pytest.param("UserPromptSubmit", {"prompt": "\u4f60\u597d /clear", "prompt_id": "p"}, id="prompt-not-ascii"),
    pytest.param("PostToolUse", {**TOOL, "tool_response": {"stdout": "a\nb"}}, id="tool"),
    pytest.param("PostToolUse", {**TOOL, **AGENT, "tool_response": {"stdout": "a"}}, id="tool-of-agent"),
    pytest.param("PostToolUseFailure", {**TOOL, "error": "no such file"}, id="failure"),
    pytest.param("SubagentStart", AGENT, id="agent-starts"),
    pytest.param("SubagentStop", {**AGENT, "last_assistant_message": "done"}, id="agent-stops"),
    pytest.param("Stop", {"last_assistant_message": "done"}, id="turn-ends"),
]


@pytest.mark.parametrize(("name", "fields"), EVENTS)
def test_event_imports_only_what_is_listed(place: Place, name: str, fields: dict[str, Any]) -> None:
    """The first hook of a session and those after it import nothing that is not on the list."""
    first, _ = place.hook(name, **fields)
    place.reply(1_000)
    second, _ = place.hook(name, **fields)
    assert place.ledger_file.exists(), "the hook did not do its work"
    assert unexpected(first) == set()
    assert unexpected(second) == set()


def test_the_end_of_a_session_imports_only_what_is_listed(place: Place) -> None:
    """The last hook of a session imports nothing that is not on the list either."""
    place.hook("Stop", last_assistant_message="done")
    loaded, _ = place.hook("SessionEnd", reason="other")
    assert unexpected(loaded) == set()


def test_status_line_imports_only_what_is_listed(place: Place) -> None:
    """It is started after every message, before the session's first hook too."""
    context = {"context_window_size": 200_000, "current_usage": {"input_tokens": 1_000}}
    given = place.status_payload(context_window=context)
    before, printed = place.loaded(STATUS_LINE[-1], given)
    assert "/200,000" in printed
    assert unexpected(before, "statusline.show") == set()
    place.hook("UserPromptSubmit", prompt="do it")
    place.measured(1_000)
    after, _ = place.loaded(STATUS_LINE[-1], given)
    assert unexpected(after, "statusline.show") == set()


def test_before_a_tool_nothing_more_is_imported(place: Place) -> None:
    """PreToolUse, which only enforcement needs, imports nothing from the library, whether that is on or off."""
    asked = {"tool_name": "Agent", "tool_use_id": "toolu_1", "tool_input": {"subagent_type": "backend"}}
    off, _ = place.hook("PreToolUse", **asked)
    assert not place.ledger_file.exists(), "a call that nobody wants checked was"
    place.configure(enforce="deny")
    on, _ = place.hook("PreToolUse", **asked)
    assert place.ledger_file.exists(), "the call was not checked"
    assert unexpected(off) == unexpected(on) == set()


def test_reservations_are_loaded_while_agents_run(place: Place) -> None:
    """Who starts no agent does not pay for reservations, and nobody pays for enforcement who has it off."""
    modules = {"moai_flow.hook.agents", "moai_flow.core.reservations", "moai_flow.hook.enforcement"}
    before, _ = place.hook("PostToolUse", **TOOL, tool_response={"stdout": "a"})
    during, _ = place.hook("SubagentStart", **AGENT)
    place.hook("SubagentStop", **AGENT, last_assistant_message="done")
    after, _ = place.hook("PostToolUse", **TOOL, tool_response={"stdout": "a"})
    assert before & modules == after & modules == set()
    assert during & modules == {"moai_flow.hook.agents", "moai_flow.core.reservations"}


def test_phases_are_loaded_by_their_commands(place: Place) -> None:
    """Only a prompt that is one of MoAI-ADK's commands loads its phases, and nothing beside them."""
    other, _ = place.hook("UserPromptSubmit", prompt="of /moai:1-plan", prompt_id="p1")
    command, _ = place.hook("UserPromptSubmit", prompt="/moai:1-plan login", prompt_id="p2")
    assert "moai_flow.core.phases" not in other
    assert "moai_flow.core.phases" in command
    assert unexpected(command) == set()


def test_the_event_log_is_loaded_on_request(place: Place) -> None:
    """It costs those who want it one module, and nobody else."""
    off, _ = place.hook("PostToolUse", **TOOL, tool_response={"stdout": "a"})
    place.configure(event_log=True)
    place.measured(1_000)
    on, _ = place.hook("PostToolUse", **TOOL, tool_response={"stdout": "a"})
    assert "moai_flow.hook.state.event_log" in on - off
    assert unexpected(on) == set()


def test_unknown_event_imports_only_what_is_listed(place: Place) -> None:
    """An event of a later client is left alone, at no cost."""
    loaded, printed = place.hook("SomethingNew")
    assert printed == ""
    assert unexpected(loaded) == set()


def test_warning_imports_only_what_is_listed(place: Place) -> None:
    """A hook that speaks, with settings of the user and the project, imports no more than a silent one."""
    settings = {"total_budget": 100_000, "swarms": {"docs": {"paths": ["d/**"]}}}
    place.configure(**settings)
    place.configure_project(**settings)
    place.measured(95_000)
    loaded, printed = place.hook("PostToolUse", **TOOL, tool_response={"stdout": "a"})
    assert "CRITICAL" in printed
    assert unexpected(loaded) == set()


def test_damaged_ledger_imports_only_what_is_listed(place: Place) -> None:
    """A ledger that is set aside and built anew costs no import either."""
    place.hook("PostToolUse", **TOOL, tool_response={"stdout": "a"})
    place.ledger_file.write_text("{")
    loaded, _ = place.hook("PostToolUse", **TOOL, tool_response={"stdout": "a"})
    assert place.ledger_file.read_text() != "{"
    assert unexpected(loaded) == set()


def test_image_brings_its_decoder(place: Place) -> None:
    """Only a response with an image loads `binascii`."""
    content = [{"type": "image", "source": {"data": IMAGE}}]
    loaded, _ = place.hook("PostToolUse", **TOOL, tool_response=content)
    assert unexpected(loaded) == {"binascii"}


def test_hook_loads_nothing_that_serves_others(place: Place) -> None:
    """What serves library users, the command line, the status line or a plugin's first start stays away."""
    loaded, _ = place.hook("PostToolUse", **TOOL, tool_response={"stdout": "a"})
    others = {"hook.start.interpreter", "hook.rebuild", "hook.state.sweep", "core.status", "core.amounts"}
    assert loaded & {f"moai_flow.{name}" for name in others} == set()
    assert not [
        name for name in loaded if name.startswith(("moai_flow.cli", "moai_flow.resource", "moai_flow.statusline"))
    ]


def test_probe_sees_an_import(place: Place, tmp_path: Path) -> None:
    """The guard would notice: an entry point that imports `json` is reported with all that `json` brings."""
    entry = tmp_path / "entry.py"
    entry.write_text("import json\nfrom posix import _exit\n_exit(0)\n")
    loaded, _ = place.loaded(str(entry), {})
    assert {"json", "json.decoder", "re"} <= loaded
