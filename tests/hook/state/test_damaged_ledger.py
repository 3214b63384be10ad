"""A ledger that does not parse: found damaged until it is replaced, and kept once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from moai_flow.hook.state import files, paths, session_ledger

if TYPE_CHECKING:
    from support.scene import Scene


def damage(scene: Scene) -> Path:
    path = Path(paths.ledger_file(str(scene.state), scene.session))
    path.write_bytes(path.read_bytes()[:-9])
    return path


def kept(scene: Scene) -> list[Path]:
    place = Path(paths.quarantine(str(scene.state)))
    return sorted(place.iterdir()) if place.exists() else []


def test_a_second_hook_finds_it_damaged_too_and_keeps_it_once(scene: Scene) -> None:
    """The first hook was killed before it wrote the new ledger: the second one rebuilds it, and says so."""
    scene.measured(40_000, ended=True)
    scene.event("Stop")
    path = damage(scene)
    broken = path.read_bytes()
    for now in (5.0, 6.0):
        locked = session_ledger.read_locked(str(scene.state), scene.session, now)
        assert (locked.ledger, locked.is_rebuilt) == (None, True)
        assert path.read_bytes() == broken
        assert [file.read_bytes() for file in kept(scene)] == [broken]
    assert "was damaged" in scene.event("UserPromptSubmit", prompt="x", prompt_id="p")["systemMessage"]
    assert path.read_bytes() != broken


def test_a_ledger_that_is_damaged_again_is_kept_and_named_again(scene: Scene) -> None:
    """Each damage is one line and one file in the quarantine."""
    scene.measured(40_000, ended=True)
    scene.event("Stop")
    for count in (1, 2):
        damage(scene)
        said = scene.event("UserPromptSubmit", prompt="x", prompt_id=f"p{count}")["systemMessage"]
        assert said.count("was damaged") == 1
        assert len(kept(scene)) == count
        assert "systemMessage" not in scene.event("UserPromptSubmit", prompt="x", prompt_id=f"q{count}")


def test_without_links_it_is_moved(scene: Scene, monkeypatch: object) -> None:
    """Not every file system has hard links: then the damaged ledger is moved away, and found missing."""
    scene.measured(40_000, ended=True)
    scene.event("Stop")
    broken = damage(scene).read_bytes()

    def no_links(*_: str) -> None:
        raise PermissionError

    monkeypatch.setattr(session_ledger.posix, "link", no_links)  # type: ignore[attr-defined]
    locked = session_ledger.read_locked(str(scene.state), scene.session, 5.0)
    assert locked.is_rebuilt
    assert [file.read_bytes() for file in kept(scene)] == [broken]
    assert files.read(paths.ledger_file(str(scene.state), scene.session), 1 << 20) is None
