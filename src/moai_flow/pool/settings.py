"""What the layers of settings say of pools, from the weakest to the strongest. Pure.

Any layer may name the session's `pool`. `pools`, which holds limits and addresses, counts in the user's own file and
in the environment: what a project's files say never chooses an address.
"""

from __future__ import annotations

from moai_flow.core import compact_json
from moai_flow.core.names import preview
from moai_flow.pool.definition import Pool, check_name, check_pools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

USER_LAYER = "user config"
ENVIRONMENT_LAYER = "environment"
POOL_VARIABLE = "TOKEN_BUDGET_POOL"
POOLS_VARIABLE = "TOKEN_BUDGET_POOLS"


class PoolSettings:
    """What the settings say of pools.

    Attributes:
        name: the pool that a session joins, "" for none.
        pools: those that are defined.
        problems: a line for each key that is not used, and why.
    """

    __slots__ = ("name", "pools", "problems")

    def __init__(self, layers: Iterable[tuple[str, Mapping[str, Any]]], environ: Mapping[str, str]) -> None:
        self.name = ""
        self.pools: tuple[Pool, ...] = ()
        self.problems: list[str] = []
        for source, section in (*layers, (ENVIRONMENT_LAYER, self._variables(environ))):
            if "pool" in section:
                self._take(source, "pool", section["pool"])
            if "pools" in section:
                if source in (USER_LAYER, ENVIRONMENT_LAYER):
                    self._take(source, "pools", section["pools"])
                else:
                    self.problems.append(f"{source}: pools: only your own settings and the environment count; not used")

    def _variables(self, environ: Mapping[str, str]) -> dict[str, Any]:
        section: dict[str, Any] = {}
        if environ.get(POOL_VARIABLE):
            section["pool"] = environ[POOL_VARIABLE]
        if environ.get(POOLS_VARIABLE):
            try:
                section["pools"] = compact_json.decode(environ[POOLS_VARIABLE])
            except (ValueError, RecursionError):
                self.problems.append(f"{ENVIRONMENT_LAYER}: pools: not JSON; not used")
        return section

    def _take(self, source: str, key: str, value: Any) -> None:
        try:
            if key == "pool":
                self.name = check_name(value)
            else:
                self.pools = check_pools(value)
        except (TypeError, ValueError) as error:
            # An address may hold a password: what was given is shown of a name only.
            given = f", not {preview(value)}" if key == "pool" and not isinstance(value, dict) else ""
            self.problems.append(f"{source}: {key}: {error}{given}; not used")
