"""Dividing whole tokens: exact shares of an amount, and limits that fit into a pool."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def apportion(amount: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Return `amount` tokens divided in proportion to `weights`; the parts add up to it exactly.

    Largest remainder method; equal remainders go by name, so that the same input gives the same parts in any
    order. Weights of 0 throughout divide nothing: every part is 0.
    """
    total = sum(weights.values())
    if total <= 0:
        return dict.fromkeys(weights, 0)
    parts = {name: amount * weight // total for name, weight in weights.items()}
    missing = amount - sum(parts.values())
    if missing:
        by_remainder = sorted(weights, key=lambda name: (-(amount * weights[name] % total), name))
        for name in by_remainder[:missing]:
            parts[name] += 1
    return parts


def fit(
    pool: int, floors: Mapping[str, int], weights: Mapping[str, int], caps: Mapping[str, int]
) -> dict[str, int] | None:
    """Return limits that add up to at most `pool` tokens, or None when the floors alone are above it.

    Each swarm gets its floor; what is left is divided in proportion to `weights`, no swarm above its cap (a
    swarm without a cap may take all).
    """
    left = pool - sum(floors.values())
    if left < 0:
        return None
    limits = dict(floors)
    open_names = {name for name in floors if limits[name] < caps.get(name, pool + 1)}
    while left > 0 and open_names:
        parts = apportion(left, {name: max(1, weights.get(name, 1)) for name in open_names})
        full = set()
        for name, part in parts.items():
            taken = min(part, caps.get(name, pool) - limits[name]) if name in caps else part
            limits[name] += taken
            left -= taken
            if name in caps and limits[name] >= caps[name]:
                full.add(name)
        if not full:
            break
        open_names -= full
    return limits
