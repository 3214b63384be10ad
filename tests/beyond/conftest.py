from pathlib import Path

import pytest
from support.scene import Scene

from moai_flow.hook import meter


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A session whose events the tests make, in a home of its own."""
    return Scene(tmp_path)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tests write is there before the hooks run."""
    monkeypatch.setattr(meter, "REPLY_SECONDS", 0.0)
