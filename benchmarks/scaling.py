"""Auto-scaling against fixed limits: what is refused or overdrawn over made-up sessions with uneven swarms.

Each session is a list of (swarm, tokens) turns. It is played twice against the same budget, with fixed limits and with
auto-scaling, in both ways tokens arrive: asked for (`consume`: what does not fit is refused) and spent already
(`record`: what does not fit is overdrawn, counted at the end). With --plot FILE the limits of one session are drawn
over time (needs the `bench` extra).
"""

from __future__ import annotations

import argparse
import random

from running import options, tell

from moai_flow.core import allocations
from moai_flow.core.ledger import Ledger
from moai_flow.core.scaling import make_room, scale
from moai_flow.resource import BudgetConfig

Turns = list[tuple[str, int]]
SWARMS = ("backend", "frontend", "database", "research")
PROMISED = {"research": 30_000}
"""The swarm with a custom limit, which must keep it."""


def made_up(seed: int) -> Turns:
    """Return a session in which one swarm does most of the work, later perhaps another, and all do some."""
    chance = random.Random(seed)  # noqa: S311 - sessions, not secrets
    total = chance.randint(120_000, 165_000)
    shares = {name: chance.uniform(0.02, 0.1) for name in SWARMS}
    busy = chance.sample(SWARMS[:3], 2)
    shares[busy[0]] = chance.uniform(1.0, 2.0)
    shares[busy[1]] = chance.uniform(0.05, 0.6)
    turns: Turns = []
    left = {name: int(total * share / sum(shares.values())) for name, share in shares.items()}
    left["research"] = min(left["research"], PROMISED["research"])
    while any(left.values()):
        name = chance.choices(list(left), [*left.values()])[0]
        tokens = min(left[name], chance.randint(300, 6_000))
        left[name] -= tokens
        turns.append((name, tokens))
    return turns


def ledger_of(*, scales: bool) -> Ledger:
    """Return a ledger in which all swarms are allocated."""
    ledger = Ledger(BudgetConfig(enable_auto_scaling=scales))
    for name in SWARMS:
        assert allocations.allocate(ledger, name, PROMISED.get(name), 0.0)
    return ledger


def check(ledger: Ledger) -> None:
    """Check what must hold at every moment."""
    assert ledger.total_allocated == sum(swarm.allocated for swarm in ledger.swarms.values()) <= ledger.config.pool
    assert all(ledger.swarms[name].allocated >= limit for name, limit in PROMISED.items())


def refused(turns: Turns, *, scales: bool) -> int:
    """Return the tokens that were asked for and refused."""
    ledger = ledger_of(scales=scales)
    lost = 0
    for now, (name, tokens) in enumerate(turns, start=1):
        allowed = ledger.consume(name, tokens, now)
        if not allowed and scales and make_room(ledger, name, tokens, now):
            allowed = ledger.consume(name, tokens, now)
        if scales and allowed:
            scale(ledger, now)
        lost += 0 if allowed else tokens
        check(ledger)
        assert ledger.total_consumed <= ledger.config.pool
    return lost


def overdrawn(turns: Turns, *, scales: bool, limits: list[dict[str, int]] | None = None) -> int:
    """Return the tokens that swarms are past their limits at the end."""
    ledger = ledger_of(scales=scales)
    for now, (name, tokens) in enumerate(turns, start=1):
        ledger.record(name, tokens, now)
        if scales:
            scale(ledger, now)
        check(ledger)
        if limits is not None:
            limits.append({name: swarm.allocated for name, swarm in ledger.swarms.items()})
    return sum(max(0, swarm.consumed - swarm.allocated) for swarm in ledger.swarms.values())


def plot(turns: Turns, path: str) -> None:
    """Draw what each swarm consumed and its limit, turn by turn."""
    from matplotlib import pyplot as plt  # noqa: PLC0415 - only whoever wants the picture needs it

    limits: list[dict[str, int]] = []
    overdrawn(turns, scales=True, limits=limits)
    consumed = dict.fromkeys(SWARMS, 0)
    used = []
    for name, tokens in turns:
        consumed[name] += tokens
        used.append(dict(consumed))
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for name in SWARMS:
        (line,) = axes.plot([row[name] for row in used], label=name)
        axes.plot([row[name] for row in limits], color=line.get_color(), linestyle="--", linewidth=1)
    axes.set(xlabel="turns", ylabel="tokens", title="consumed, and (dashed) the limit under auto-scaling")
    axes.legend()
    axes.grid(visible=True, alpha=0.3)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Play all sessions both ways."""
    more = argparse.ArgumentParser(add_help=False)
    more.add_argument("--plot", metavar="FILE", help="draw one session into a picture")
    arguments = options(__doc__, 200, more)
    sessions = [made_up(seed) for seed in range(arguments.rounds)]
    rows = []
    for word, play in (("refused", refused), ("overdrawn", overdrawn)):
        fixed = sum(play(turns, scales=False) for turns in sessions)
        scaled = sum(play(turns, scales=True) for turns in sessions)
        print(f"{word}: fixed limits {fixed:,}, auto-scaling {scaled:,} tokens, {1 - scaled / fixed:.1%} less")
        rows.append((f"tokens {word} with auto-scaling / with fixed limits", scaled / fixed, 0.2))
    tell(__file__, rows, arguments)
    if arguments.plot:
        plot(max(sessions, key=lambda turns: overdrawn(turns, scales=False)), arguments.plot)


if __name__ == "__main__":
    main()
