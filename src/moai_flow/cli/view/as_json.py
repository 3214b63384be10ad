"""A session's budget as the JSON that commands print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from moai_flow.core.forecast import forecast
from moai_flow.core.phases import phase_status
from moai_flow.core.spend.status import spend_status
from moai_flow.core.status import global_status
from moai_flow.core.swarm import MAIN

if TYPE_CHECKING:
    from moai_flow.cli.sessions import Found
    from moai_flow.core.ledger import SessionLedger


def budget_document(ledger: SessionLedger, found: Found) -> dict[str, Any]:
    """Return a session's budget: tokens, percentages 0-100, seconds since the epoch."""
    ahead = forecast(ledger)
    session, window = ledger.session, ledger.windows.get(MAIN)
    return {
        **found.document,
        **global_status(ledger),
        "window": {
            "occupancy": window.tokens if window else 0,
            "measured": window.is_exact if window else False,
            "size": session.window_size or None,
        },
        "phase": phase_status(ledger),
        "spend": spend_status(ledger),
        "forecast": {
            "turns": ahead.turns,
            "least": ahead.least,
            "most": ahead.most,
            "limit": ahead.limit,
            "is_compaction": ahead.is_compaction,
        },
    }


def print_json(document: dict[str, Any]) -> None:
    """Print JSON."""
    import json

    click.echo(json.dumps(document, indent=2))
