"""Starts of agents on one machine, as a process: python spawner.py URL STATE MACHINE SESSION TOKENS.

It prints "ready", and for each line it reads, the name of a lease, whether it got that: "1" or "0".
"""

from __future__ import annotations

import sys
import time

from moai_flow.pool import redis_store, stores
from moai_flow.pool.definition import Pool
from moai_flow.pool.redis_store import RedisPool

# Sixty-four processes share few processors here: what is measured is who gets a lease, not how fast.
redis_store.ANSWER_SECONDS = 30.0


def main() -> None:
    """Ask once for each line."""
    url, state, machine, session, tokens = sys.argv[1:]
    definition = Pool("team", 1_000_000, "week", store=url, when_away="deny")
    store = RedisPool(definition, state, machine)
    store.view(time.time())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        decision = stores.lease(store, definition, state, session, line.strip(), "backend", int(tokens), time.time())
        sys.stdout.write(f"{int(decision.is_allowed)}{'away' if decision.is_away else ''}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
