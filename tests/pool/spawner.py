"""One start of an agent on one machine, as a process: python spawner.py URL STATE MACHINE SESSION LEASE TOKENS.

It prints "ready", waits for a line, asks for the lease, and prints 1 or 0.
"""

from __future__ import annotations

import sys
import time

from moai_flow.pool import stores
from moai_flow.pool.definition import Pool
from moai_flow.pool.redis_store import RedisPool


def main() -> None:
    """Ask once."""
    url, state, machine, session, lease, tokens = sys.argv[1:]
    definition = Pool("team", 1_000_000, "week", store=url, when_away="deny")
    store = RedisPool(definition, state, machine)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    decision = stores.lease(store, definition, state, session, lease, "backend", int(tokens), time.time())
    sys.stdout.write(f"{int(decision.is_allowed)}{'a' if decision.is_away else ''}\n")


if __name__ == "__main__":
    main()
