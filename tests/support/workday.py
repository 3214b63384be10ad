"""An afternoon of a made-up person: what was read and run, and what the windows held after it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from support.transcript import Transcripts

if TYPE_CHECKING:
    from pathlib import Path

CLEAR = "<command-name>/clear</command-name>\n<command-message>clear</command-message>"


def workday(folder: Path, project: str) -> list[Path]:
    """Write two sessions of one afternoon, the second after a /clear, with agents; return their transcripts."""
    session = Transcripts(folder, "0f3c7a52-first", project, model="claude-x")
    first = session.main
    first.prompt("Look at the export and find out why the totals differ.")
    for _ in range(3):
        first.call("Read", {"file_path": f"{project}/data.json"}, 24_000)
        first.call("Bash", {"command": "pytest -q tests/test_totals.py"}, 9_400)
        first.call("Grep", {"pattern": "def total", "path": f"{project}/services"}, 900)
        first.call("Read", {"file_path": f"{project}/services/api/totals.py"}, 14_000)
        first.end_turn(700)
        first.prompt("Go on.")
    first.compact(9_000, automatic=True)
    for part in range(6):
        first.call("Read", {"file_path": f"{project}/services/api/part{part}.py"}, 6_500)
        first.call("Edit", {"file_path": f"{project}/services/api/part{part}.py"}, 300, {"filePath": "x"})
        first.call("Bash", {"command": "pytest -q"}, 4_100)
        first.end_turn(900)
    first.call("WebFetch", {"url": "https://example.org/<b>manual</b>"}, 11_500)
    first.end_turn(1_500)
    for number, (kind, size) in enumerate([("backend", 21_000), ("backend", 24_500), ("research", 38_000)]):
        agent = session.window(f"a{number}b7c2", kind, began=first.now - timedelta(minutes=5))
        agent.prompt("Look into it.")
        agent.call("Read", {"file_path": f"{project}/services/api/totals.py"}, size - 20_000)
        agent.end_turn()
    began = first.now + timedelta(minutes=3)
    second = Transcripts(folder, "51d20e9b-second", project, model="claude-x", began=began).main
    second.prompt(CLEAR)
    second.prompt("Write the release notes.")
    for part in range(7):
        second.call("Bash", {"command": f"git log --stat -n {part + 3}"}, 3_000)
        second.call("Read", {"file_path": f"{project}/docs/page{part}.md"}, 7_000)
        second.end_turn(2_000)
    return [first.path, second.path]
