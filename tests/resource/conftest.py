from __future__ import annotations

import pytest
from support.redis_fixtures import own_server, server, shared_server  # noqa: F401 - fixtures

from moai_flow.resource import program


@pytest.fixture(autouse=True)
def fresh_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test see the budget that another made with the module's functions."""
    monkeypatch.setattr(program, "_budgets", [])
