"""The group of commands: a command's module is loaded when the command is used, and errors become one line."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from moai_flow.core.errors import TokenBudgetError

SUMMARIES = {
    "install": "Register the hooks and the status line in Claude Code's settings.",
    "uninstall": "Take them out again.",
    "status": "Measure the session anew and show its budget.",
    "watch": "Show the status, live.",
    "usage": "Show what was billed, on all transcripts of this machine.",
    "report": "Show where the tokens went, and what could be done about it.",
    "allocate": "Promise a swarm tokens, or change its limit.",
    "deallocate": "Remove a swarm and what it was promised.",
    "reset": "Take a swarm's consumption back to zero.",
    "pool": "Show and reset budgets that several sessions, worktrees or machines share.",
    "accuracy": "Show how far the estimates were from what was then measured.",
    "metrics": "Print the budgets of all running sessions for Prometheus.",
    "replay": "Show what the hooks would have said in a session that is over.",
    "demo": "Play a recorded session through the hooks and show what they say.",
    "doctor": "Check the set-up, and say what to do.",
    "completion": "Print the completion script for a shell.",
}
"""Every command, in the order of the help, with its summary: `--help` loads no command's module."""


class CommandGroup(click.Group):
    """Commands that are found by their module's name: `status` is `command` in `moai_flow.cli.commands.status`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of the help."""
        return list(SUMMARIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load the command of that name; None if there is none."""
        if cmd_name not in SUMMARIES:
            return None
        command: click.Command = import_module(f"moai_flow.cli.commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error of the library is one line and exit code 1."""
        try:
            return super().invoke(ctx)
        except TokenBudgetError as error:
            raise click.ClickException(str(error)) from error


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's signature
    if wanted and not ctx.resilient_parsing:
        from moai_flow import __version__

        click.echo(f"token-budget {__version__}")
        ctx.exit()


@click.group(
    cls=CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 it could not be done, 2 a usage error.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
def program() -> None:
    r"""Token budgets for the agents of a Claude Code session.

    \b
    Examples:
      token-budget demo                     see what the hooks say
      token-budget install                  meter your sessions from now on
      token-budget status                   this project's session, measured anew
      token-budget allocate backend 60K     give swarm backend a limit
    """


def examples(*lines: tuple[str, str]) -> str:
    """Return an epilog that shows command lines and what each is for, in columns."""
    width = max(len(line[0]) for line in lines)
    rows = [f"  token-budget {example:<{width}}  {purpose}" for example, purpose in lines]
    return "\n".join(["\b", "Examples:", *rows])
