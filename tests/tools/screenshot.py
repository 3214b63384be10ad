"""Makes the pictures of the client for the documentation: `python tests/tools/screenshot.py [FOLDER]`.

Drives the real client in a terminal against the stand-in, as a person would use it, and draws what the terminal
shows. Needs the client (as the tests do), tmux, `rich`, and Chromium for the PNGs.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "client"))

from driver import Client, Terminal, find_client
from rich.console import Console
from rich.text import Text
from standin import StandIn, plan_prompt

COLUMNS, ROWS = 112, 38
STATUS_LINE = {"statusLine": {"type": "command", "command": f"{ROOT}/hooks/run statusline {sys.executable}"}}


def main() -> None:
    """Write session.png and clear.png."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    binary = find_client()
    if binary is None:
        sys.exit("no client: put `claude` on PATH or name it in TOKEN_BUDGET_TEST_CLIENT")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place, StandIn() as standin:
        state = {"TOKEN_BUDGET_STATE_DIR": f"{place}/state"}
        client = Client(binary, Path(place) / "c", standin.url, state)
        with client.terminal(plugin=ROOT, settings=STATUS_LINE, columns=COLUMNS, rows=ROWS) as terminal:
            terminal.wait_ready()
            ask(terminal, "Find out why the nightly import is slow", "It parses each file twice.", 600_000, 760_000)
            ask(terminal, "Fix that, with a test", "Each file is parsed once now; the test counts.", 860_000, 930_000)
            terminal.wait_for("clear recommended")
            terminal.pause(1.5)
            draw(terminal, folder / "session.png")
            terminal.type("/clear")
            terminal.wait_for(r"tokens\s+freed")
            terminal.pause(1.5)
            draw(terminal, folder / "clear.png")


def ask(terminal: Terminal, prompt: str, reply: str, reading: int, replying: int) -> None:
    """Submit a prompt that runs one tool; the window holds so many tokens at the tool and at the reply."""
    tool = {"tool": "Bash", "input": {"command": "sleep 0.3; grep -rn parse src | head -3"}, "ctx": reading}
    terminal.type(plan_prompt(prompt, [tool, {"text": reply, "ctx": replying}]))
    terminal.wait_for(f"● {reply[:20]}")  # the prompt holds the reply too, but without the dot
    terminal.pause(1.0)


def draw(terminal: Terminal, path: Path) -> None:
    """Write what the terminal shows as a PNG. The scripts for the stand-in are cut off the prompts."""
    lines = [line.split(" PLAN")[0] for line in terminal.screen(colours=True).splitlines()]
    kept = [line for line in lines if '"input"' not in line and '"ctx"' not in line]
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi("\n".join(kept).rstrip()))
    with tempfile.TemporaryDirectory() as place:
        page = Path(place) / "page.svg"
        page.write_text(console.export_svg(title="claude", unique_id="terminal"))
        height = 90 + 24 * len(kept)
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        options += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        options += [f"--user-data-dir={place}/data", f"--window-size=1400,{height}", f"--screenshot={path}"]
        subprocess.run(["chromium", *options, page.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    main()
