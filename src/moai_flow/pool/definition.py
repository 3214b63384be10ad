"""What a pool is, and what the settings may say of one. Pure.

Two keys of the settings' `token_budget` object belong here. `pool` is a name only, and may stand in any settings,
a project's file too. `pools` holds limits and the addresses of stores: it counts in the user's own settings and in
the environment, and nowhere else, because what a project's files say never chooses an address.
"""

from __future__ import annotations

from moai_flow.core.amounts import read_tokens
from moai_flow.core.names import is_swarm_name, safe_name
from moai_flow.core.setting_checks import MAX_TOKENS
from moai_flow.pool.period import check_per

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PROJECT = "project"
"""The name that stands for the pool of the repository at hand, all its worktrees included."""

LOCAL = "local"
"""How a pool's store is called that is a folder on this machine."""

ALLOW, DENY = "allow", "deny"
DEFAULT_PER = "week"
MAX_POOLS = 100
MAX_SWARMS = 200
MAX_ADDRESS_LENGTH = 512
_SCHEMES = ("redis://", "rediss://", "unix://")
_KEYS = ("limit", "per", "store", "swarms", "when_away")


class Pool:
    """A named budget of spend that sessions join.

    Attributes:
        name: 1-64 characters of `A-Z a-z 0-9 . _ -`.
        limit: tokens of a period, None without a limit: then it is counted and never warned about.
        per: how long a period is: "session" (until `token-budget pool reset`), "day", "week" or hours ("5h").
        swarms: the limits (tokens) of single swarms in it.
        store: "local", or the address of a Redis server.
        when_away: "allow" or "deny": what becomes of an agent's start while the store cannot be reached.
    """

    __slots__ = ("limit", "name", "per", "store", "swarms", "when_away")

    def __init__(
        self,
        name: str,
        limit: int | None = None,
        per: str = DEFAULT_PER,
        swarms: dict[str, int] | None = None,
        store: str = LOCAL,
        when_away: str = ALLOW,
    ) -> None:
        self.name = name
        self.limit = limit
        self.per = per
        self.swarms = swarms or {}
        self.store = store
        self.when_away = when_away

    @property
    def is_local(self) -> bool:
        """Whether the pool is kept on this machine."""
        return self.store == LOCAL

    def limit_of(self, swarm: str) -> int | None:
        """Return the tokens a swarm may use of the pool, None if it has no limit of its own."""
        return self.swarms.get(swarm)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pool):
            return NotImplemented
        return all(getattr(self, field) == getattr(other, field) for field in self.__slots__)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return (
            f"Pool(name={self.name!r}, limit={self.limit!r}, per={self.per!r}, swarms={self.swarms!r}, "
            f"store={public_address(self.store)!r}, when_away={self.when_away!r})"
        )


def check_name(value: Any) -> str:
    """Return the setting `pool`: a pool's name, or "project".

    Raises:
        TypeError, ValueError: it is no name; the message says what it must be.
    """
    if not isinstance(value, str):
        raise TypeError("must be a pool's name")
    if not is_swarm_name(value) or value.startswith("."):
        raise ValueError("must be a pool's name: 1-64 characters of A-Z a-z 0-9 . _ -, not beginning with a dot")
    return value


def check_pools(value: Any) -> tuple[Pool, ...]:
    """Return the setting `pools`: {NAME: {"limit", "per", "store", "swarms", "when_away"}}.

    Amounts are whole numbers of tokens or texts like "20M".

    Raises:
        TypeError, ValueError: something in it is not what it must be; the message names the pool and the key.
    """
    if isinstance(value, tuple) and all(isinstance(pool, Pool) for pool in value):
        return value
    if not isinstance(value, dict):
        raise TypeError("must be an object of pools")
    if len(value) > MAX_POOLS:
        raise ValueError(f"must name at most {MAX_POOLS} pools")
    pools = []
    for name, settings in value.items():
        try:
            pools.append(_pool(check_name(name), settings))
        except (TypeError, ValueError) as error:  # noqa: PERF203 - the message names the pool
            raise type(error)(f"{safe_name(str(name))}: {error}") from None
    return tuple(pools)


def _pool(name: str, settings: Any) -> Pool:
    if not isinstance(settings, dict):
        raise TypeError(f"must be an object with {', '.join(_KEYS)}")
    unknown = sorted(str(key) for key in settings if key not in _KEYS)
    if unknown:
        raise ValueError(f"{safe_name(unknown[0])}: unknown key; known are {', '.join(_KEYS)}")
    limit = settings.get("limit")
    pool = Pool(
        name,
        None if limit is None else _named("limit", _amount, limit),
        _named("per", check_per, settings.get("per", DEFAULT_PER)),
        _named("swarms", _swarms, settings.get("swarms", {})),
        _named("store", _store, settings.get("store", LOCAL)),
        _named("when_away", _when_away, settings.get("when_away", ALLOW)),
    )
    if name == PROJECT and not pool.is_local:
        raise ValueError(
            f'store: the pool "{PROJECT}" is one of this machine; give a pool of several a name of its own'
        )
    return pool


def _named(key: str, check: Any, value: Any) -> Any:
    try:
        return check(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{key}: {error}") from None


def _amount(value: Any) -> int:
    if isinstance(value, str):
        return read_tokens(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError('must be a whole number of tokens, or a text like "20M"')
    if not 0 < value <= MAX_TOKENS:
        raise ValueError(f"must be at least 1 token and at most {MAX_TOKENS:,}")
    return value


def _swarms(value: Any) -> dict[str, int]:
    if not isinstance(value, dict):
        raise TypeError("must be an object of swarms")
    if len(value) > MAX_SWARMS:
        raise ValueError(f"must name at most {MAX_SWARMS} swarms")
    limits = {}
    for swarm, rule in value.items():
        if not is_swarm_name(swarm):
            raise ValueError(f"{safe_name(str(swarm))}: a swarm's name is 1-64 characters of A-Z a-z 0-9 . _ -")
        if not isinstance(rule, dict) or set(rule) != {"limit"}:
            raise TypeError(f'{swarm}: must be an object with "limit"')
        limits[swarm] = _named(f"{swarm}.limit", _amount, rule["limit"])
    return limits


def _store(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f'must be "{LOCAL}" or an address like redis://host:6379/0')
    if value == LOCAL:
        return LOCAL
    is_plain = value.isascii() and value.isprintable() and " " not in value
    if not value.startswith(_SCHEMES) or not is_plain or len(value) > MAX_ADDRESS_LENGTH:
        raise ValueError(f'must be "{LOCAL}" or an address like redis://host:6379/0 (rediss:// with TLS)')
    return value


def _when_away(value: Any) -> str:
    if value not in (ALLOW, DENY):
        raise ValueError(f'must be "{ALLOW}" or "{DENY}"')
    return str(value)


def public_address(store: str) -> str:
    """Return a store's address as it may be shown: without user, password and options."""
    scheme, found, rest = store.partition("://")
    if not found:
        return store
    return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"
