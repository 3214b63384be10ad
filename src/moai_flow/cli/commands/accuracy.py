"""`token-budget accuracy`: how far the estimates were from what was then measured."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import click

from moai_flow.cli import options, sessions
from moai_flow.cli.program import examples

if TYPE_CHECKING:
    from moai_flow.core.session import Session


@click.command(
    "accuracy",
    epilog=examples(
        ("accuracy", "the session of this project"),
        ("accuracy --json", "the same, for a script"),
    ),
)
@options.as_json
@options.session
@options.state_dir
def command(*, as_json: bool, session: str | None, state_dir: str | None) -> None:
    """Show how far the estimates of a session were from what was then measured, by kind of text.

    Between two measurements the hooks estimate what a prompt or a tool's result adds. Each time a measurement
    replaces estimates, both are kept (the last 50 times). Percentages are of what was measured.
    """
    state = sessions.state_folder(state_dir)
    with sessions.opened(state, sessions.find(state, session)) as ledger:
        found = ledger.session
    table = summary(found)
    if as_json:
        import json

        from moai_flow.hook.estimate.rates import characters_per_token

        rates = characters_per_token(found.factors)
        document = {"session_id": found.session_id, "kinds": table, "characters_per_token": rates}
        click.echo(json.dumps(document, indent=2))
        return
    if not table:
        click.echo("No estimate of this session was compared with a measurement yet.")
        return
    click.echo(f"{'kind':10} {'count':>6} {'median':>8} {'p95':>8} {'worst':>8}")
    for kind, row in table.items():
        click.echo(
            f"{kind:10} {row['count']:>6} {row['median_percent']:>7.1f}% {row['p95_percent']:>7.1f}% "
            f"{row['worst_percent']:>7.1f}%"
        )


def summary(session: Session) -> dict[str, dict[str, Any]]:
    """Return, by kind of text and for all together, the count and the errors in percent of what was measured."""
    errors: dict[str, list[float]] = {}
    for kind, estimated, measured in session.settlements:
        if measured > 0:
            error = abs(estimated - measured) * 100 / measured
            errors.setdefault(kind, []).append(error)
            errors.setdefault("all", []).append(error)
    together = errors.pop("all", None)
    ordered = {**dict(sorted(errors.items())), **({"all": together} if together else {})}
    return {
        kind: {
            "count": len(found),
            "median_percent": round(statistics.median(found), 2),
            "p95_percent": round(sorted(found)[max(0, -(-len(found) * 95 // 100) - 1)], 2),
            "worst_percent": round(max(found), 2),
        }
        for kind, found in ordered.items()
    }
