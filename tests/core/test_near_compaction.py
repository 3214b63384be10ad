"""When the client's own compaction is near: 90% of the way, or two turns before, never in the first half."""

from __future__ import annotations

import pytest

from moai_flow.core import forecast, opening
from moai_flow.core.config import BudgetConfig
from moai_flow.core.settlement import settle
from moai_flow.core.window import Measurement

POINT = 167_000


@pytest.mark.parametrize(
    ("pace", "near"),
    [
        pytest.param(0, 150_300, id="no pace: 90%"),
        pytest.param(5_000, 150_300, id="a slow pace: 90%"),
        pytest.param(8_350, 150_300, id="two turns are just 10%"),
        pytest.param(30_000, 107_000, id="a fast pace: two turns"),
        pytest.param(80_000, 83_500, id="never in the first half"),
    ],
)
def test_the_clients_compaction_is_near(pace: int, near: int) -> None:
    """From the first token on, and not a token before."""
    for occupancy, expected in ((near - 1, False), (near, True), (near + 1, True)):
        ledger = opening.begin("s", BudgetConfig(), 0.0)
        settle(ledger, opening.main_window(ledger, 0.0), Measurement(occupancy, 0, "m", 0, ended=True), 1.0)
        ledger.session.compacts_at = POINT
        ledger.session.turns = [0, pace]
        assert forecast.compaction_is_near(ledger) is expected
