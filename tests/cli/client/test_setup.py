"""/token-budget:setup: the status line in the user's settings."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING

import pytest
from support.harness import LAUNCHER, ROOT, SESSION, Session

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = '{\n  "model": "opus",\n  "statusLine": {"type": "command", "command": "echo \'my line\'"}\n}\n'


@pytest.fixture
def settings(session: Session) -> Path:
    session.env["PATH"] = "/usr/bin:/bin"
    file = session.home / ".claude" / "settings.json"
    file.parent.mkdir(parents=True)
    return file


def setup(session: Session, typed: str = "") -> str:
    return session.start([LAUNCHER, "command", sys.executable, "--", "setup", SESSION, typed])


def command_in(settings: Path) -> str:
    return str(json.loads(settings.read_text())["statusLine"]["command"])


def test_it_is_put_where_there_is_none(session: Session, settings: Path) -> None:
    """With an absolute interpreter and entry point; the answer shows the change. Twice is the same as once."""
    settings.write_text('{\n  "model": "opus"\n}\n')
    said = setup(session)
    words = shlex.split(command_in(settings))
    assert words[1:] == ["-I", "-S", str(ROOT / "hooks" / "statusline.py")]
    assert '+  "statusLine": {' in said
    assert str(settings) in said
    assert "nothing to change" in setup(session)


def test_without_a_settings_file(session: Session, settings: Path) -> None:
    """One is made."""
    setup(session)
    assert "statusline.py" in command_in(settings)


def test_another_one_is_left_alone(session: Session, settings: Path) -> None:
    """Unless the person says that it is to be wrapped."""
    settings.write_text(BEFORE)
    said = setup(session)
    assert "has a status line already: echo 'my line'\n/token-budget:setup --wrap keeps it" in said
    assert settings.read_text() == BEFORE


def test_another_one_is_wrapped_and_given_back(session: Session, settings: Path) -> None:
    """Both are shown; --remove leaves the settings byte for byte as they were."""
    settings.write_text(BEFORE)
    setup(session, "--wrap")
    assert "nothing to change" in setup(session)
    shown = session.start(["/bin/sh", "-c", command_in(settings)], json.dumps({"session_id": SESSION}))
    assert shown == "my line\nmain 0/200,000 0% [--------]\n"
    setup(session, "--remove")
    assert settings.read_text() == BEFORE


@pytest.mark.parametrize(
    ("before", "typed", "expected"),
    [
        pytest.param("{", "", "settings.json:1:2: not JSON", id="settings that do not parse"),
        pytest.param("{}", "--remove", "has no status line of this package", id="nothing to remove"),
        pytest.param(BEFORE, "--wrap --remove", "not allowed with argument", id="both"),
    ],
)
def test_what_cannot_be_done_changes_nothing(
    session: Session, settings: Path, before: str, typed: str, expected: str
) -> None:
    """The answer says why."""
    settings.write_text(before)
    assert expected in setup(session, typed)
    assert settings.read_text() == before
