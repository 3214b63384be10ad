"""Auto-scaling in a session: a busy agent's swarm borrows from a quiet one's, if the settings say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.harness import Session

LIMIT = 20_000


@pytest.mark.parametrize(
    ("settings", "backend", "research", "warned"),
    [
        pytest.param({}, LIMIT, LIMIT, True, id="off"),
        pytest.param({"enable_auto_scaling": True}, 30_800, 9_200, False, id="on"),
        pytest.param(
            {"enable_auto_scaling": True, "swarms": {"research": {"limit": LIMIT}}}, LIMIT, LIMIT, True, id="a promise"
        ),
    ],
)
def test_a_busy_swarm_borrows_from_a_quiet_one(
    session: Session, settings: dict[str, object], backend: int, research: int, warned: bool
) -> None:
    """Twelve turns of 1,800 tokens against a limit of 20,000, beside a swarm that took 500."""
    session.configure(default_swarm_limit=LIMIT, **settings)
    session.work("r1", 500, "research")
    told = "".join(session.work("b1", 1_800 * number).to_model for number in range(1, 13))
    swarms = session.ledger.swarms
    assert swarms["backend"].allocated == backend
    assert swarms["research"].allocated == research
    assert ("CRITICAL" in told) is warned
