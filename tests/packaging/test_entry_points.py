"""hooks/hook.py and hooks/statusline.py: they find the package and exit 0 whatever happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from clone import ROOT, Clone, run

ENTRIES = ["hook", "statusline"]
START = [sys.executable, "-I", "-S"]


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "clone")


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize(
    ("hooks", "source"),
    [
        pytest.param("hooks", "src", id="clone"),
        pytest.param("lib/site-packages/moai_flow/entry", "lib/site-packages", id="wheel"),
        pytest.param("a b/$x `y`'\"z/hooks", "a b/$x `y`'\"z/src", id="quotes and blanks"),
        pytest.param("ünï/hooks", "ünï/src", id="not ASCII"),
        pytest.param("moai_flow/entry/hooks", "moai_flow/entry/src", id="clone in a folder of that name"),
    ],
)
def test_the_package_is_found(tmp_path: Path, hooks: str, source: str, entry: str) -> None:
    """By the place of the entry point alone: no installation, no variable, no working directory."""
    clone = Clone(tmp_path, hooks, source)
    done = run([*START, str(clone.hooks / f"{entry}.py")], "1234", {})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"4 11 None {clone.source}|{sys.executable}\n"


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_package_hides_nothing_of_pythons_own(clone: Clone, entry: str) -> None:
    """A file beside the package that is called like a module of Python's is not imported in its place."""
    for folder in (clone.source, clone.hooks):
        (folder / "json.py").write_text("raise SystemExit(3)")
    clone.write_main("import json, os\ndef main():\n    os.write(1, json.dumps([1]).encode())")
    assert run([*START, str(clone.hooks / f"{entry}.py")]).stdout == "[1]"


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("def main(): raise RuntimeError", id="error"),
        pytest.param("def main(): raise SystemExit(2)", id="exit 2, which erases the prompt"),
        pytest.param("def main(): raise KeyboardInterrupt", id="interrupted"),
        pytest.param("def main(): raise MemoryError", id="out of memory"),
        pytest.param("def main(): main()", id="recursion"),
        pytest.param("import nothing_of_this_name", id="import error"),
        pytest.param("def main(:", id="syntax error"),
        pytest.param("pass", id="no main"),
        pytest.param("import atexit\ndef main(): atexit.register(print, 'late')", id="exit handler"),
        pytest.param("import sys\ndef main(): sys.stdout.write('x' * 9)", id="unflushed text"),
    ],
)
def test_an_error_is_silent(clone: Clone, entry: str, text: str) -> None:
    """No traceback, no output, exit code 0."""
    clone.write_main(text)
    done = run([*START, str(clone.hooks / f"{entry}.py")], "{}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_package_that_is_gone(clone: Clone, entry: str) -> None:
    """A hook outlives its package: an update may remove it under a running session."""
    (clone.source / "moai_flow").rename(clone.root / "elsewhere")
    done = run([*START, str(clone.hooks / f"{entry}.py")], "{}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize(
    "redirection",
    [
        pytest.param(">&-", id="stdout closed"),
        pytest.param("<&-", id="stdin closed"),
        pytest.param("<&- >&- 2>&-", id="everything closed"),
        pytest.param(">/dev/full", id="disk full"),
        pytest.param("| true", id="nobody reads"),
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(None, id="written by os"),
        pytest.param("def main(): print('x' * 99_999, flush=True)", id="printed"),
    ],
)
def test_streams_that_do_not_work(clone: Clone, entry: str, redirection: str, text: str | None) -> None:
    """Exit code 0 and nothing on stderr."""
    if text is not None:
        clone.write_main(text)
    line = f'"$0" -I -S "$1" {redirection}'
    done = run(["sh", "-c", line, sys.executable, str(clone.hooks / f"{entry}.py")])
    assert (done.returncode, done.stderr) == (0, "")


def test_a_memory_that_cannot_be_written_costs_only_time(clone: Clone) -> None:
    """The hook's answer is out before that, and nothing is said about the failure."""
    done = run([*START, str(clone.hooks / "hook.py"), "/dev/null/interpreter"], "{}")
    assert (done.returncode, done.stdout[:2], done.stderr) == (0, "2 ", "")


def test_many_first_hooks_at_once(clone: Clone) -> None:
    """The memory appears whole, and nothing is left beside it."""
    command = [*START, str(clone.hooks / "hook.py"), str(clone.memory)]
    started = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) for _ in range(12)]
    assert [one.wait(timeout=60) for one in started] == [0] * 12
    assert list(clone.data.iterdir()) == [clone.memory]
    assert clone.memory.read_text() == os.path.realpath(sys.executable) + "\n"


def old_pythons() -> list[Path]:
    """Return the interpreters older than 3.10 that pyenv has here, and those on PATH."""
    folders = [Path(one) for one in os.environ.get("PATH", "").split(os.pathsep) if "shims" not in one]
    folders += sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/*/bin"))
    names = ["python2.7", *(f"python3.{minor}" for minor in range(5, 10))]
    found = {name: folder / name for folder in folders for name in names if (folder / name).exists()}
    return [found[name] for name in names if name in found]


SAID_BY_AN_OLD_PYTHON = [
    pytest.param('{"hook_event_name": "SessionStart"}', True, id="SessionStart"),
    pytest.param('{"hook_event_name": "UserPromptSubmit", "prompt": "SessionStart"}', False, id="prompt"),
    pytest.param('{"hook_event_name": "Stop"}', False, id="Stop"),
    pytest.param("garbage{", False, id="garbage"),
    pytest.param("[]", False, id="not an object"),
    pytest.param("", False, id="nothing"),
]


def check_unsupported(command: list[str], payload: str, *, speaks: bool) -> None:
    """Assert that a hook on an old Python says what is needed, once a session, and exits 0."""
    done = run(command, payload)
    assert (done.returncode, done.stderr) == (0, "")
    if speaks:
        assert list(json.loads(done.stdout)) == ["systemMessage"]
        assert "needs Python 3.10 or newer" in done.stdout
    else:
        assert done.stdout == ""


@pytest.mark.parametrize(("payload", "speaks"), SAID_BY_AN_OLD_PYTHON)
def test_the_message_for_an_old_python(clone: Clone, payload: str, speaks: bool) -> None:
    """Its words and its silence, on whatever Python runs the tests."""
    script = f"import sys; sys.path.append({str(clone.hooks)!r}); import unsupported; unsupported.main()"
    if speaks or payload.startswith('{"'):
        check_unsupported([*START, "-c", script], payload, speaks=speaks)


@pytest.mark.parametrize("python", old_pythons(), ids=lambda one: one.name)
@pytest.mark.parametrize(("payload", "speaks"), SAID_BY_AN_OLD_PYTHON)
def test_a_real_old_python(clone: Clone, python: Path, payload: str, speaks: bool) -> None:
    """No syntax error, no traceback, exit code 0."""
    flags = ["-S"] if python.name == "python2.7" else ["-I", "-S"]
    check_unsupported([str(python), *flags, str(clone.hooks / "hook.py")], payload, speaks=speaks)
    assert run([str(python), *flags, str(clone.hooks / "statusline.py")], payload).returncode == 0


@pytest.mark.parametrize("name", ["hook.py", "statusline.py"])
def test_an_entry_point_is_tiny(name: str) -> None:
    """The interpreter compiles a script at every start; what is in modules it compiles once."""
    assert (ROOT / "hooks" / name).stat().st_size < 1500
