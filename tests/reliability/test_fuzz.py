"""Payloads made up at random: no exception, a valid reply or none, and the invariants of the ledger hold."""

from __future__ import annotations

import sys

import fuzz
import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the hooks of Windows are other ones")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_made_up_payload_goes_wrong(seed: int) -> None:
    """A thousand of each seed; the long check takes a hundred thousand of new ones."""
    assert fuzz.main(1_000, seed) == 0
