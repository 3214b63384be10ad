"""The status line: what it shows, what it learns, and that it disturbs nobody."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.harness import ROOT, SESSION, STATUS_LINE

from moai_flow.core.config import BudgetConfig
from moai_flow.core.ledger import SessionLedger
from moai_flow.core.session import Session as SessionState
from moai_flow.core.swarm import MAIN, Swarm
from moai_flow.core.window import Window
from moai_flow.hook.state import paths
from moai_flow.statusline import line

if TYPE_CHECKING:
    from support.harness import Session


def ledger_of(consumed: int, swarms: dict[str, tuple[int, int]], turns: list[int] | None = None) -> SessionLedger:
    """Return a ledger whose main swarm and isolated swarms (consumed, allocated) hold these tokens."""
    ledger = SessionLedger(BudgetConfig(), SessionState("s"))
    ledger.session.turns = turns or []
    main = Swarm(MAIN, 0, 0.0, open_ended=True)
    main.consumed = consumed
    ledger.add(main)
    window = ledger.windows[MAIN] = Window(MAIN, MAIN)
    window.occupancy, window.message, window.holdings = consumed, "m", {MAIN: consumed}
    for name, (used, allocated) in swarms.items():
        swarm = Swarm(name, allocated, 0.0, isolated=True)
        swarm.consumed = used
        ledger.add(swarm)
    return ledger


PACE = [52_200, 64_200, 76_200]


@pytest.mark.parametrize(
    ("ledger", "width", "expected"),
    [
        pytest.param(
            ledger_of(76_200, {"backend": (41_000, 50_000)}, PACE),
            0,
            "main 76,200/200,000 38% [###-----] | backend 41K/50K WARNING | clear in about 8 turns",
            id="everything",
        ),
        pytest.param(
            ledger_of(76_200, {"backend": (41_000, 50_000)}, PACE),
            60,
            "main 76,200/200,000 38% [###-----] | clear in about 8 turns",
            id="the swarm does not fit",
        ),
        pytest.param(
            ledger_of(76_200, {"backend": (41_000, 50_000)}, PACE),
            30,
            "main 76,200/200,000 38%",
            id="nor does anything else",
        ),
        pytest.param(ledger_of(76_200, {}), 9, "38%", id="hardly any room"),
        pytest.param(ledger_of(76_200, {}), 2, "38", id="no room at all"),
        pytest.param(ledger_of(0, {}), 0, "main 0/200,000 0% [--------]", id="an empty window"),
        pytest.param(
            ledger_of(182_000, {"a": (0, 50_000)}, [1, 182_000]),
            0,
            "main 182,000/200,000 91% CRITICAL [#######-] | /clear recommended",
            id="critical; a swarm without tokens is not shown",
        ),
        pytest.param(
            ledger_of(250_000, {}),
            0,
            "main 250,000/200,000 125% CRITICAL [########] | /clear recommended",
            id="past the budget",
        ),
        pytest.param(
            ledger_of(10_000, {"low": (5_000, 50_000), "full": (49_000, 50_000), "mid": (38_000, 50_000)}),
            0,
            "main 10,000/200,000 5% [--------] | full 49K/50K CRITICAL | mid 38K/50K WARNING | low 5K/50K",
            id="the fullest swarm first",
        ),
    ],
)
def test_what_it_shows(ledger: SessionLedger, width: int, expected: str) -> None:
    """The figures, then the forecast and the swarms as far as they fit."""
    assert line.render(ledger, width=width) == expected


@pytest.mark.parametrize("width", range(1, 120))
def test_it_fits_the_width(width: int) -> None:
    """Whatever the width, and whatever colours cost no columns."""
    ledger = ledger_of(76_200, {"backend": (41_000, 50_000), "f": (999_999, 1_200_000)}, PACE)
    assert len(line.render(ledger, width=width)) <= width


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [(0, "0"), (999, "999"), (1_000, "1K"), (41_499, "41K"), (999_499, "999K"), (999_500, "1M"), (1_250_000, "1.2M")],
)
def test_short_figures(tokens: int, expected: str) -> None:
    """Few characters, rounded."""
    assert line.short(tokens) == expected


def test_colours(session: Session) -> None:
    """Escape sequences by level, unless NO_COLOR is set or the terminal is dumb."""
    session.turn(152_000)
    assert "\x1b" not in session.status_line()
    del session.env["NO_COLOR"]
    assert "\x1b[33mmain 152,000/200,000 76% WARNING" in session.status_line()
    session.env["TERM"] = "dumb"
    assert "\x1b" not in session.status_line()


def test_before_any_hook_the_clients_own_figure_is_shown(session: Session) -> None:
    """The first status line of a resumed session, say; and it makes no files."""
    usage = {"input_tokens": 10, "cache_read_input_tokens": 39_940, "output_tokens": 50}
    context = {"context_window_size": 200_000, "current_usage": usage}
    session.configure(total_budget=80_000, warning_threshold_1=1_000, warning_threshold_2=70_000)
    assert session.status_line(context_window=context).startswith("main 40,000/80,000 50% WARNING [####----]")
    assert not session.state.exists()


def test_the_window_is_measured_anew(session: Session) -> None:
    """What the client wrote since the last hook counts, and the ledger stays as it was."""
    session.turn(40_000)
    session.reply(50_000)
    session.status_line()
    before = session.ledger_file.read_bytes()
    assert session.status_line().startswith("main 50,000/200,000 25%")
    assert session.ledger_file.read_bytes() == before


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param(55_000, "main 55,000/", id="a reply that is not in the transcript yet"),
        pytest.param(0, "main 50,000/", id="after a compaction the client tells nothing"),
        pytest.param(50_000, "main 50,000/", id="the same"),
    ],
)
def test_the_clients_own_figure_is_the_newest(session: Session, told: int, expected: str) -> None:
    """It writes a reply into the transcript a moment after it has drawn the line."""
    session.turn(50_000)
    usage = {"input_tokens": 0, "cache_read_input_tokens": told, "output_tokens": 0}
    line = session.status_line(context_window={"context_window_size": 200_000, "current_usage": usage})
    assert line.startswith(expected)


def test_the_forecast_does_not_wait_for_the_stop_hook(session: Session) -> None:
    """The last line of a turn may be drawn before it; what the turn added counts once all the same."""
    session.turn(60_000)
    session.reply(80_000)
    assert session.status_line(size=200_000).endswith("compacts in about 4 turns")
    session.event("Stop")
    assert session.status_line(size=200_000).endswith("compacts in about 4 turns")


def test_the_windows_size_is_stored_when_it_changed(session: Session) -> None:
    """Once, not at every refresh: the file is not even touched."""
    session.turn(40_000)
    session.status_line(size=500_000)
    assert session.ledger.session is not None
    assert session.ledger.session.window_size == 500_000
    before = session.ledger_file.stat()
    session.status_line(size=500_000)
    assert session.ledger_file.stat().st_ino == before.st_ino


def test_it_waits_for_no_lock(session: Session) -> None:
    """Somebody holds the lock: the line is shown at once, and the size is stored next time."""
    session.turn(40_000)
    lock = os.open(paths.lock_file(str(session.state), SESSION), os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        assert session.status_line(size=500_000).startswith("main 40,000/")
        assert session.ledger.session is not None
        assert session.ledger.session.window_size != 500_000
    finally:
        os.close(lock)
    session.status_line(size=500_000)
    assert session.ledger.session is not None
    assert session.ledger.session.window_size == 500_000


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("{", id="not JSON"),
        pytest.param("[]", id="no object"),
        pytest.param("{}", id="no session"),
        pytest.param('{"session_id": 5}', id="a session of another type"),
        pytest.param('{"session_id": "' + "x" * 7_000_000 + '"}', id="too large"),
    ],
)
def test_what_it_cannot_read_shows_nothing(session: Session, text: str) -> None:
    """No error, no exit code, no line."""
    assert session.start(STATUS_LINE, text) == ""


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"context_window": None}, id="no window"),
        pytest.param({"context_window": {"context_window_size": "big", "current_usage": []}}, id="wrong types"),
        pytest.param({"context_window": {"context_window_size": -1}}, id="below nothing"),
        pytest.param({"transcript_path": 7, "workspace": "x"}, id="other wrong types"),
        pytest.param({"transcript_path": "/etc/passwd"}, id="no transcript"),
    ],
)
def test_a_strange_input_still_shows_the_budget(session: Session, fields: dict[str, object]) -> None:
    """Each field is checked by itself."""
    assert session.status_line(**fields) == "main 0/200,000 0% [--------]"


def test_a_damaged_ledger_is_left_to_the_hooks(session: Session) -> None:
    """The line shows what the transcript says."""
    session.turn(40_000)
    session.ledger_file.write_bytes(b"damaged")
    assert session.status_line().startswith("main 40,000/200,000")
    assert session.ledger_file.read_bytes() == b"damaged"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param("echo mine", "mine\n", id="in front"),
        pytest.param("cat >/dev/null; printf 'two\\nlines\\n\\n'", "two\nlines\n", id="several lines"),
        pytest.param("grep -o session_id", "session_id\n", id="it reads the same input"),
        pytest.param("echo broken >&2; exit 3", "", id="one that fails"),
        pytest.param("no-such-command", "", id="one that is not there"),
    ],
)
def test_another_status_line_is_shown_first(session: Session, command: str, expected: str) -> None:
    """With --wrap, through the shell, its errors apart."""
    session.turn(40_000)
    assert session.status_line_process("--wrap", command) == expected + "main 40,000/200,000 20% [##------]\n"


def test_a_status_line_that_hangs_is_ended(session: Session, tmp_path: Path) -> None:
    """After its time, with all it started; ours is shown all the same."""
    session.turn(40_000)
    command = f"sh -c 'sleep 30; touch {tmp_path}/late' & echo $! > {tmp_path}/pid; wait"
    started = time.monotonic()
    assert session.status_line_process("--wrap", command).startswith("main 40,000")
    assert time.monotonic() - started < 15
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_imports_as_little_as_a_hook() -> None:
    """Five built-in modules and the package's own, each without a dependency."""
    code = (
        "import sys; before = set(sys.modules); sys.path.append(sys.argv[1]);"
        "import moai_flow.statusline.show; print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(ROOT / "src")], capture_output=True, text=True, check=True
    )
    names = {name for name in done.stdout.split() if not name.startswith("moai_flow")}
    assert names <= {"posix", "fcntl", "time", "_signal", "_json", "_struct", "__future__"}
