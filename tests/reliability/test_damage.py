"""A ledger that was damaged, or written by another version."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from support.harness import AGENT, CALL, Session

from moai_flow.core import codec
from moai_flow.core.config import BudgetConfig
from moai_flow.core.errors import CorruptStateError

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the hooks of Windows are other ones")
SAID = "the ledger of this session was damaged"


@pytest.fixture
def session(session: Session) -> Session:
    """Return a session in the middle of its work, with two subagents."""
    session.reply(5_000, calls=(CALL,))
    session.reply(2_000, AGENT)
    session.reply(4_000, "b0123456789abcdef", identity="msg_b1")
    for event in ("SessionStart", "UserPromptSubmit", "SubagentStart", "PostToolUse"):
        session.fire(event)
    session.fire("SubagentStart", agent_id="b0123456789abcdef")
    session.reply(9_000, identity="msg_2")
    return session


def test_any_flipped_bit_is_found(session: Session) -> None:
    """At every byte of the file."""
    data = session.ledger_file.read_bytes()
    assert codec.decode(data, BudgetConfig()).swarms
    for position in range(len(data)):
        for bit in (0x01, 0x20, 0x80):
            damaged = data[:position] + bytes([data[position] ^ bit]) + data[position + 1 :]
            with pytest.raises(CorruptStateError):
                codec.decode(damaged, BudgetConfig())


def test_any_cut_is_found(session: Session) -> None:
    """At every length, from either end, and with NULs in place of what is missing."""
    data = session.ledger_file.read_bytes()
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
def test_a_damaged_ledger_is_kept_and_rebuilt(session: Session, damage: Callable[[bytes], bytes]) -> None:
    """It goes to the quarantine as it was; main window and subagents come back from their transcripts; said once."""
    damaged = damage(session.ledger_file.read_bytes())
    session.ledger_file.write_bytes(damaged)
    reply = session.fire("Stop")
    assert reply["systemMessage"].count(SAID) == 1
    (kept,) = (session.state / "quarantine").iterdir()
    assert kept.read_bytes() == damaged
    assert session.consumed() == {"main": 9_000, "backend": 6_000}
    assert SAID not in str(session.fire("Stop"))


def test_damage_found_inside_a_subagent_is_said_at_the_next_event_of_the_person(session: Session) -> None:
    """The client shows nothing from inside a subagent."""
    session.ledger_file.write_bytes(b"")
    assert session.fire("SubagentStop") == {}
    assert session.consumed()["backend"] == 6_000
    assert SAID in session.fire("Stop")["systemMessage"]


def test_a_transcript_that_names_no_agent_is_nobodys(session: Session) -> None:
    """The client's own helpers have transcripts too; what stands beside them is left alone."""
    folder = session.transcripts.path(AGENT).parent
    (folder / "agent-helper.jsonl").write_text('{"type":"assistant","message":{"id":"x","usage":{"input_tokens":9}}}\n')
    (folder / "agent-..jsonl").write_text("")
    (folder / "agent-link.jsonl").symlink_to(session.transcripts.path(AGENT))
    (folder / "notes.txt").write_text("")
    session.ledger_file.write_bytes(b"")
    session.fire("Stop")
    assert set(session.ledger.windows) == {"main", "a0123456789abcdef", "b0123456789abcdef"}


def test_the_last_ten_damaged_ledgers_are_kept(session: Session) -> None:
    """The oldest go first."""
    for number in range(14):
        session.ledger_file.write_bytes(b"damaged %d" % number)
        session.event("Stop")
    kept = sorted((session.state / "quarantine").iterdir())
    assert [path.read_bytes() for path in kept] == [b"damaged %d" % number for number in range(4, 14)]


def test_a_ledger_of_a_newer_version_is_left_alone(session: Session) -> None:
    """Nobody reads it, rewrites it or sets it aside; the session goes on."""
    body = session.ledger_file.read_bytes()[: -codec._SEAL_LENGTH].replace(b'"version":1', b'"version":%d' % 999)
    newer = body + codec._SEAL % codec._checksum(body)
    session.ledger_file.write_bytes(newer)
    for event in ("UserPromptSubmit", "Stop", "SessionStart"):
        assert session.fire(event) == {}
    assert session.ledger_file.read_bytes() == newer
    assert not (session.state / "quarantine").exists()


def test_an_older_version_is_damage(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """No older format was ever released: a ledger that claims to be one is not read."""
    monkeypatch.setattr(codec, "VERSION", codec.VERSION + 1)
    with pytest.raises(CorruptStateError):
        codec.decode(session.ledger_file.read_bytes(), BudgetConfig())
