import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from support.commands import Run

from moai_flow import __version__
from moai_flow.cli.program import SUMMARIES, program

DOCUMENT = Path(__file__).parents[2] / "docs" / "commands.md"


def section(name: str) -> str:
    """The part of the documentation that is about one command."""
    parts = DOCUMENT.read_text(encoding="utf-8").split("\n## token-budget ")
    return next(part for part in parts if part.split()[0] == name)


def load(name: str) -> click.Command:
    command = program.get_command(click.Context(program), name)
    assert command is not None
    return command


@pytest.mark.parametrize("name", SUMMARIES)
def test_every_command_and_option_is_documented(name: str) -> None:
    """docs/commands.md has a section for each command that names each argument and option."""
    text = section(name)
    for parameter in load(name).params:
        names = parameter.opts if isinstance(parameter, click.Option) else [str(parameter.name).upper()]
        for option in names:
            assert option in text, f"{name} {option}"


@pytest.mark.parametrize("name", SUMMARIES)
def test_every_documented_option_exists(name: str) -> None:
    """And the other way round: a row of a section's table names an option that the command has."""
    found = load(name)
    commands = [found, *(found.commands.values() if isinstance(found, click.Group) else ())]
    known = {option for one in commands for parameter in one.params for option in parameter.opts}
    for row in re.findall(r"^\| (`-.*?) \|", section(name), re.MULTILINE):
        assert set(re.findall(r"`(--?[a-z][a-z-]*)", row)) <= known, row


def test_a_command_that_is_nearly_one_is_suggested(run: Run) -> None:
    """A slip of a letter is named."""
    assert "Did you mean status?" in run("stauts").output


@pytest.mark.parametrize("name", SUMMARIES)
def test_help_explains_and_shows_examples(run: Run, name: str) -> None:
    """Each command's help says what it does and shows command lines."""
    output = run(name, "--help").output
    assert "Examples:\n    token-budget " in output
    assert load(name).get_short_help_str(200) != ""


def test_help_lists_every_command(run: Run) -> None:
    """In the order in which people need them."""
    output = run("--help").output
    positions = [output.index(f"\n  {name} ") for name in SUMMARIES]
    assert positions == sorted(positions)


def test_version(run: Run) -> None:
    """One line, with the package's own version."""
    assert run("--version").output == f"token-budget {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [["nope"], ["status", "--nope"], ["allocate", "x"], ["status", "--all", "--session", "x"]],
    ids=["command", "option", "argument missing", "options that exclude each other"],
)
def test_usage_errors_end_with_2(run: Run, arguments: list[str]) -> None:
    """As documented."""
    assert run(*arguments).exit_code == 2


def test_a_command_loads_only_what_it_needs(tmp_path: Path) -> None:
    """Starting costs little: no other command, and none of the slow libraries."""
    code = (
        "import sys; from moai_flow.cli.program import program\n"
        "program.get_command(None, 'status')\n"
        "print(*sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "moai_flow.cli.commands.status" in loaded
    slow = {"portalocker", "platformdirs", "rich", "asyncio", "pathlib", "json", "subprocess", "dataclasses"}
    bare = subprocess.run(
        [sys.executable, "-c", "import sys, click; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    assert not slow & (loaded - set(bare.stdout.split()))
    assert not {f"moai_flow.cli.{name}" for name in SUMMARIES if name != "status"} & loaded
