"""`token-budget metrics`: the budgets of all running sessions, in Prometheus' text format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from moai_flow.cli import ledgers, options, projects, sessions
from moai_flow.cli.program import examples
from moai_flow.cli.view.prometheus import Family, text_of
from moai_flow.core.errors import StateError
from moai_flow.core.names import printable
from moai_flow.core.notices import global_level
from moai_flow.core.phases import phase_status
from moai_flow.core.status import swarm_status
from moai_flow.core.swarm import MAIN

if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger

_GAUGES = {
    "sessions": "Sessions that a running client has now.",
    "unreadable_sessions": "Sessions whose ledger could not be read now; they are left out below.",
    "session_info": "Always 1; what is known of a session.",
    "budget_tokens": "Tokens of the whole budget.",
    "consumed_tokens": "Tokens consumed by the shared swarms.",
    "isolated_consumed_tokens": "Tokens consumed by the swarms whose agents have windows of their own.",
    "warn_level": "0 below the thresholds, 1 past the warning threshold, 2 past the critical one.",
    "window_occupancy_tokens": "Tokens that the main window holds.",
    "window_size_tokens": "Size of the main window; missing while unknown.",
    "swarm_allocated_tokens": "Tokens that a swarm may use.",
    "swarm_consumed_tokens": "Tokens that a swarm has consumed.",
    "swarm_reserved_tokens": "Tokens that a swarm has reserved for running agents.",
    "swarm_warnings": "Warnings given about a swarm since the session began.",
    "phase_budget_tokens": "Tokens of the phase of MoAI-ADK that a session is in.",
    "phase_consumed_tokens": "Tokens that came into the main window since the phase began.",
}
"""Every metric, below `token_budget_`, and what it says. All can fall: a session is cleared or compacted."""


@click.command(
    "metrics",
    epilog=examples(
        ("metrics", "what a scraper would read"),
        ("metrics > t && mv t budget.prom", "for the textfile collector of node_exporter"),
    ),
)
@options.state_dir
def command(*, state_dir: str | None) -> None:
    """Print the budgets of all running sessions in Prometheus' text format, measured anew."""
    families = {name: Family(f"token_budget_{name}", said) for name, said in _GAUGES.items()}
    state = sessions.state_folder(state_dir)
    live = sessions.running(state)
    unreadable = 0
    for found in live:
        try:
            _add(families, ledgers.measured(state, found.session_id))
        except StateError:
            unreadable += 1
    families["sessions"].add(len(live))
    families["unreadable_sessions"].add(unreadable)
    click.echo(text_of(families.values()), nl=False)


def _add(families: dict[str, Family], ledger: SessionLedger) -> None:
    """Add the figures of one session."""
    session, window = ledger.session, ledger.windows.get(MAIN)
    name = {"session": session.session_id}
    families["session_info"].add(
        1, **name, model=printable(session.model), project=printable(projects.of(session.transcript))
    )
    families["budget_tokens"].add(ledger.config.total_budget, **name)
    families["consumed_tokens"].add(ledger.total_consumed, **name)
    families["isolated_consumed_tokens"].add(ledger.isolated_consumed, **name)
    families["warn_level"].add(global_level(ledger), **name)
    families["window_occupancy_tokens"].add(window.tokens if window is not None else 0, **name)
    if session.window_size:
        families["window_size_tokens"].add(session.window_size, **name)
    for swarm in ledger.swarms.values():
        status = swarm_status(ledger, swarm)
        labels = {**name, "swarm": swarm.swarm_id, "isolated": "true" if swarm.isolated else "false"}
        for figure in ("allocated", "consumed", "reserved"):
            families[f"swarm_{figure}_tokens"].add(status[figure], **labels)
        families["swarm_warnings"].add(swarm.warnings_issued, **labels)
    phase = phase_status(ledger)
    if phase is not None:
        families["phase_budget_tokens"].add(phase["budget"], **name, phase=phase["name"])
        families["phase_consumed_tokens"].add(phase["consumed"], **name, phase=phase["name"])
