"""The player in memory against the hooks on files: one session, two ways, the same figures after every event."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.metering import play
from support.recordings import Recording, recordings

from moai_flow.core import codec
from moai_flow.core.session import RECALLED
from moai_flow.hook import payload
from moai_flow.replay.player import Player

if TYPE_CHECKING:
    from pathlib import Path

    from support.recordings import Event

    from moai_flow.core.ledger import SessionLedger

ALL = [pytest.param(recording, id=str(recording)) for recording in recordings()]
SETTINGS = {
    "total_budget": 100_000,
    "swarms": {"backend": {"limit": 20_000, "agents": ["backend*"], "paths": ["services/**"]}},
    "tell_agents": True,
    "enable_auto_scaling": True,
}


def stored(ledger: SessionLedger) -> dict[str, Any]:
    """Return all that a ledger's file holds, but for what only folders know.

    That is whether earlier sessions were asked what they learned, and how many files of agents there are.
    """
    document: dict[str, Any] = json.loads(codec.encode(ledger))
    del document["seal"], document["session"]["agent_files"]
    for value in document["session"].values():
        if isinstance(value, list) and RECALLED in value:
            value.remove(RECALLED)
    return document


def take(player: Player, event: Event, place: Path, folder: str) -> tuple[str, str]:
    """Let the player's transcripts grow as they had by an event, and give it the event."""
    for name, size in event.sizes.items():
        player.grow(str(place / "projects" / folder / name), size)
    return player.take(payload.Event(event.payload), 1_000_000.0 + event.at)


@pytest.mark.parametrize("settings", [pytest.param({}, id="defaults"), pytest.param(SETTINGS, id="settings")])
@pytest.mark.parametrize("recording", ALL)
def test_both_ways_say_the_same_after_every_event(
    recording: Recording, settings: dict[str, Any], tmp_path: Path
) -> None:
    """The ledgers are equal to the last field, and so is what the person and the model receive."""
    config = tmp_path / ".config/token-budget/config.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"token_budget": settings}))
    player = Player([("user config", settings)])
    folder = recording.projects_dir.rpartition("/")[2]
    count = 0
    for step in play(recording, tmp_path):
        person, model = take(player, step.event, tmp_path, folder)
        (reply,) = step.replies
        assert person == reply.get("systemMessage", "")
        assert model == reply.get("hookSpecificOutput", {}).get("additionalContext", "")
        own = player.ledgers[payload.safe_id(str(step.event.payload["session_id"]))]
        assert stored(own) == stored(step.ledger)
        count += 1
    assert count
