"""The arguments and options that several commands take."""

from __future__ import annotations

import click

from moai_flow.resource.config import MOST_TOKENS, is_swarm_name

_MULTIPLES = {"K": 1_000, "M": 1_000_000}
_MOST_DIGITS = 20


def _read_swarm(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not is_swarm_name(value):
        raise click.BadParameter("a swarm's name is 1-64 characters of A-Z a-z 0-9 . _ -", ctx, param)
    return value


def _read_tokens(ctx: click.Context, param: click.Parameter, value: str) -> int:
    """Return the number of tokens that is meant by 60000, 60,000, 60_000, 60K or 1.5M."""
    text = value.strip().upper().replace(",", "").replace("_", "")
    multiple = _MULTIPLES.get(text[-1:], 1)
    number = text[:-1] if multiple > 1 else text
    whole, point, part = number.partition(".")
    digits = whole + part
    is_number = digits.isascii() and digits.isdigit() and whole and bool(point) == bool(part)
    if not is_number or (point and multiple == 1) or len(digits) > _MOST_DIGITS:
        raise click.BadParameter(f"{value!r} is not a number of tokens (60000, 60,000 or 60K)", ctx, param)
    tokens: int = int(digits) * multiple // 10 ** len(part)
    if not 0 < tokens <= MOST_TOKENS:
        raise click.BadParameter(f"must be at least 1 token and at most {MOST_TOKENS:,}", ctx, param)
    return tokens


swarm = click.argument("swarm", callback=_read_swarm)
swarm_or_all = click.argument("swarm", callback=_read_swarm, required=False)
tokens = click.argument("tokens", callback=_read_tokens)
session = click.option("--session", metavar="ID", help="The session, or how its id begins [default: this project's].")
state_dir = click.option("--state-dir", metavar="DIR", help="Where the ledgers are [default: as for the hooks].")
scope = click.option(
    "--scope",
    type=click.Choice(["user", "project", "local"]),
    default="user",
    show_default=True,
    help="Which settings: yours, the project's, or yours in the project.",
)
dry_run = click.option("--dry-run", is_flag=True, help="Show the change and write nothing.")
yes = click.option("--yes", "-y", is_flag=True, help="Do not ask.")
