"""What a hook may use of the billed usage imports as little as the rest of the hook."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src"
ALLOWED = {"__future__", "_json", "posix"}

PROBE = """
import sys
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
from moai_flow.usage import attribution, classes, grouping, messages, progress, reading, tally
print("\\n".join(set(sys.modules) - before))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there, hooks may use the whole library")
def test_reading_and_counting_import_almost_nothing() -> None:
    """No JSON, no calendar, no database: those are the command line's."""
    command = [sys.executable, "-I", "-S", "-c", PROBE, str(SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if not name.startswith("moai_flow")}
    assert loaded <= ALLOWED
