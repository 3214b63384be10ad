"""hooks/run in quiet mode: when the client goes on before the hook is done, and that the hook runs whole beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from clone import Clone

from moai_flow.hook.state import flights, paths

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the launcher is a POSIX shell script")

SHELLS = [one for one in ("sh", "dash", "bash", "busybox", "zsh", "ksh", "mksh", "yash") if shutil.which(one)]
ARGUMENTS = {"busybox": ("sh",), "zsh": ("--emulate", "sh")}
"""What makes a shell that is no `sh` by itself behave like one."""

SESSION = "5e551017-0000-4000-8000-000000000001"
GOES_ON = '{"async":true}\n'

# Tells in a file what reached it: nobody reads its standard output.
PROBE = """
import os, sys
def main():
    data = b""
    while chunk := os.read(0, 1 << 16):
        data += chunk
    os.write(1, b"heard\\n")
    flight = os.environ.get("TOKEN_BUDGET_FLIGHT", "")
    name = f"{flight}.{os.getppid()}" if flight else ""
    state = os.environ.get("PROBE_STATE", "")
    there = os.path.exists(f"{state}/flights/{name}") if name else ""
    with open(os.environ["PROBE_TOLD"] + ".tmp", "w") as file:
        file.write(f"{len(data)} {flight} {there}")
    os.rename(os.environ["PROBE_TOLD"] + ".tmp", os.environ["PROBE_TOLD"])
"""


class Quiet:
    """A clone whose hook tells what it was given, and a state folder."""

    def __init__(self, root: Path) -> None:
        self.clone = Clone(root / "a clone")
        self.clone.write_main(PROBE)
        self.state = root / "state"
        self.told = root / "told"

    def allow(self, permission: str, state: Path | None = None, session: str = SESSION) -> None:
        """Write down what the session's next hooks may do."""
        flights.allow(str(state or self.state), session, permission)

    def run(
        self, *arguments: str, payload: str = "{}", shell: tuple[str, ...] = (), **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the launcher at an event, with this interpreter."""
        known = {
            "PATH": "/usr/bin:/bin",
            "PROBE_TOLD": str(self.told),
            "PROBE_STATE": str(self.state),
            "CLAUDE_CODE_SESSION_ID": SESSION,
            "TOKEN_BUDGET_STATE_DIR": str(self.state),
            **env,
        }
        self.told.unlink(missing_ok=True)
        return subprocess.run(
            [*shell, self.clone.launcher, "hook", *arguments, sys.executable],
            input=payload,
            env=known,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def wait(self) -> list[str]:
        """Return what the hook told, once it is done."""
        end = time.monotonic() + 30
        while not self.told.exists():
            assert time.monotonic() < end, "the hook did not run"
            time.sleep(0.01)
        return self.told.read_text().split(" ")


@pytest.fixture
def quiet(tmp_path: Path) -> Quiet:
    return Quiet(tmp_path)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("event", "said"), [pytest.param("PostToolUse", GOES_ON, id="tool"), pytest.param("Stop", "", id="end of a turn")]
)
def test_the_hook_runs_whole_beside_the_session(quiet: Quiet, shell: str, event: str, said: str) -> None:
    """It has the whole payload, its file says that it is under way, and what it prints is not heard."""
    quiet.allow("16 PostToolUse Stop")
    command = (str(shutil.which(shell)), *ARGUMENTS.get(shell, ()))
    done = quiet.run(event, payload="x" * 20_000, shell=command)
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
    assert quiet.wait() == ["20000", SESSION, "True"]


def test_a_payload_larger_than_any_pipe_is_read_to_its_end(quiet: Quiet) -> None:
    """The launcher of a tool's hook stays until the hook is done, and the client goes on writing."""
    quiet.allow("16 PostToolUse")
    quiet.run("PostToolUse", payload="x" * 3_000_000)
    assert quiet.wait()[0] == "3000000"


def test_the_client_goes_on_long_before_the_hook_is_done(quiet: Quiet) -> None:
    """At the end of a turn the launcher is gone by then, and the client has nothing that it could end."""
    quiet.allow("16 PostToolUse Stop")
    quiet.clone.write_main("import time\ntime.sleep(0.5)\n" + PROBE)
    quiet.run("Stop")
    assert not quiet.told.exists()
    assert quiet.wait()[1] == SESSION


WAITED_FOR: list[Any] = [
    pytest.param(["PostToolUse"], None, {}, id="nothing is written down"),
    pytest.param(["UserPromptSubmit"], "16 PostToolUse Stop", {}, id="another event"),
    pytest.param([], "16 PostToolUse Stop", {}, id="an older registration, without the event"),
    pytest.param(["PostToolUse"], "16 PostToolUse", {"CLAUDE_CODE_SESSION_ID": ""}, id="an old client"),
    pytest.param(["PostToolUse"], "16 PostToolUse", {"CLAUDE_CODE_SESSION_ID": "other"}, id="another session"),
    pytest.param(["PostToolUse"], "16 PostToolUse", {"CLAUDE_CODE_SESSION_ID": f"../quiet/{SESSION}"}, id="a path"),
    pytest.param(["PostToolUse"], "16 PostToolUse", {"CLAUDE_CODE_SESSION_ID": "."}, id="a folder"),
    pytest.param(["PostToolUse"], "16 PostToolUse", {"TOKEN_BUDGET_STATE_DIR": ""}, id="another state folder"),
    pytest.param(["PostToolUse"], "0 PostToolUse", {}, id="none may run"),
    pytest.param(["PostToolUse"], "x PostToolUse", {}, id="no number"),
    pytest.param(["PostToolUse"], "16 PostToolUseFailure", {}, id="a longer name"),
    pytest.param(["PostToolUse"], "", {}, id="an empty line"),
]


@pytest.mark.parametrize(("arguments", "permission", "env"), WAITED_FOR)
def test_without_permission_the_session_waits(
    quiet: Quiet, arguments: list[str], permission: str | None, env: dict[str, str]
) -> None:
    """The hook answers as it always did, and is not taken for one that nobody hears."""
    if permission is not None:
        quiet.allow(permission)
    done = quiet.run(*arguments, **{"TOKEN_BUDGET_FLIGHT": "left from somewhere", **env})
    assert (done.returncode, done.stdout, done.stderr) == (0, "heard\n", "")
    assert quiet.wait() == ["2", "", ""]


def test_a_relative_state_folder_is_none(quiet: Quiet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A project could hold one; the hook keeps nothing there either."""
    monkeypatch.chdir(tmp_path)
    quiet.allow("16 PostToolUse")
    relative = {"TOKEN_BUDGET_STATE_DIR": "state"}
    assert quiet.run("PostToolUse", **relative).stdout == "heard\n"


@pytest.mark.parametrize(
    ("mine", "others", "said"),
    [
        pytest.param(1, 0, GOES_ON, id="one of two"),
        pytest.param(2, 0, "heard\n", id="two of two"),
        pytest.param(1, 30, GOES_ON, id="with 30 of other sessions"),
        pytest.param(0, 32, "heard\n", id="32 of other sessions"),
    ],
)
def test_a_machine_that_cannot_keep_up_is_waited_for(quiet: Quiet, mine: int, others: int, said: str) -> None:
    """The number of hooks under way is bounded, for the session and in all: no queue grows."""
    quiet.allow("2 PostToolUse")
    for number in range(mine + others):
        session = SESSION if number < mine else "other"
        Path(paths.flights(str(quiet.state)), f"{session}.{number}").touch()
    assert quiet.run("PostToolUse").stdout == said


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_stops_nothing(quiet: Quiet) -> None:
    """The hook runs, unseen by those after it."""
    quiet.allow("16 PostToolUse")
    folder = Path(paths.flights(str(quiet.state)))
    folder.chmod(0o500)
    assert quiet.run("PostToolUse").stdout == GOES_ON
    assert quiet.wait() == ["2", SESSION, "False"]
    folder.chmod(0o700)


STATE_FOLDERS = [
    pytest.param({"TOKEN_BUDGET_STATE_DIR": "{root}/chosen"}, id="chosen"),
    pytest.param({"TOKEN_BUDGET_STATE_DIR": "{root}/chosen/"}, id="chosen, with a slash"),
    pytest.param({"XDG_STATE_HOME": "{root}/xdg", "HOME": "{root}/home"}, id="XDG"),
    pytest.param({"XDG_STATE_HOME": "relative", "HOME": "{root}/home"}, id="XDG, relative"),
    pytest.param({"HOME": "{root}/home"}, id="home"),
    pytest.param({"HOME": "{root}/home/"}, id="home, with a slash"),
]


@pytest.mark.parametrize("platform", ["linux", "darwin"])
@pytest.mark.parametrize("variables", STATE_FOLDERS)
def test_the_state_folder_is_the_hooks(quiet: Quiet, tmp_path: Path, variables: dict[str, str], platform: str) -> None:
    """The launcher looks where the hooks write, on every platform."""
    env = {"TOKEN_BUDGET_STATE_DIR": ""} | {name: value.format(root=tmp_path) for name, value in variables.items()}
    state = Path(paths.state_folder(env, platform))
    assert state.is_absolute()
    quiet.allow("16 PostToolUse", state)
    assert quiet.run("PostToolUse", PROBE_STATE=str(state), **env).stdout == GOES_ON
    assert quiet.wait() == ["2", SESSION, "True"]
