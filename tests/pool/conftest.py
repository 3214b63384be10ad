import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pool.redis_process import MISSING, PROGRAM, RedisProcess


@pytest.fixture(autouse=True)
def fresh_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test touch the person's own state folder."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TOKEN_BUDGET_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("TOKEN_BUDGET_POOL_PASSWORD", raising=False)


@pytest.fixture
def state(tmp_path: Path) -> str:
    (tmp_path / "state").mkdir()
    return str(tmp_path / "state")


@pytest.fixture
def now() -> float:
    return time.time()


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    if PROGRAM is None:
        pytest.skip(MISSING)
    pytest.importorskip("redis", reason="the extra `redis` is not installed")
    server = RedisProcess(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def server(shared_server: RedisProcess) -> RedisProcess:
    """A server that is empty."""
    import redis

    with redis.Redis.from_url(shared_server.url) as client:
        client.flushall()
    return shared_server


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisProcess]:
    """A server that the test may kill."""
    if PROGRAM is None:
        pytest.skip(MISSING)
    pytest.importorskip("redis", reason="the extra `redis` is not installed")
    server = RedisProcess(tmp_path / "redis")
    yield server
    server.stop()
