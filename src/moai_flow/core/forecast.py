"""How long a window will do: turns left at the pace of the last turns, and the client's own compaction.

Pure. Facts for the person and for the model; nobody is told what to do.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger

COMPACTION_MARGIN = 33_000
"""Tokens below the window's size at which the client compacts by itself: 20,000 of output and 13,000 to spare."""

CHOICE = "/clear starts an empty window, /compact keeps a summary."

_NEAR_PERCENT = 90
_NEAR_TURNS = 2


def turns_left(tokens: int, limit: int, pace: int) -> int | None:
    """Return the whole turns until `limit` is reached, None while the pace is unknown.

    Args:
        tokens: what the window holds now.
        limit: the tokens that matter.
        pace: tokens a turn adds.
    """
    if pace <= 0:
        return None
    return max(0, limit - tokens) // pace


class Forecast:
    """What comes next for the main window.

    Args:
        limit: tokens at which it comes.
        is_compaction: whether it is the client's own compaction; else a threshold or the end of the budget.
        turns: whole turns until then at the present pace, None while the pace is unknown.
    """

    __slots__ = ("is_compaction", "limit", "turns")

    def __init__(self, limit: int, turns: int | None, *, is_compaction: bool) -> None:
        self.limit = limit
        self.turns = turns
        self.is_compaction = is_compaction


def forecast(ledger: SessionLedger) -> Forecast:
    """Return what comes next: the client's compaction, the critical threshold, or the end of the budget."""
    config, session = ledger.config, ledger.session
    consumed = ledger.total_consumed
    limit = config.warning_threshold_2 if consumed < config.warning_threshold_2 else config.total_budget
    pace = session.pace()
    point = session.compacts_at
    is_compaction = consumed < point < limit
    if is_compaction:
        limit = point
    return Forecast(limit, turns_left(consumed, limit, pace), is_compaction=is_compaction)


def turns_text(turns: int) -> str:
    """Return a number of turns in words: "about 6 turns"."""
    if turns < 1:
        return "less than one turn"
    return "about 1 turn" if turns == 1 else f"about {turns:,} turns"


def advice(ledger: SessionLedger) -> str:
    """Return the second line of a notice about the whole budget: the forecast, and what can be done."""
    ahead = forecast(ledger)
    if ahead.turns is None:
        return CHOICE
    text = turns_text(ahead.turns)
    verb = "are" if ahead.turns > 1 else "is"
    until = f"to {ahead.limit:,} tokens"
    if ahead.is_compaction:
        until += ", where the client compacts by itself"
    return f"{text[0].upper()}{text[1:]} {verb} left at this pace ({until}). {CHOICE}"


def compaction_is_near(ledger: SessionLedger) -> bool:
    """Return whether the client will soon compact by itself, before the critical threshold is reached.

    Soon is 90% of the way, or two turns before if that is earlier, but never in the first half.
    """
    session = ledger.session
    if not 0 < session.compacts_at < ledger.config.warning_threshold_2:
        return False
    point = session.compacts_at
    near = min(point * _NEAR_PERCENT // 100, point - _NEAR_TURNS * session.pace())
    return ledger.total_consumed >= max(near, point // 2)


def compaction_sentence(ledger: SessionLedger) -> str:
    """Return the notice that the client will compact by itself; to be asked when that is near."""
    session = ledger.session
    point = session.compacts_at
    choice = "/clear or /compact now chooses what is kept"
    if ledger.total_consumed >= point:
        return f"Token budget: the window is past {point:,} tokens, where the client compacts it by itself; {choice}"
    turns = turns_left(ledger.total_consumed, point, session.pace())
    when = "" if turns is None else f", in {turns_text(turns)} at this pace"
    return f"Token budget: the client compacts this window by itself at about {point:,} tokens{when}; {choice}"
