"""Warnings: the levels, the guide's sentences, and which notice is due to whom.

A notice is given once for each crossing upwards, the highest crossed level only, and is armed again when usage
falls. The person and the model are separate readers: a notice to one is not yet a notice to the other.
"""

from __future__ import annotations

from moai_flow.core import forecast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.ledger import Ledger, SessionLedger
    from moai_flow.core.swarm import Swarm

NORMAL, WARNING, CRITICAL = 0, 1, 2
LEVEL_NAMES = ("normal", "warning", "critical")
_WORDS = ("", "WARNING", "CRITICAL")

SWARM_WARNING_PERCENT = 75.0
SWARM_CRITICAL_PERCENT = 90.0


def swarm_level(swarm: Swarm) -> int:
    """Return the level of a swarm: WARNING from 75% of its allocation, CRITICAL from 90%, if somebody set one."""
    if swarm.open_ended or not swarm.has_limit:
        return NORMAL
    percent = swarm.usage_percent
    if percent >= SWARM_CRITICAL_PERCENT:
        return CRITICAL
    return WARNING if percent >= SWARM_WARNING_PERCENT else NORMAL


def global_level(ledger: Ledger) -> int:
    """Return the level of the whole budget, from the tokens of the shared swarms."""
    config = ledger.config
    if ledger.total_consumed >= config.warning_threshold_2:
        return CRITICAL
    return WARNING if ledger.total_consumed >= config.warning_threshold_1 else NORMAL


def swarm_sentence(swarm: Swarm, level: int, mark: str = "") -> str:
    """Return the guide's sentence for a swarm; `mark` ("~") stands before a figure that is estimated."""
    return f"{_WORDS[level]}: Swarm {swarm.swarm_id} at {mark}{swarm.usage_percent:.1f}% token usage"


def swarm_figures(swarm: Swarm, mark: str = "") -> str:
    """Return the second line of a notice about a swarm: "62,050 of 50,000 tokens"."""
    return f"{mark}{swarm.consumed:,} of {swarm.allocated:,} tokens"


def raised_limit(tokens: int) -> str:
    """Return about twice so many tokens in a short form: "120K" for 62,050."""
    thousands = max(1, (2 * tokens + 500) // 1_000)
    step = 10 ** max(0, len(str(thousands)) - 2)
    return f"{(thousands + step // 2) // step * step}K"


def global_sentence(ledger: Ledger, level: int, mark: str = "") -> str:
    """Return the guide's sentence for the whole budget; `mark` ("~") stands before an estimated figure."""
    total = ledger.config.total_budget
    consumed = ledger.total_consumed
    advice = "Execute /clear recommended" if level == CRITICAL else "Monitor closely"
    return (
        f"{_WORDS[level]}: Global token usage at {mark}{consumed:,}/{total:,} "
        f"({consumed * 100.0 / total:.1f}%) - {advice}"
    )


def rearm(ledger: SessionLedger) -> None:
    """Arm again every notice of a session whose threshold usage has fallen below.

    To be called when usage really fell (a smaller measurement, a reset, a higher limit), not when an estimate
    turned out too high: that would say the same thing twice.
    """
    level = global_level(ledger)
    session = ledger.session
    session.notified_person = min(session.notified_person, level)
    session.notified_model = min(session.notified_model, level)
    session.notified_compaction = session.notified_compaction and forecast.compaction_is_near(ledger)
    rearm_swarms(ledger)


def rearm_swarms(ledger: Ledger) -> None:
    """Arm again the notices about swarms; see `rearm`."""
    for swarm in ledger.swarms.values():
        level = swarm_level(swarm)
        swarm.notified_person = min(swarm.notified_person, level)
        swarm.notified_model = min(swarm.notified_model, level)


def due_to_person(ledger: SessionLedger) -> list[str]:
    """Return the lines the person was not notified of yet, the budget's first, and take them as given."""
    sentences = []
    session = ledger.session
    level = global_level(ledger)
    if level > session.notified_person:
        session.notified_person = level
        sentences += [global_sentence(ledger, level, global_mark(ledger)), forecast.advice(ledger)]
    if not session.notified_compaction and forecast.compaction_is_near(ledger):
        session.notified_compaction = True
        # It says what can be done too, so it takes the place of the advice.
        sentences[1:] = [forecast.compaction_sentence(ledger)]
    for swarm in ledger.swarms.values():
        level = swarm_level(swarm)
        if level > swarm.notified_person:
            swarm.notified_person = level
            swarm.warnings_issued += 1
            mark = swarm_mark(ledger, swarm)
            raises = f"token-budget allocate {swarm.swarm_id} {raised_limit(swarm.consumed)} raises it"
            sentences += [swarm_sentence(swarm, level, mark), f"{swarm_figures(swarm, mark)}; {raises}"]
    return sentences


def due_to_model(ledger: SessionLedger, agent_swarm: str = "") -> list[str]:
    """Return the lines the model has not received yet, and take them as given.

    Args:
        ledger: the session's ledger.
        agent_swarm: the swarm of the subagent that would read them: notices of its own swarm only. "" for the
            main window, whose model receives those of the budget and of the shared swarms.
    """
    sentences = []
    session = ledger.session
    level = global_level(ledger)
    if not agent_swarm and level > session.notified_model:
        session.notified_model = level
        sentences += [global_sentence(ledger, level, global_mark(ledger)), forecast.advice(ledger)]
    for swarm in ledger.swarms.values():
        concerned = swarm.swarm_id == agent_swarm if agent_swarm else not swarm.isolated
        level = swarm_level(swarm) if concerned else NORMAL
        if level > swarm.notified_model:
            swarm.notified_model = level
            mark = swarm_mark(ledger, swarm)
            # No command here: an agent that raises its own limit is not what a person set it for.
            sentences += [swarm_sentence(swarm, level, mark), swarm_figures(swarm, mark)]
    return sentences


def global_mark(ledger: Ledger) -> str:
    """Return "~" if what is estimated of the shared swarms' tokens shows in the figure, else ""."""
    return _mark(ledger, [swarm for swarm in ledger.swarms.values() if not swarm.isolated])


def swarm_mark(ledger: Ledger, swarm: Swarm) -> str:
    """Return "~" if what is estimated of a swarm's tokens shows in the figure, else ""."""
    return _mark(ledger, [swarm])


def _mark(ledger: Ledger, swarms: list[Swarm]) -> str:
    names = [swarm.swarm_id for swarm in swarms]
    estimated = 0
    for window in ledger.windows.values():
        for estimate in window.pending.values():
            if estimate.swarm in names:
                estimated += estimate.tokens
    # A result of a few tokens is pending after nearly every tool call; it does not show in a rounded percentage.
    return "~" if estimated * 1000 > sum([swarm.consumed for swarm in swarms]) else ""
