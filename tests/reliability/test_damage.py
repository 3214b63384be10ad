"""A ledger that was damaged, or written by another version."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from sandbox import CALL, Sandbox

from moai_flow.core import codec
from moai_flow.core.config import BudgetConfig
from moai_flow.core.errors import CorruptStateError
from moai_flow.hook.payload import parse
from moai_flow.hook.respond import respond

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the hooks of Windows are other ones")
SAID = "the ledger of this session was damaged"


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    """Return a session in the middle of its work, with two subagents."""
    box = Sandbox(tmp_path)
    box.write_message(5_000, calls=(CALL,))
    box.write_agent_message(2_000)
    box.write_agent_message(4_000, "msg_b1", "b0123456789abcdef")
    for event in ("SessionStart", "UserPromptSubmit", "SubagentStart", "PostToolUse"):
        box.fire(event)
    box.fire("SubagentStart", agent_id="b0123456789abcdef")
    box.write_message(9_000, "msg_2")
    return box


def take(box: Sandbox, event: str, **more: Any) -> str:
    """Take an event in this process and return the reply."""
    parsed = parse(json.dumps(box.payload(event, **more)).encode())
    assert parsed is not None
    return respond(parsed, box.env, sys.platform, time.time(), wait_seconds=0.0)


def test_any_flipped_bit_is_found(box: Sandbox) -> None:
    """At every byte of the file."""
    data = box.ledger_path.read_bytes()
    assert codec.decode(data, BudgetConfig()).swarms
    for position in range(len(data)):
        for bit in (0x01, 0x20, 0x80):
            damaged = data[:position] + bytes([data[position] ^ bit]) + data[position + 1 :]
            with pytest.raises(CorruptStateError):
                codec.decode(damaged, BudgetConfig())


def test_any_cut_is_found(box: Sandbox) -> None:
    """At every length, from either end, and with NULs in place of what is missing."""
    data = box.ledger_path.read_bytes()
    for length in range(len(data)):
        for damaged in (data[:length], data[length + 1 :], data[:length].ljust(len(data), b"\0")):
            with pytest.raises(CorruptStateError):
                codec.decode(damaged, BudgetConfig())


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "one byte": lambda data: data[:1],
    "half": lambda data: data[: len(data) // 2],
    "without its end": lambda data: data[:-1],
    "NULs": lambda data: bytes(len(data)),
    "first byte": lambda data: b"[" + data[1:],
    "a digit": lambda data: data.replace(b'"version":1', b'"version":0', 1),
    "twice": lambda data: data + data,
    "something in front": lambda data: b" " + data,
    "something else": lambda _: b"hello\n" * 50,
}


@pytest.mark.parametrize("damage", [pytest.param(change, id=name) for name, change in DAMAGE.items()])
def test_a_damaged_ledger_is_kept_and_rebuilt(box: Sandbox, damage: Callable[[bytes], bytes]) -> None:
    """It goes to the quarantine as it was; main window and subagents come back from their transcripts; said once."""
    damaged = damage(box.ledger_path.read_bytes())
    box.ledger_path.write_bytes(damaged)
    reply = box.fire("Stop").reply
    assert reply["systemMessage"].count(SAID) == 1
    (kept,) = (box.state / "quarantine").iterdir()
    assert kept.read_bytes() == damaged
    assert box.consumed() == {"main": 9_000, "backend": 6_000}
    assert SAID not in str(box.fire("Stop").reply)


def test_damage_found_inside_a_subagent_is_said_at_the_next_event_of_the_person(box: Sandbox) -> None:
    """The client shows nothing from inside a subagent."""
    box.ledger_path.write_bytes(b"")
    assert box.fire("SubagentStop").reply == {}
    assert box.consumed()["backend"] == 6_000
    assert SAID in box.fire("Stop").reply["systemMessage"]


def test_a_transcript_that_names_no_agent_is_nobodys(box: Sandbox) -> None:
    """The client's own helpers have transcripts too; what stands beside them is left alone."""
    folder = box.agent_transcript.parent
    (folder / "agent-helper.jsonl").write_text('{"type":"assistant","message":{"id":"x","usage":{"input_tokens":9}}}\n')
    (folder / "agent-..jsonl").write_text("")
    (folder / "agent-link.jsonl").symlink_to(box.agent_transcript)
    (folder / "notes.txt").write_text("")
    box.ledger_path.write_bytes(b"")
    box.fire("Stop")
    assert set(box.ledger().windows) == {"main", "a0123456789abcdef", "b0123456789abcdef"}


def test_the_last_ten_damaged_ledgers_are_kept(box: Sandbox) -> None:
    """The oldest go first."""
    for number in range(14):
        box.ledger_path.write_bytes(b"damaged %d" % number)
        take(box, "Stop")
        time.sleep(0.002)
    kept = sorted((box.state / "quarantine").iterdir())
    assert [path.read_bytes() for path in kept] == [b"damaged %d" % number for number in range(4, 14)]


def test_a_ledger_of_a_newer_version_is_left_alone(box: Sandbox) -> None:
    """Nobody reads it, rewrites it or sets it aside; the session goes on."""
    body = box.ledger_path.read_bytes()[: -codec._SEAL_LENGTH].replace(b'"version":1', b'"version":%d' % 999)
    newer = body + codec._SEAL % codec._checksum(body)
    box.ledger_path.write_bytes(newer)
    for event in ("UserPromptSubmit", "Stop", "SessionStart"):
        assert box.fire(event).reply == {}
    assert box.ledger_path.read_bytes() == newer
    assert not (box.state / "quarantine").exists()


def test_an_older_version_is_damage(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """No older format was ever released: a ledger that claims to be one is not read."""
    monkeypatch.setattr(codec, "VERSION", codec.VERSION + 1)
    with pytest.raises(CorruptStateError):
        codec.decode(box.ledger_path.read_bytes(), BudgetConfig())
