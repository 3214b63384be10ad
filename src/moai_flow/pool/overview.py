"""A pool as the JSON that commands print."""

from __future__ import annotations

from moai_flow.core.names import safe_name
from moai_flow.pool.definition import public_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from moai_flow.pool.accounts import Accounts, Publication
    from moai_flow.pool.definition import Pool


def of(pool: Pool, accounts: Accounts, publications: Iterable[Publication]) -> dict[str, Any]:
    """Return a pool's figures.

    Keys: pool, limit, per, consumed, leased, available (tokens; limit and available are None without a limit),
    swarms {id: limit, consumed, leased}, sessions [{session_id, machine, consumed, seen}] (seconds since the epoch,
    the last seen first), store ("local", or the server's address without secrets).
    """
    consumed, leased = accounts.consumed, accounts.leased
    total, held = sum(consumed.values()), sum(leased.values())
    swarms = {
        safe_name(swarm): {
            "limit": pool.limit_of(swarm),
            "consumed": consumed.get(swarm, 0),
            "leased": leased.get(swarm, 0),
        }
        for swarm in sorted({*pool.swarms, *consumed, *leased})
    }
    sessions = [
        {
            "session_id": safe_name(publication.session),
            "machine": safe_name(publication.machine),
            "consumed": sum(publication.figures.values()),
            "seen": publication.seen / 1000,
        }
        for publication in sorted(publications, key=_latest_first)
    ]
    return {
        "pool": pool.name,
        "limit": pool.limit,
        "per": pool.per,
        "consumed": total,
        "leased": held,
        "available": None if pool.limit is None else max(0, pool.limit - total - held),
        "swarms": swarms,
        "sessions": sessions,
        "store": public_address(pool.store),
    }


def _latest_first(publication: Publication) -> tuple[int, str]:
    return -publication.seen, publication.member
