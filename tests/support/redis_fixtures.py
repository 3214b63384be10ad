"""Fixtures that give a test a real server; imported by the conftests of the folders that need one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis
from support.redis_process import MISSING, PROGRAM, RedisProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _needed() -> None:
    if PROGRAM is None:
        pytest.skip(MISSING)


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    _needed()
    server = RedisProcess(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def server(shared_server: RedisProcess) -> RedisProcess:
    """A server that is empty."""
    with redis.Redis.from_url(shared_server.url) as client:
        client.flushall()
    return shared_server


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisProcess]:
    """A server that the test may kill."""
    _needed()
    server = RedisProcess(tmp_path / "redis")
    yield server
    server.stop()
