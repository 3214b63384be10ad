"""How fast the rates follow a tokenizer that is not the one they started from."""

from __future__ import annotations

import random

import pytest

from moai_flow.core import opening
from moai_flow.core.config import BudgetConfig
from moai_flow.core.settlement import add_estimate
from moai_flow.core.window import RESULT, Estimate, Measurement
from moai_flow.hook import charge
from moai_flow.hook.estimate import rates

KINDS = ("prose", "code", "json")
WINDOW = 60_000


def error(factors: rates.Factors, kind: str, base: int, rate: float) -> float:
    """Return the error (percent of the window) of a result of so many tokens at the base rates."""
    return abs(base * rates.factor_of(factors, kind) - base * rate) * 100 / WINDOW


@pytest.mark.parametrize("rate", [0.5, 0.7, 1.3, 1.5, 1.8])
@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_start_is_learned_away_within_three_settlements(kind: str, rate: float) -> None:
    """After three results of 2,000 tokens the next one is within 2% of the window, and 15% of itself."""
    factors: rates.Factors = {}
    for _ in range(3):
        claim = round(2_000 * rates.factor_of(factors, kind))
        factors = rates.learn(factors, [(kind, claim)], round(2_000 * rate))
    assert error(factors, kind, 2_000, rate) < 2.0
    assert rates.factor_of(factors, kind) == pytest.approx(rate, rel=0.15)


def test_a_tokenizer_that_changes_in_mid_session_is_followed_within_three_settlements() -> None:
    """By 1.0 to 1.5 for each kind: from the fourth settlement on, 95 of 100 are within 2% of the window again."""
    chance = random.Random(1)
    found = []
    for _ in range(300):
        factors: rates.Factors = {}
        changed = {kind: chance.uniform(1.0, 1.5) for kind in KINDS}
        for number in range(16):
            kind = chance.choice(KINDS)
            base = round(min(8_000, 150 * chance.paretovariate(0.9)))
            rate = changed[kind] if number >= 8 else 1.0
            if number >= 11:
                found.append(error(factors, kind, base, rate))
            factors = rates.learn(factors, [(kind, round(base * rates.factor_of(factors, kind)))], round(base * rate))
    assert sorted(found)[len(found) * 95 // 100] < 2.0


def test_an_estimate_is_compared_as_it_would_be_now() -> None:
    """A result that was estimated before the last settlement, and is found right since, corrects nothing again."""
    ledger = opening.begin("s", BudgetConfig(), 0.0)
    ledger.session.factors = {"code": 1.3}
    window = opening.main_window(ledger, 0.0)
    charge.observe(ledger, window, Measurement(20_000, 50, "msg_1", 0, calls=["a"]), 0.0)
    add_estimate(ledger, window, Estimate("a", RESULT, "main", "code", 2_000, "msg_1", factor=1.0), 0.0)
    charge.observe(ledger, window, Measurement(22_650, 50, "msg_2", 900, earlier=["a"]), 1.0)
    assert ledger.session.settlements == [("code", 2_000, 2_600)]
    assert ledger.session.factors["code"] == pytest.approx(1.3, abs=0.01)


def test_an_agents_total_teaches_nothing() -> None:
    """It holds the agent's last reply too, of unknown size."""
    ledger = opening.begin("s", BudgetConfig(), 0.0)
    window = opening.main_window(ledger, 0.0)
    charge.observe(ledger, window, Measurement(20_000, 50, "msg_1", 0, calls=["a"]), 0.0)
    add_estimate(ledger, window, Estimate("a", RESULT, "main", "code", 2_000, "msg_1"), 0.0)
    charge.observe(ledger, window, Measurement(23_000, 0, "total-a", 900, tells_output=False), 1.0)
    assert (window.tokens, ledger.session.factors) == (23_000, {})
