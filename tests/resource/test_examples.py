"""The examples of the documentation run, and print what is kept beside this file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "docs/examples/token_budget_usage.py"
PRINTED = Path(__file__).with_name("token_budget_usage.txt")


def test_the_comprehensive_example_prints_what_is_kept(own_folders: Path) -> None:
    """The three scenarios, threads and persistence: the same words each time, and nothing left behind."""
    done = subprocess.run([sys.executable, str(EXAMPLE)], cwd=own_folders, capture_output=True, text=True, check=True)
    assert done.stdout == PRINTED.read_text(encoding="utf-8")
    assert done.stderr == ""
    assert list(own_folders.iterdir()) == []
