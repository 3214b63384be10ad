import time
from pathlib import Path

import pytest
from support.redis_fixtures import own_server, server, shared_server  # noqa: F401 - fixtures


@pytest.fixture(autouse=True)
def no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKEN_BUDGET_POOL_PASSWORD", raising=False)


@pytest.fixture
def state(tmp_path: Path) -> str:
    (tmp_path / "state").mkdir()
    return str(tmp_path / "state")


@pytest.fixture
def now() -> float:
    return time.time()
