"""`token-budget replay`: what the hooks would have said in a session that is over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moai_flow.cli import chosen, options
from moai_flow.cli.program import examples
from moai_flow.core import notices
from moai_flow.core.errors import TokenBudgetError

if TYPE_CHECKING:
    from moai_flow.replay.play import Step

_HEAD = f"{'time':8}  {'event':18}  {'tool or agent':14}  {'swarm':12}  {'window':>9}  {'shared':>9}  said"


@click.command(
    "replay",
    epilog=examples(
        ("replay", "this project's last session"),
        ("replay 0f3c --notices", "one by how its id begins, only where something is said"),
        ("replay ~/.claude/projects/-home-me-app", "all sessions of a folder, one after the other"),
        ("replay 0f3c.jsonl --config .moai/config/config.json", "a file, with a project's settings"),
    ),
)
@click.argument("target", required=False)
@click.option("--config", metavar="FILE", help="A settings file with a `token_budget` object [default: defaults].")
@click.option("--notices", "only_notices", is_flag=True, help="Show only the events at which something is said.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object an event.")
@options.state_dir
def command(
    *, target: str | None, config: str | None, only_notices: bool, as_json: bool, state_dir: str | None
) -> None:
    """Play a session again, with its subagents, event by event.

    TARGET is a transcript, a folder of transcripts, or how a session's id begins; without it, this project's last
    session. Shows what the ledger and the notices would have been, so that settings can be tried before living with
    them. Nothing is written; no session is touched.
    """
    from moai_flow.replay.play import play

    section = _section(config)
    found = chosen.pointed_at(target, state_dir)
    for number, session in enumerate(reversed(found)):
        if not as_json:
            if len(found) > 1:
                click.echo(f"{chr(10) if number else ''}session {session.session_id}")
            click.echo(_HEAD)
        for step in play(session, section):
            if not only_notices or step.to_person or step.to_model:
                click.echo(_as_json(session.session_id, step) if as_json else _row(step))


def _section(config: str | None) -> dict[str, Any]:
    """Return the settings to play with; a mistake in them is an error here, not a line in the session."""
    if config is None:
        return {}
    from moai_flow.resource.settings import load_config, read_section

    if not Path(config).exists():
        raise TokenBudgetError(f"{config}: no such file; leave --config out for the defaults")
    load_config(config)
    return read_section(config)


def _row(step: Step) -> str:
    given = step.payload
    what = given.get("tool_name") or given.get("agent_type") or given.get("source") or ""
    shared = f"{notices.global_mark(step.ledger)}{step.ledger.total_consumed:,}"
    row = (
        f"{step.written[11:19]:8}  {given['hook_event_name']:18}  {what[:14]:14}  {step.swarm[:12]:12}  "
        f"{step.occupancy:>9,}  {shared:>9}"
    )
    said = [f"  you: {line}" for line in step.to_person.splitlines()]
    heard = [f"  model: {line}" for line in step.to_model.splitlines() if line not in step.to_person]
    return "\n".join([row.rstrip(), *said, *heard])


def _as_json(session_id: str, step: Step) -> str:
    import json

    from moai_flow.core.status import global_status

    given = step.payload
    return json.dumps(
        {
            "session_id": session_id,
            "at": step.written,
            "event": given["hook_event_name"],
            "tool": given.get("tool_name"),
            "agent_id": given.get("agent_id"),
            "agent_type": given.get("agent_type"),
            "swarm": step.swarm,
            "occupancy": step.occupancy,
            "to_person": step.to_person or None,
            "to_model": step.to_model or None,
            "status": global_status(step.ledger),
        }
    )
