"""A pool's store by its definition, and the rule for a store that is away."""

from __future__ import annotations

from moai_flow.core.names import safe_name
from moai_flow.hook.state import files
from moai_flow.pool.accounts import LEASE_MILLISECONDS, Away
from moai_flow.pool.definition import ALLOW, PROJECT, Pool
from moai_flow.pool.folder import Folder
from moai_flow.pool.local import LocalPool
from moai_flow.pool.machine import machine_id
from moai_flow.pool.repository import is_project_pool, project_pool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from moai_flow.pool.redis_store import RedisPool

    Store = LocalPool | RedisPool


class Decision:
    """Whether an agent may start.

    Attributes:
        is_allowed: whether it may.
        is_away: whether that is the pool's rule for a store that gives no answer, and not the store's word.
    """

    __slots__ = ("is_allowed", "is_away")

    def __init__(self, *, is_allowed: bool, is_away: bool) -> None:
        self.is_allowed = is_allowed
        self.is_away = is_away


def named(name: str, pools: tuple[Pool, ...], project: str) -> Pool:
    """Return the pool that a session joins: as the settings define it, else one of this machine without a limit.

    Args:
        name: the setting `pool`.
        pools: the setting `pools`.
        project: the project's folder, for the pool "project": each repository has its own.
    """
    return defined(project_pool(project) if name == PROJECT else name, pools)


def defined(name: str, pools: tuple[Pool, ...]) -> Pool:
    """Return a pool by its own name; the pools of repositories are all defined as "project"."""
    kind = PROJECT if is_project_pool(name) else name
    found = next((pool for pool in pools if pool.name == kind), None)
    if found is None or kind == name:
        return found or Pool(name)
    return Pool(name, found.limit, found.per, found.swarms)


def open_store(pool: Pool, state: str, machine: str, environ: Mapping[str, str], utc_offset: int) -> Store:
    """Return the store of a pool.

    Args:
        pool: which.
        state: the state folder.
        machine: this machine's id; a reader needs none.
        environ: the environment, where a server's password may be.
        utc_offset: seconds that the local clock is ahead of UTC.

    Raises:
        StateError: it is in a server, and redis-py is not installed or the address is none.
    """
    if pool.is_local:
        return LocalPool(pool, state, machine, utc_offset)
    # Imported here: redis-py takes longer than a hook may.
    from moai_flow.pool.redis_store import RedisPool  # noqa: PLC0415

    return RedisPool(pool, state, machine, environ)


def lease(
    store: Store, pool: Pool, state: str, session: str, lease_id: str, swarm: str, tokens: int, now: float
) -> Decision:
    """Set tokens aside for an agent that is to start, or let the pool's rule decide while its store is away.

    Args:
        store: the pool's store.
        pool: which.
        state: the state folder.
        session: the session that starts it.
        lease_id: names this start, the same when it is asked again.
        swarm: the agent's swarm.
        tokens: how many to set aside.
        now: seconds since the epoch.
    """
    try:
        return Decision(is_allowed=store.acquire(session, lease_id, swarm, tokens, now), is_away=False)
    except (Away, files.Busy, OSError):
        is_allowed = pool.when_away == ALLOW
    _remember(Folder(state, pool.name), session, lease_id, swarm, tokens if is_allowed else 0, now)
    return Decision(is_allowed=is_allowed, is_away=True)


def _remember(folder: Folder, session: str, lease_id: str, swarm: str, tokens: int, now: float) -> None:
    """Keep what was allowed without the store's word, to be stated with the next publication.

    What was denied is given back then: the request may have arrived, and only its answer been lost.
    """
    expires = int(now * 1000) + LEASE_MILLISECONDS
    try:
        lock = folder.lock()
    except (files.Busy, OSError):
        return
    try:
        member = folder.load(machine_id(folder.state), session)
        if tokens:
            member.hold(lease_id, swarm, tokens, expires)
        else:
            member.end(lease_id, expires)
        folder.save(member)
    except OSError:
        return
    finally:
        files.close(lock)


def lease_name(session: str, call: str) -> str:
    """Return the id of the lease of one start of an agent, from the client's id of the call."""
    return f"{safe_name(session)}:{safe_name(call)}"
