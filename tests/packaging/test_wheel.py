"""The wheel, installed alone in a fresh environment: nothing of the source tree is needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from clone import ROOT, run

pytestmark = pytest.mark.slow


def at_home(folder: Path) -> dict[str, str]:
    """Return the environment with a folder as the home: building may leave something there."""
    return {**os.environ, "HOME": str(folder)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built the way an installation from the sources builds it: by way of the source archive."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "-o", str(folder / "dist"), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, env=at_home(folder))
    (built,) = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment that holds the wheel and its dependencies, and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, env=at_home(folder))
    pip = [str(folder / "bin/pip"), "install", "-q", str(wheel)]
    subprocess.run(pip, check=True, cwd=folder, capture_output=True, env=at_home(folder))
    return folder / "bin"


@pytest.fixture(scope="module")
def entry(installed: Path) -> Path:
    """The folder of the entry points in that environment."""
    script = "import moai_flow; print(moai_flow.__path__[0])"
    done = run([str(installed / "python"), "-I", "-c", script])
    assert str(ROOT) not in done.stdout
    return Path(done.stdout.strip()) / "entry"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Return an environment of nobody's: no home, no state, no Python on PATH."""
    return {
        "HOME": str(tmp_path / "home"),
        "TOKEN_BUDGET_STATE_DIR": str(tmp_path / "state"),
        "PATH": str(tmp_path),
        "LC_ALL": "C.UTF-8",
    }


def test_the_wheel_holds_all_it_needs_and_no_more(wheel: Path) -> None:
    """Every file of the package, every entry point and slash command, and neither tests nor compiled files."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = [one for one in (ROOT / "src/moai_flow").rglob("*") if one.is_file() and one.suffix != ".pyc"]
    package = {str(one.relative_to(ROOT / "src")) for one in files}
    entries = {f"moai_flow/entry/{one.name}" for one in (ROOT / "hooks").iterdir() if one.is_file()}
    skills = {f"moai_flow/{one.relative_to(ROOT)}" for one in (ROOT / "skills").rglob("*") if one.is_file()}
    assert names == {*package, *entries, *skills}


@pytest.mark.parametrize("event", sorted(json.loads((ROOT / "hooks/hooks.json").read_text())["hooks"]))
def test_each_hook_answers_from_the_wheel(installed: Path, entry: Path, env: dict[str, str], event: str) -> None:
    """The launcher of the installed package starts the hook with the interpreter it is given."""
    command = [str(entry / "run"), "hook", str(installed / "python")]
    submitted = {"session_id": "a1", "cwd": "/nowhere", "transcript_path": "/nowhere/a1.jsonl"}
    submitted |= {"hook_event_name": "UserPromptSubmit", "prompt": "word " * 200_000}
    for text in (json.dumps({**submitted, "hook_event_name": event, "prompt": ""}), "garbage"):
        done = run(command, text, env)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "CRITICAL" in json.loads(run(command, json.dumps(submitted), env).stdout)["systemMessage"]


def test_the_command_answers_from_the_wheel(installed: Path, env: dict[str, str]) -> None:
    """`token-budget` is installed, knows its version, and runs the demo with no source tree near."""
    program = str(installed / "token-budget")
    assert "status" in run([program, "--help"], env=env).stdout
    demo = run([program, "demo"], env=env)
    assert (demo.returncode, demo.stderr) == (0, "")
    for sentence in ("WARNING: Global token usage", "CRITICAL: Global token usage", "/clear"):
        assert sentence in demo.stdout


def test_the_library_is_typed(installed: Path, tmp_path: Path) -> None:
    """A user's type checker reads the package's own annotations."""
    user = tmp_path / "user.py"
    user.write_text("from moai_flow.resource import TokenBudget\nreveal_type(TokenBudget().consume('a', 1))\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(installed / "python"), str(user)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert 'Revealed type is "bool"' in done.stdout.replace("builtins.", ""), done.stdout
