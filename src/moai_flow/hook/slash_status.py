"""The answer to `/token-budget:status` without a turn of the model: the table of this session as plain text.

The prompt is blocked at UserPromptSubmit with the table as the reason, which the client shows to the person; nothing is
sent to the model. Imported only when a prompt begins with the command.
"""

from __future__ import annotations

from moai_flow.core import compact_json, overview
from moai_flow.core.config import BudgetConfig
from moai_flow.core.names import printable
from moai_flow.hook import advance, charge, meter
from moai_flow.hook.agent_names import descriptions
from moai_flow.hook.state import session_ledger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger
    from moai_flow.hook.payload import Event
    from moai_flow.hook.state.settings import Layer

COMMAND = "/token-budget:status"
"""The prompt as it is typed; with anything behind it (`--all`) the command itself runs."""

BAR_CELLS = 20


def reply_to(state: str, event: Event, layers: list[Layer], now: float) -> str | None:
    """Return the reply to the command, None for any other prompt. Nothing is written, and the prompt is not charged.

    Args:
        state: the state folder.
        event: UserPromptSubmit.
        layers: the settings' layers.
        now: seconds since the epoch.
    """
    if not is_asked(event.prompt):
        return None
    ledger = session_ledger.peek(state, event.session)
    size = ledger.session.window_size if ledger is not None else 0
    config, _ = BudgetConfig.merged(layers, size or None)
    ledger = advance.opened(ledger, None, event, config, now)
    charge.settle_reading(ledger, meter.read_all(ledger, event.transcript, now), now)
    return answer(ledger)


def is_asked(prompt: str) -> bool:
    """Return whether a prompt asks for this session's status and for nothing else."""
    return prompt.strip() == COMMAND


def answer(ledger: SessionLedger) -> str:
    """Return the reply of the hook that blocks the prompt and shows the status in its place, in ASCII.

    Args:
        ledger: the session's ledger, measured anew. The prompt, which is not sent, must not be charged to it.
    """
    return compact_json.encode({"decision": "block", "reason": f"Token budget\n\n{table(ledger)}"})


def table(ledger: SessionLedger) -> str:
    """Return the session's budget as lines of text with aligned columns."""
    about = overview.window_text(ledger)
    lines = [printable(about), ""] if about else []
    rows = overview.rows(ledger, descriptions(ledger))
    names = ["  " * row.depth + printable(row.name) for row in rows]
    widths = [max(map(len, names)), *[max([len(row.figures[n]) for row in rows]) for n in range(3)]]
    for row, name in zip(rows, names, strict=True):
        if row.used is None:
            lines += ["", name]
            continue
        used, limit, percent = row.figures
        cells = [
            f"{name:<{widths[0]}}",
            f"{used:>{widths[1]}} {limit:<{widths[2]}}",
            f"{percent:>{widths[3]}}",
            _bar(row.percent) if row.limit else "",
            row.word,
        ]
        lines.append("  ".join(cells).rstrip())
    notes = [overview.outlook(ledger), overview.ESTIMATED if any(row.mark for row in rows) else ""]
    for note in notes:
        if note:
            lines += ["", note]
    return "\n".join(lines)


def _bar(percent: float) -> str:
    full = round(min(max(percent, 0.0), 100.0) * BAR_CELLS / 100)
    return "\u2588" * full + "\u2591" * (BAR_CELLS - full)
