"""The group of commands: a command's module is loaded when the command is used, and errors become one line."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from moai_flow.core.errors import TokenBudgetError
from moai_flow.core.names import printable

_MAX_LINE = 4096

SUMMARIES = {
    "install": "Register the hooks and the status line in Claude Code's settings.",
    "uninstall": "Take them out again.",
    "status": "Measure the session anew and show its budget.",
    "watch": "Show the status, live.",
    "usage": "Show what was billed, on all transcripts of this machine.",
    "report": "Show where the tokens went, and what could be done about it.",
    "config": "Show the settings with their sources, and change them.",
    "allocate": "Give a swarm a limit, or change it.",
    "deallocate": "Remove a swarm and its limit.",
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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant; for one that does not exist, suggest those that are nearly called so."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], SUMMARIES, n=3)
            if not near or "Did you mean" in error.message:
                raise
            text = f"No such command {args[0]!r}. Did you mean {' or '.join(near)}?"
            raise click.UsageError(text, ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error of the library is one line and exit code 1."""
        try:
            return super().invoke(ctx)
        except TokenBudgetError as error:
            # What a file says may stand in the message: it passes the filter before the terminal, line by line.
            lines = [printable(line, _MAX_LINE) for line in str(error).splitlines()]
            raise click.ClickException("\n".join(lines)) from error


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's signature
    if wanted and not ctx.resilient_parsing:
        from moai_flow import __version__

        click.echo(f"token-budget {__version__}")
        ctx.exit()


@click.group(
    cls=CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=(
        "\b\nExamples:\n"
        "  token-budget demo                     see what the hooks say\n"
        "  token-budget install                  meter your sessions from now on\n"
        "  token-budget status                   this project's session, measured anew\n"
        "  token-budget allocate backend 60K     give swarm backend a limit\n\n"
        "Exit codes: 0 done, 1 it could not be done, 2 a usage error."
    ),
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
def program() -> None:
    """Token budgets for the agents of a Claude Code session."""


def examples(*lines: tuple[str, str]) -> str:
    """Return an epilog that shows command lines and what each is for, in columns."""
    width = max(len(line[0]) for line in lines)
    rows = [f"  token-budget {example:<{width}}  {purpose}" for example, purpose in lines]
    return "\n".join(["\b", "Examples:", *rows])
