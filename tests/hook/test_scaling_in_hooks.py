"""Auto-scaling in a session: a busy agent's swarm borrows from a quiet one's, if the settings say so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.session import Session

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 20_000


def work(session: Session, agent_type: str, occupancy: int, number: int) -> str:
    """Let an agent reply, after which its window holds `occupancy` tokens; return what its model is told."""
    file = session.transcript.with_suffix("") / f"subagents/agent-{agent_type}-1.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    message = {
        "id": f"msg_{agent_type}_{number}",
        "model": "claude-made-up",
        "stop_reason": "tool_use",
        "usage": {"input_tokens": occupancy - 50, "output_tokens": 50},
        "content": [{"type": "tool_use", "id": f"call-{agent_type}-{number}", "name": "Bash", "input": {}}],
    }
    with file.open("a") as transcript:
        transcript.write(
            json.dumps({"type": "assistant", "uuid": f"u-{agent_type}-{number}", "message": message}) + "\n"
        )
    reply = session.hook(
        "PostToolUse",
        agent_id=f"{agent_type}-1",
        agent_type=agent_type,
        tool_name="Bash",
        tool_use_id=f"call-{agent_type}-{number}",
        tool_input={},
        tool_response={"stdout": "", "stderr": ""},
    )
    return str(reply.get("hookSpecificOutput", {}).get("additionalContext", ""))


@pytest.mark.parametrize(
    ("settings", "backend", "research", "warned"),
    [
        pytest.param({}, LIMIT, LIMIT, True, id="off"),
        pytest.param({"enable_auto_scaling": True}, 30_800, 9_200, False, id="on"),
        pytest.param(
            {"enable_auto_scaling": True, "swarms": {"research": {"limit": LIMIT}}}, LIMIT, LIMIT, True, id="a promise"
        ),
    ],
)
def test_a_busy_swarm_borrows_from_a_quiet_one(
    tmp_path: Path, settings: dict[str, object], backend: int, research: int, warned: bool
) -> None:
    """Twelve turns of 1,800 tokens against a limit of 20,000, beside a swarm that took 500."""
    session = Session(tmp_path)
    session.configure(default_swarm_limit=LIMIT, **settings)
    work(session, "research", 500, 0)
    told = "".join(work(session, "backend", 1_800 * number, number) for number in range(1, 13))
    swarms = session.ledger.swarms
    assert swarms["backend"].allocated == backend
    assert swarms["research"].allocated == research
    assert ("CRITICAL" in told) is warned
