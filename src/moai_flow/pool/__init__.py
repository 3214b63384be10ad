"""Pools: one budget of spend over many sessions, worktrees and machines.

Each session *publishes* absolute figures, so writing twice, late or out of order changes nothing; a pool's
consumption is their sum. Only *leases* (tokens set aside before an agent starts) and resets need agreement, and
get it in one step of the store. `docs/pools.md` has the drawing.

`definition`, `period`, `membership`, `accounts` and `thresholds` are pure; `folder` and `local` keep a pool on one
machine, `redis_store` between machines.
"""

from __future__ import annotations
