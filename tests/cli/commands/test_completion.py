import os
import subprocess
import sys

import pytest
from support.commands import Run


def complete(words: str, number: int) -> list[str]:
    """What bash would offer after `words`, for the word of that number."""
    environment = {
        **os.environ,
        "_TOKEN_BUDGET_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(number),
    }
    code = "from moai_flow.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_prints_a_script_for_each_shell(run: Run, shell: str) -> None:
    """It asks this very command for what is possible."""
    result = run("completion", shell)
    assert result.exit_code == 0
    assert f"_TOKEN_BUDGET_COMPLETE={shell}_complete" in result.output


def test_completes_commands_and_options() -> None:
    """As click offers them."""
    assert complete("token-budget al", 1) == ["allocate"]
    assert "--json" in complete("token-budget status --", 2)


@pytest.mark.usefixtures("begun")
def test_completes_swarms_and_sessions() -> None:
    """Of the session at hand; nothing where there is none."""
    assert complete("token-budget reset ba", 2) == ["backend"]
    assert complete("token-budget status --session o", 3) == ["one"]
    assert complete("token-budget reset --state-dir /nowhere ba", 4) == []
