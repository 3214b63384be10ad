"""A ledger that does not parse: found damaged until it is replaced, and kept once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from moai_flow.hook.state import files, paths, session_ledger

if TYPE_CHECKING:
    from support.harness import Session


def damage(session: Session) -> Path:
    path = Path(paths.ledger_file(str(session.state), session.session))
    path.write_bytes(path.read_bytes()[:-9])
    return path


def kept(session: Session) -> list[Path]:
    place = Path(paths.quarantine(str(session.state)))
    return sorted(place.iterdir()) if place.exists() else []


def test_a_second_hook_finds_it_damaged_too_and_keeps_it_once(session: Session) -> None:
    """The first hook was killed before it wrote the new ledger: the second one rebuilds it, and says so."""
    session.measured(40_000, ended=True)
    session.event("Stop")
    path = damage(session)
    broken = path.read_bytes()
    for now in (5.0, 6.0):
        locked = session_ledger.read_locked(str(session.state), session.session, now)
        assert (locked.ledger, locked.is_rebuilt) == (None, True)
        assert path.read_bytes() == broken
        assert [file.read_bytes() for file in kept(session)] == [broken]
    assert "was damaged" in session.event("UserPromptSubmit", prompt="x", prompt_id="p")["systemMessage"]
    assert path.read_bytes() != broken


def test_a_ledger_that_is_damaged_again_is_kept_and_named_again(session: Session) -> None:
    """Each damage is one line and one file in the quarantine."""
    session.measured(40_000, ended=True)
    session.event("Stop")
    for count in (1, 2):
        damage(session)
        said = session.event("UserPromptSubmit", prompt="x", prompt_id=f"p{count}")["systemMessage"]
        assert said.count("was damaged") == 1
        assert len(kept(session)) == count
        assert "systemMessage" not in session.event("UserPromptSubmit", prompt="x", prompt_id=f"q{count}")


def test_without_links_it_is_moved(session: Session, monkeypatch: object) -> None:
    """Not every file system has hard links: then the damaged ledger is moved away, and found missing."""
    session.measured(40_000, ended=True)
    session.event("Stop")
    broken = damage(session).read_bytes()

    def no_links(*_: str) -> None:
        raise PermissionError

    monkeypatch.setattr(session_ledger.posix, "link", no_links)  # type: ignore[attr-defined]
    locked = session_ledger.read_locked(str(session.state), session.session, 5.0)
    assert locked.is_rebuilt
    assert [file.read_bytes() for file in kept(session)] == [broken]
    assert files.read(paths.ledger_file(str(session.state), session.session), 1 << 20) is None
