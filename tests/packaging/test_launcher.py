"""hooks/run: which interpreter it starts, what it remembers, and that it never fails."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from clone import Clone, real_interpreter, run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the launcher is a POSIX shell script")

SHELLS = [one for one in ("dash", "bash", "busybox", "zsh", "ksh", "mksh", "yash") if shutil.which(one)]


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    made = Clone(tmp_path / "a clone's $HOME")
    made.write_shim()
    return made


def test_the_second_hook_no_longer_pays_for_the_shim(clone: Clone) -> None:
    """The first hook remembers the interpreter behind `python3`; from then on that one is started."""
    first = clone.run("hook")
    assert clone.memory.read_text() == real_interpreter() + "\n"
    second = clone.run("hook")
    assert (first.returncode, second.returncode) == (0, 0)
    assert second.stdout.endswith(f"|{real_interpreter()}\n")
    assert clone.shim_calls == 1


def test_the_memory_is_private(clone: Clone) -> None:
    """Nobody else can change which interpreter runs in a session, or read along."""
    old = os.umask(0)
    try:
        clone.run("hook")
    finally:
        os.umask(old)
    assert stat.S_IMODE(clone.memory.stat().st_mode) == 0o600
    assert stat.S_IMODE(clone.data.stat().st_mode) == 0o700
    assert list(clone.data.iterdir()) == [clone.memory]


def test_without_a_plugin_nothing_is_remembered(clone: Clone) -> None:
    """Settings start the launcher without a data folder: `python3` it is, each time."""
    for _ in range(2):
        assert clone.run("hook", plugin=False).stdout.startswith("2 ")
    assert clone.shim_calls == 2
    assert not clone.data.exists()


@pytest.mark.parametrize(
    "remembered",
    [
        pytest.param("/nowhere/python3\n", id="vanished"),
        pytest.param("python3\n", id="not absolute"),
        pytest.param("../../bin/python3\n", id="relative"),
        pytest.param("/\n", id="a folder"),
        pytest.param("/etc/passwd\n", id="not executable"),
        pytest.param("/bin/false\n", id="broken"),
        pytest.param("", id="empty"),
        pytest.param("\n\n", id="blank lines"),
        pytest.param("/bin/echo $(touch pwned)\n", id="not a path"),
        pytest.param("\x00\xff\x1b[31m", id="noise"),
    ],
)
def test_a_memory_that_is_no_good_is_replaced(clone: Clone, remembered: str) -> None:
    """`python3` runs the hook instead, and what it leads to is remembered."""
    clone.data.mkdir()
    clone.memory.write_bytes(remembered.encode("latin-1"))
    done = clone.run("hook")
    assert (done.returncode, done.stdout[:2]) == (0, "2 ")
    assert clone.shim_calls == 1
    assert clone.memory.read_text() == real_interpreter() + "\n"


def test_a_memory_that_is_a_folder_stops_nothing(clone: Clone) -> None:
    """The hook runs by `python3`, though nothing can be remembered."""
    clone.memory.mkdir(parents=True)
    done = clone.run("hook")
    assert (done.returncode, done.stdout[:2]) == (0, "2 ")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")
def test_the_memory_of_another_user_is_ignored(clone: Clone) -> None:
    """An interpreter that somebody else wrote down is not started."""
    clone.data.mkdir()
    other = clone.write_python("other", "echo taken over")
    clone.memory.write_text(f"{other}\n")
    os.chown(clone.memory, 65534, 65534)
    assert clone.run("hook").stdout.startswith("2 ")
    assert clone.shim_calls == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a folder away")
def test_the_folder_of_another_user_is_ignored(clone: Clone) -> None:
    """Neither what is in it is started, nor do compiled files come from it."""
    clone.data.mkdir()
    other = clone.write_python("other", "echo taken over")
    clone.memory.write_text(f"{other}\n")
    os.chown(clone.data, 65534, 65534)
    assert clone.run("hook").stdout.startswith("2 ")
    assert clone.memory.read_text() == f"{other}\n"
    assert not (clone.data / "pycache").exists()


@pytest.mark.parametrize(
    ("arguments", "variable"),
    [
        pytest.param(["hook", sys.executable], None, id="as an argument"),
        pytest.param(["hook"], sys.executable, id="in the environment"),
        pytest.param(["hook", sys.executable], "/bin/false", id="the argument wins"),
    ],
)
def test_the_person_can_name_the_interpreter(clone: Clone, arguments: list[str], variable: str | None) -> None:
    """A named interpreter is started as it is, whatever is remembered and whatever `python3` is."""
    clone.data.mkdir()
    clone.memory.write_text("/bin/false\n")
    done = clone.run(*arguments, env={"TOKEN_BUDGET_PYTHON": variable} if variable else None)
    assert done.stdout.endswith(f"|{sys.executable}\n")
    assert clone.shim_calls == 0


@pytest.mark.parametrize(
    "arguments", [pytest.param(["hook"], id="hook"), pytest.param(["statusline"], id="status line")]
)
@pytest.mark.parametrize(
    "python",
    [
        pytest.param(None, id="no python3"),
        pytest.param("echo 'pyenv: python3: command not found' >&2; exit 127", id="shim without a Python"),
        pytest.param("exit 2", id="broken python3"),
        pytest.param("kill -9 $$", id="killed python3"),
    ],
)
def test_without_a_working_python_nothing_is_said(clone: Clone, arguments: list[str], python: str | None) -> None:
    """A session on such a machine goes on as if there were no hook."""
    shutil.rmtree(clone.root / "bin")
    if python is not None:
        clone.write_python("python3", python)
    done = clone.run(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_python_that_cannot_even_start(clone: Clone) -> None:
    """Python gives up before any script if its standard input is a folder; the launcher does not."""
    clone.run("hook")
    env = {"PATH": str(clone.root / "bin"), "CLAUDE_PLUGIN_DATA": str(clone.data)}
    done = run(["/bin/sh", "-c", 'exec "$0" hook </', clone.launcher], env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", ["", "nothing", "../src/x", "hook.py"])
def test_an_unknown_entry_point_is_no_error(clone: Clone, name: str) -> None:
    """Nothing runs; above all not Python, which exits 2 for a missing script and so erases the prompt."""
    done = clone.run(*([name] if name else []))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert clone.shim_calls == 0


def test_a_hook_is_two_processes(clone: Clone) -> None:
    """The shell starts the interpreter in memory itself, and needs no other program for that."""
    clone.data.mkdir()
    clone.memory.write_text(f"{clone.write_python('python', 'echo $PPID')}\n")
    env = {"PATH": "", "CLAUDE_PLUGIN_DATA": str(clone.data)}
    with subprocess.Popen([clone.launcher, "hook"], env=env, stdout=subprocess.PIPE, text=True) as process:
        said, _ = process.communicate(timeout=60)
    assert said == f"{process.pid}\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param([], str(os.getpid()), id="a hook's is the client"),
        pytest.param(["--", "status"], "", id="a command's is not"),
    ],
)
def test_a_hook_learns_who_started_it(clone: Clone, arguments: list[str], expected: str) -> None:
    """By it an old client's session, which does not name its process, is known to go on after /clear."""
    python = clone.write_python("python3", 'echo "$TOKEN_BUDGET_PARENT"')
    env = {"PATH": str(python.parent)}
    assert run([clone.launcher, "hook", *arguments], "{}", env).stdout == f"{expected}\n"


def test_a_plugin_folder_that_cannot_be_written(clone: Clone) -> None:
    """Compiled modules then go to the plugin's data folder, or each hook would make them again."""
    folder = Path(tempfile.mkdtemp())
    try:
        sealed = Clone(folder / "clone")
        python = sealed.write_python("python3", 'echo "$1"')
        for one in [folder, *sealed.root.rglob("*"), sealed.root]:
            one.chmod(0o555)
        # Root may write anywhere, so root hands over to nobody.
        user = {"user": 65534} if os.geteuid() == 0 else {}
        env = {"CLAUDE_PLUGIN_DATA": "/d", "PATH": str(python.parent)}
        said = subprocess.run(
            [sealed.launcher, "hook"], env=env, capture_output=True, text=True, check=True, timeout=60, **user
        )
        assert said.stdout == "-Xpycache_prefix=/d/pycache\n"
    finally:
        for one in [folder, *(p for p in folder.rglob("*") if p.is_dir())]:
            one.chmod(0o755)
        shutil.rmtree(folder)
    assert clone.run("hook").stdout.split()[2] == "None"


@pytest.mark.parametrize("shell", SHELLS)
def test_other_shells(clone: Clone, shell: str) -> None:
    """Whatever `sh` is on a machine, the launcher does the same."""
    command = [shutil.which(shell) or shell, *(["sh"] if shell == "busybox" else []), clone.launcher, "hook"]
    env = {"PATH": str(clone.root / "bin"), "CLAUDE_PLUGIN_DATA": str(clone.data)}
    for _ in range(2):
        done = run(command, "{}", env)
        assert (done.returncode, done.stdout[:2], done.stderr) == (0, "2 ", "")
    assert clone.shim_calls == 1
