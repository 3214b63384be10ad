"""Numbers, names and ids are stored; what people and tools wrote is not."""

from __future__ import annotations

import json
import sys

import pytest
from support.harness import AGENT, SESSION, Session

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


def test_nothing_that_was_written_is_on_the_disk(session: Session) -> None:
    """A whole session, a damaged ledger and a kept one included; only this user may look."""
    session.configure_project(
        swarms={"backend": {"limit": 1_000, "paths": ["src/**"]}}, event_log=True, tell_agents=True
    )
    session.reply(5_000)
    with session.transcript.open("a") as file:
        file.write(json.dumps({"type": "user", "message": {"content": SECRETS["message"]}}) + "\n")
    session.reply(2_000, AGENT)
    s = SECRETS
    inside = {"agent_id": AGENT, "agent_type": "backend"}
    tool = {
        "tool_name": "Write",
        "tool_input": {"command": s["command"], "file_path": f"{session.project}/src/{s['file']}.py"},
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
            payload = session.example(event, **{"cwd": f"/home/{s['cwd']}", **more})
            outcome = session.run(payload, env={**session.env, "MY_SECRET": s["environment"]})
            outcome.check()
        if turn == 0:
            session.ledger_file.write_bytes(session.ledger_file.read_bytes()[:-9])
    stored = [path for path in session.state.rglob("*") if path.is_file()]
    assert {path.relative_to(session.state).parts[0] for path in stored} >= {"sessions", "quarantine", "processes"}
    for path in stored:
        content = path.read_bytes()
        assert [name for name, secret in s.items() if secret.encode() in content or secret in path.name] == []
    assert SESSION.encode() in session.ledger_file.read_bytes()
    for path in [session.state, *session.state.rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
