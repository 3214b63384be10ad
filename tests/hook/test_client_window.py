"""The window that the client was told to compact in."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from moai_flow.core import window_size
from moai_flow.hook.client_window import smaller_window, tokens_of

if TYPE_CHECKING:
    from pathlib import Path

    from support.harness import Session


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        pytest.param("500k", 500_000, id="thousands"),
        pytest.param("200000", 200_000, id="tokens"),
        pytest.param("200", 200_000, id="shorthand"),
        pytest.param("auto", 0, id="the client's own choice"),
        pytest.param("50k", 0, id="less than the client takes"),
        pytest.param("-5", 0, id="no number"),
        pytest.param("9" * 5_000, 0, id="too long"),
        pytest.param("", 0, id="empty"),
    ],
)
def test_the_option_is_read_as_the_client_reads_it(text: str, tokens: int) -> None:
    """As its help says: auto, or at least 100k, such as 500k, 200000, or 200 as shorthand."""
    assert tokens_of(text) == tokens


def settle(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("user", "project", "local", "expected"),
    [
        pytest.param('{"autoCompactWindow": 150000}', "", "", 150_000, id="the user's"),
        pytest.param('{"autoCompactWindow": 150000}', '{"autoCompactWindow": 120000}', "", 120_000, id="the project's"),
        pytest.param("", '{"autoCompactWindow": 120000}', '{"autoCompactWindow": 130000}', 130_000, id="the local one"),
        pytest.param('{"autoCompactWindow": "auto"}', "", "", 0, id="auto"),
        pytest.param('{"autoCompactWindow": true}', "", "", 0, id="no number"),
        pytest.param('{"autoCompactWindow": 5}', "", "", 0, id="too small"),
        pytest.param('{"autoCompactWindow": ', "", "", 0, id="damaged"),
        pytest.param('["autoCompactWindow"]', "", "", 0, id="no object"),
        pytest.param("", "", "", 0, id="none"),
    ],
)
def test_the_settings_of_the_client_are_read(
    tmp_path: Path, user: str, project: str, local: str, expected: int
) -> None:
    """`autoCompactWindow` of the user's, the project's and the local settings, the last one winning."""
    for text, name in (
        (user, "home/.claude/settings.json"),
        (project, "p/.claude/settings.json"),
        (local, "p/.claude/settings.local.json"),
    ):
        if text:
            settle(tmp_path / name, text)
    environ = {"HOME": str(tmp_path / "home")}
    assert smaller_window(environ, str(tmp_path / "p")) == expected


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param(["--autocompact", "110k"], 110_000, id="two words"),
        pytest.param(["--autocompact=300000"], 300_000, id="one word"),
        pytest.param(["--autocompact", "auto"], 0, id="auto, whatever the settings say"),
        pytest.param([], 150_000, id="the settings, without the option"),
    ],
)
def test_the_clients_command_line_comes_first(tmp_path: Path, options: list[str], expected: int) -> None:
    """`--autocompact` of the process that CLAUDE_PID names."""
    settle(tmp_path / "home/.claude/settings.json", json.dumps({"autoCompactWindow": 150_000}))
    wait = "import sys; print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", wait, *options, "-p"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        client.stdout.readline()
        environ = {"HOME": str(tmp_path / "home"), "CLAUDE_PID": str(client.pid)}
        assert smaller_window(environ, str(tmp_path)) == expected
        client.communicate()


def test_a_process_that_is_gone_says_nothing(tmp_path: Path) -> None:
    """Neither does a variable that names none."""
    for process in ("4194304999", "x", "../1", ""):
        assert smaller_window({"HOME": str(tmp_path), "CLAUDE_PID": process}, "") == 0


def test_the_hooks_know_where_the_client_compacts(session: Session) -> None:
    """A window of 172,050 in the settings of a model that holds a million: the point is 33,000 below."""
    settle(session.home / ".claude/settings.json", json.dumps({"autoCompactWindow": 172_050}))
    session.env["CLAUDE_PID"] = ""
    session.event("SessionStart", source="startup", model="claude-sonnet-5-5")
    known = session.ledger.session
    assert (known.window_size, known.compacts_at) == (1_000_000, 139_050)
    assert window_size.compaction_point(1_000_000, {"CLAUDE_CODE_AUTO_COMPACT_WINDOW": "150000"}, 172_050) == 117_000


@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-haiku-5-5[1m]"])
def test_the_models_of_5_5_hold_a_million(model: str) -> None:
    """All three, without the client's mark."""
    assert window_size.of_model(model) == 1_000_000
