"""Numbers, names and ids are stored; what people and tools wrote is not."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from sandbox import AGENT, SESSION, Sandbox

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the hooks of Windows are other ones")
SECRETS = {
    "prompt": "sesame-prompt",
    "command": "sesame-command",
    "output": "sesame-output",
    "error": "sesame-error",
    "reply": "sesame-reply",
    "file": "sesame-file",
    "message": "sesame-message",
    "cwd": "sesame-cwd",
    "description": "sesame-description",
    "environment": "sesame-environment",
}


def test_nothing_that_was_written_is_on_the_disk(tmp_path: Path) -> None:
    """A whole session, a damaged ledger and a kept one included; only this user may look."""
    box = Sandbox(tmp_path)
    box.configure(swarms={"backend": {"limit": 1_000, "paths": ["src/**"]}}, event_log=True, tell_agents=True)
    box.write_message(5_000)
    with box.transcript.open("a") as file:
        file.write(json.dumps({"type": "user", "message": {"content": SECRETS["message"]}}) + "\n")
    box.write_agent_message(2_000)
    s = SECRETS
    inside = {"agent_id": AGENT, "agent_type": "backend"}
    tool = {
        "tool_name": "Write",
        "tool_input": {"command": s["command"], "file_path": f"{box.project}/src/{s['file']}.py"},
        "cwd": f"/home/{s['cwd']}",
    }
    response = {"stdout": s["output"], "filePath": s["file"], "agentId": "x", "agentType": "y", "totalTokens": 5}
    for turn in range(3):
        for event, more in (
            ("SessionStart", {"cwd": s["cwd"]}),
            ("UserPromptSubmit", {"prompt": s["prompt"], "prompt_id": f"p{turn}"}),
            ("PreToolUse", tool),
            ("PostToolUse", {**tool, "tool_use_id": f"t{turn}", "tool_response": response}),
            ("PostToolUseFailure", {**tool, "tool_use_id": f"f{turn}", "error": s["error"]}),
            ("SubagentStart", {**inside, "description": s["description"]}),
            ("PostToolUse", {**tool, **inside, "tool_use_id": f"a{turn}", "tool_response": response}),
            ("SubagentStop", {**inside, "last_assistant_message": s["reply"]}),
            ("Stop", {"last_assistant_message": s["reply"]}),
            ("SessionEnd", {"reason": "other"}),
        ):
            payload = box.payload(event, **{"cwd": f"/home/{s['cwd']}", **more})
            outcome = box.run(payload, env={**box.env, "MY_SECRET": s["environment"]})
            outcome.check()
        if turn == 0:
            box.ledger_path.write_bytes(box.ledger_path.read_bytes()[:-9])
    stored = [path for path in box.state.rglob("*") if path.is_file()]
    assert {path.relative_to(box.state).parts[0] for path in stored} >= {"sessions", "quarantine", "processes"}
    for path in stored:
        content = path.read_bytes()
        assert [name for name, secret in s.items() if secret.encode() in content or secret in path.name] == []
    assert SESSION.encode() in box.ledger_path.read_bytes()
    for path in [box.state, *box.state.rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
