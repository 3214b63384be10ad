"""The module's functions: one budget for the program, made at first use."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

import moai_flow.resource as library
from moai_flow.resource import ConfigError, program

if TYPE_CHECKING:
    from pathlib import Path


def test_functions_speak_of_one_budget() -> None:
    """What one function does, the others see."""
    assert library.allocate_swarm("s", 1_000)
    assert not library.allocate_swarm("s")
    assert library.consume_tokens("s", 400)
    assert not library.consume_tokens("s", 601)
    assert library.get_swarm_balance("s") == 600
    assert library.get_budget_status()["total_consumed"] == 400
    assert library.reset_swarm("s")
    assert library.get_swarm_balance("s") == 1_000
    assert library.get_swarm_balance("nobody") == -1


def test_budget_is_made_at_first_use_not_at_import(own_folders: Path) -> None:
    """A program may import, change folder, and then find the settings of that folder."""
    (own_folders / ".moai/config").mkdir(parents=True)
    (own_folders / ".moai/config/config.json").write_text('{"token_budget": {"total_budget": 50000}}')
    program = (
        "import os; from moai_flow.resource import get_budget_status; "
        f"os.chdir({str(own_folders)!r}); print(get_budget_status()['total_budget'])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd="/", capture_output=True, text=True, check=True)
    assert done.stdout == "50000\n"


def test_malformed_settings_are_reported_until_they_are_mended(own_folders: Path) -> None:
    """A first use that failed leaves no half-made budget behind."""
    (own_folders / ".moai/config").mkdir(parents=True)
    path = own_folders / ".moai/config/config.json"
    path.write_text("{")
    for _ in range(2):
        with pytest.raises(ConfigError):
            library.allocate_swarm("s")
    path.write_text(json.dumps({}))
    assert library.allocate_swarm("s")


def test_threads_that_come_first_together_get_the_same_budget() -> None:
    """Two threads cannot make two budgets."""
    barrier = threading.Barrier(8)
    got = []

    def first_use() -> None:
        barrier.wait()
        got.append(program.get_budget())

    threads = [threading.Thread(target=first_use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert len(set(map(id, got))) == 1


def test_unknown_name_is_an_attribute_error() -> None:
    """The package loads its names late, and knows which it has."""
    assert set(library.__all__) <= set(dir(library))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        library.nothing  # noqa: B018 - the access is the test
