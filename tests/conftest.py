"""Fixtures of all tests. No test reads or writes the real home or state folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from support import isolation
from support.harness import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# How long an example takes depends on what else the machine does.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def guard() -> isolation.Guard:
    """Refuses whatever leads to the real home."""
    return isolation.Guard(isolation.real_homes())


@pytest.fixture(scope="session", autouse=True)
def empty_home(guard: isolation.Guard, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:  # noqa: ARG001 - it looks up the real home first
    """The home of everything that has no home of its own: it is empty, and has to be so at the end of the run."""
    place = tmp_path_factory.mktemp("empty-home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(place))
        for name in isolation.foreign_variables():
            patch.delenv(name)
        yield place
    assert list(place.iterdir()) == [], "a test has left something in a home that is not its own"


@pytest.fixture(autouse=True)
def own_folders(
    empty_home: Path,  # noqa: ARG001 - it comes first
    guard: isolation.Guard,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Path]:
    """Give the test a home, a state folder and a working folder of its own; nothing of the caller's environment."""
    place = tmp_path_factory.mktemp("own")
    for name in ("home", "project"):
        (place / name).mkdir()
    monkeypatch.setenv("HOME", str(place / "home"))
    monkeypatch.setenv("TOKEN_BUDGET_STATE_DIR", str(place / "state"))
    monkeypatch.chdir(place / "project")
    yield place / "project"
    touched = guard.touched.copy()
    guard.touched.clear()
    assert touched == [], "the test has touched the real home"


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A session in a home of its own, whose events the test makes."""
    return Session(tmp_path)
