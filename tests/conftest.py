"""Fixtures of all tests. No test reads or writes the real home or state folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from support.scene import Scene
from support.session import Session

if TYPE_CHECKING:
    from pathlib import Path

# How long an example takes depends on what else the machine does.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a home, a state folder and a working folder of its own."""
    place = tmp_path_factory.mktemp("own")
    for name in ("home", "project"):
        (place / name).mkdir()
    monkeypatch.setenv("HOME", str(place / "home"))
    monkeypatch.setenv("TOKEN_BUDGET_STATE_DIR", str(place / "state"))
    monkeypatch.chdir(place / "project")
    return place / "project"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A session whose events the test makes, in a home of its own."""
    return Scene(tmp_path)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A session whose hooks run as processes."""
    return Session(tmp_path)
