"""`token-budget completion`: commands, options, swarms and sessions at the press of a key."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from moai_flow.cli.program import examples, program
from moai_flow.core.errors import TokenBudgetError

NAME = "token-budget"
VARIABLE = "_TOKEN_BUDGET_COMPLETE"
"""The variable that click derives from the command's name."""


@click.command(
    "completion",
    epilog=examples(
        ("completion bash >> ~/.bashrc", "for bash, from the next shell on"),
        ("completion zsh >> ~/.zshrc", "for zsh"),
        ("completion fish > ~/.config/fish/completions/token-budget.fish", "for fish"),
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(*, shell: str) -> None:
    """Print the script that completes commands, options, swarms and sessions in SHELL."""
    found = get_completion_class(shell)
    if found is None:
        raise TokenBudgetError(f"{shell}: the installed version of click cannot complete there; update click")
    click.echo(found(program, {}, NAME, VARIABLE).source())
