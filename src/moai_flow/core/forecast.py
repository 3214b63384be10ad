"""How long a window will do: turns left at the pace of the last turns, and the client's own compaction.

Pure. Facts for the person and for the model, no orders.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.ledger import SessionLedger

COMPACTION_MARGIN = 33_000
"""Tokens below the window's size at which the client compacts by itself: 20,000 of output and 13,000 to spare."""

CHOICE = "/clear starts an empty window, /compact keeps a summary."

MAX_TURNS = 30
"""Turns up to which a forecast is given: beyond that, the pace of the last ten says nothing."""

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
        turns: whole turns until then at the mean pace of the last turns, None while the pace is unknown.
        least: turns until then if they are long ones; None while the pace is unknown.
        most: turns until then if they are short ones; None where those add nothing.
    """

    __slots__ = ("is_compaction", "least", "limit", "most", "turns")

    def __init__(
        self, limit: int, turns: int | None, least: int | None, most: int | None, *, is_compaction: bool
    ) -> None:
        self.limit = limit
        self.turns = turns
        self.least = least
        self.most = most
        self.is_compaction = is_compaction


def forecast(ledger: SessionLedger) -> Forecast:
    """Return what comes next: the client's compaction, the critical threshold, or the end of the budget."""
    config, session = ledger.config, ledger.session
    consumed = ledger.total_consumed
    limit = config.warning_threshold_2 if consumed < config.warning_threshold_2 else config.total_budget
    point = session.compacts_at
    is_compaction = consumed < point < limit
    if is_compaction:
        limit = point
    slow, fast = session.pace_range()
    least, most = turns_left(consumed, limit, fast), turns_left(consumed, limit, slow)
    return Forecast(limit, turns_left(consumed, limit, session.pace()), least, most, is_compaction=is_compaction)


def turns_text(ahead: Forecast) -> str:
    """Return the turns ahead in words, "" where they are unknown or so many that the figure means nothing.

    "4-7 turns" by the short and the long ones of the last turns, "about 4 turns" where these agree.
    """
    least, most = ahead.least, ahead.most
    if ahead.turns is None or least is None or least > MAX_TURNS or ahead.turns > MAX_TURNS:
        return ""
    if most is None or most > MAX_TURNS:
        return f"{least} turns or more" if least > 1 else ""
    if most < 1:
        return "less than one turn"
    if least == most:
        return "about 1 turn" if most == 1 else f"about {most} turns"
    return f"{least}-{most} turns" if least else f"at most {most} turn{'s' if most > 1 else ''}"


def advice(ledger: SessionLedger) -> str:
    """Return the second line of a notice about the whole budget: the forecast, and what can be done."""
    ahead = forecast(ledger)
    note = window_note(ledger)
    text = turns_text(ahead)
    if not text:
        return CHOICE + note
    until = f"to {ahead.limit:,} tokens"
    if ahead.is_compaction:
        until += ", where the client compacts by itself"
    return f"{text[0].upper()}{text[1:]} left at this pace ({until}). {CHOICE}{note}"


def window_note(ledger: SessionLedger) -> str:
    """Return how full the window itself is, where the budget is another size: " (window 1,000,000: 19%)"."""
    size = ledger.session.window_size
    if not size or size == ledger.config.total_budget:
        return ""
    return f" (window {size:,}: {ledger.total_consumed * 100.0 / size:.0f}%)"


def compaction_is_near(ledger: SessionLedger) -> bool:
    """Return whether the client will soon compact by itself, before the critical threshold is reached.

    Soon is 90% of the way, or two turns before if that is earlier, but never in the first half.
    """
    near = compaction_nears_at(ledger)
    return near > 0 and ledger.total_consumed >= near


def compaction_nears_at(ledger: SessionLedger) -> int:
    """Return the tokens from which `compaction_is_near`, 0 if the client will not do so before the threshold."""
    session = ledger.session
    if not 0 < session.compacts_at < ledger.config.warning_threshold_2:
        return 0
    point = session.compacts_at
    near = min(point * _NEAR_PERCENT // 100, point - _NEAR_TURNS * session.pace())
    return max(1, near, point // 2)


def compaction_sentence(ledger: SessionLedger) -> str:
    """Return the notice that the client will compact by itself; to be asked when that is near."""
    point = ledger.session.compacts_at
    choice = "/clear or /compact now chooses what is kept"
    if ledger.total_consumed >= point:
        return f"Token budget: the window is past {point:,} tokens, where the client compacts it by itself; {choice}"
    text = turns_text(forecast(ledger))
    when = f", in {text} at this pace" if text else ""
    return f"Token budget: the client compacts this window by itself at about {point:,} tokens{when}; {choice}"
