"""What one session learned of a model's text serves the next one."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from support.metering import play
from support.recordings import recordings

from moai_flow.core.session import Session
from moai_flow.hook.estimate import learned
from moai_flow.hook.state import files

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def session() -> Session:
    one = Session("s")
    one.model = "claude-opus-5-5"
    return one


def test_a_new_session_starts_with_what_the_last_one_learned(tmp_path: Path) -> None:
    """The factors of a session are remembered at the end of its turn and taken up by the next with that model."""
    recording = recordings("2.1.330/natural")[0]
    done = list(play(recording, tmp_path))[-1].ledger.session
    assert done is not None
    assert done.factors
    fresh = Session("next")
    fresh.model = done.model
    learned.recall(str(tmp_path / "state"), fresh)
    assert fresh.factors.keys() == done.factors.keys()
    assert all(abs(fresh.factors[kind] - factor) < 0.2 for kind, factor in done.factors.items())


def test_models_do_not_teach_each_other(tmp_path: Path, session: Session) -> None:
    """What was learned of one model's tokenizer says nothing of another's."""
    files.ensure_folder(str(tmp_path / "state"))
    session.factors = {"prose": 1.2}
    learned.remember(str(tmp_path / "state"), session)
    other = Session("o")
    other.model = "another-model"
    learned.recall(str(tmp_path / "state"), other)
    assert other.factors == {}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"[1]", id="no object"),
        pytest.param(b'{"prose":"much","code":-1,"json":null}', id="no factors"),
        pytest.param(b"\xff", id="no text"),
    ],
)
def test_a_damaged_file_teaches_nothing(tmp_path: Path, session: Session, content: bytes) -> None:
    """A file that cannot be understood leaves the session with nothing learned, and no exception."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "claude-opus-5-5.json").write_bytes(content)
    learned.recall(str(tmp_path), session)
    assert session.factors == {}


def test_experience_is_private(tmp_path: Path, session: Session) -> None:
    """The file is the user's alone."""
    session.factors = {"prose": 1.2}
    learned.remember(str(tmp_path), session)
    (file,) = (tmp_path / "models").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
