from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.session import Session

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)
