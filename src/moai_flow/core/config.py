"""The budget's settings: what each key may be, its default, and how layers of settings are merged.

Pure: files, environment and the session's window size are read elsewhere and handed in.
"""

from __future__ import annotations

from moai_flow.core.errors import ConfigError
from moai_flow.core.names import preview, safe_name
from moai_flow.core.setting_checks import (
    AUTO,
    CHECKS,
    DEFAULT_BUFFER,
    DEFAULT_TOTAL,
    DEFAULTS,
    SMALL_BUFFER_SHARE,
    SwarmRule,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from moai_flow.core.spend.limits import SpendLimit


class BudgetConfig:
    """The settings of a budget; immutable by convention.

    The thresholds' defaults are fractions (75% and 90%), so that they follow another `total_budget`; with the
    default of 200,000 tokens they are the guide's 150,000 and 180,000.

    Args:
        total_budget: tokens of the whole budget, or "auto" for the size of the session's window.
        warning_threshold_1: tokens (or a fraction of the budget) at which the first warning is due.
        warning_threshold_2: tokens (or a fraction of the budget) from which `/clear` is recommended.
        default_swarm_limit: tokens of a swarm without a limit of its own.
        enable_auto_rebalance: whether swarms with the default limit give up what they do not use.
        enable_warnings: whether anything is said at all.
        reserve_buffer: tokens kept for `consume(critical=True)`: 10,000, or a twentieth of a total below 20,000.
        swarms: rules for single swarms (`SwarmRule`s, or the settings' object).
        subagents: "isolated" (windows of their own) or "shared" (one pool with the main window).
        notify: who receives notices: "both", "person" or "model".
        tell_agents: whether a subagent receives its allocation when it starts.
        enforce: "off", "ask" or "deny": whether new subagents of a spent swarm are stopped.
        enable_auto_scaling: whether a swarm near its limit borrows what others do not use.
        event_log: whether notices and settlements are appended to a log file.
        quiet: whether the session goes on before a hook has answered, while it is far from every threshold.
        phase_budgets: tokens of MoAI-ADK's phases, in place of its own (`{"run": 180000}`).
        spend: the limit of what all swarms together may be billed (a `SpendLimit`, or the settings' object), or None.
        spend_weights: weights of the classes of tokens for limits that count "weighted", or None for the default ones.

    Attributes:
        auto: whether the total is the window's size.
        given: the settings that were given, as they were given; the others are defaults.
        pool: tokens that may be promised to swarms: the total without the reserve buffer.

    Raises:
        ConfigError: a value is of the wrong type or out of range; the message names the key and the value.
    """

    __slots__ = (*CHECKS, "auto", "given", "pool")

    if TYPE_CHECKING:
        total_budget: int
        warning_threshold_1: int
        warning_threshold_2: int
        default_swarm_limit: int
        enable_auto_rebalance: bool
        enable_warnings: bool
        reserve_buffer: int
        swarms: tuple[SwarmRule, ...]
        subagents: str
        notify: str
        tell_agents: bool
        enforce: str
        enable_auto_scaling: bool
        event_log: bool
        quiet: bool
        phase_budgets: dict[str, int]
        spend: SpendLimit | None
        spend_weights: tuple[float, ...] | None
        auto: bool
        given: dict[str, Any]
        pool: int

    def __init__(self, **settings: Any) -> None:
        settings = {key: value for key, value in settings.items() if key not in OF_POOLS}
        for key in settings:
            if key not in CHECKS:
                raise ConfigError(f"{key}: {_unknown(key)}")
        given = {}
        for key, value in settings.items():
            try:
                given[key] = CHECKS[key](value)
            except (TypeError, ValueError) as error:  # noqa: PERF203 - each key is judged by itself
                raise ConfigError(f"{key}: {error}, not {preview(value)}") from None
        values = {**DEFAULTS, **given}
        problem = _resolve(values, None)
        if problem:
            raise ConfigError(problem)
        self._fill(values, given)

    def _fill(self, values: dict[str, Any], given: dict[str, Any]) -> None:
        for key, value in values.items():
            setattr(self, key, value)
        self.given = given
        self.pool = self.total_budget - self.reserve_buffer

    @classmethod
    def merged(
        cls, layers: Iterable[tuple[str, Mapping[str, Any]]], window_size: int | None = None
    ) -> tuple[BudgetConfig, list[str]]:
        """Return a session's settings that `layers` make together, and one line for every key that cannot be used.

        A bad key costs that key only: what the layers below it say stays in force. A session's budget follows the
        size of its window unless `total_budget` is given.

        Args:
            layers: (source, settings) from the weakest to the strongest; the source is named in the lines.
            window_size: tokens of the session's window; None while unknown.
        """
        given: dict[str, Any] = {}
        problems = []
        for source, settings in layers:
            for key, value in settings.items():
                if key in OF_POOLS:
                    continue
                check = CHECKS.get(key)
                if check is None:
                    problems.append(f"{_place(source, settings, key)}{safe_name(key)}: {_unknown(key)}")
                    continue
                try:
                    given[key] = check(value)
                except (TypeError, ValueError) as error:
                    problems.append(_problem(source, settings, key, str(error)))
        values = {**DEFAULTS, "total_budget": AUTO, **given}
        problem = _resolve(values, window_size)
        if problem:
            problems.append(f"{problem}; defaults used")
            for key in ("warning_threshold_1", "warning_threshold_2", "reserve_buffer"):
                values[key] = DEFAULTS[key]
                given.pop(key, None)
            _resolve(values, window_size)
        config = cls.__new__(cls)
        config._fill(values, given)  # noqa: SLF001 - of this very class
        return config, problems

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as the `token_budget` object of a settings file."""
        values = {key: getattr(self, key) for key in CHECKS}
        values["total_budget"] = AUTO if self.auto else self.total_budget
        values["swarms"] = {
            rule.name: {
                "limit": rule.limit,
                "agents": list(rule.agents),
                "paths": list(rule.paths),
                "reserve": rule.reserve,
                "spend": rule.spend.as_dict() if rule.spend is not None else None,
            }
            for rule in self.swarms
        }
        if self.spend is not None:
            values["spend"] = self.spend.as_dict()
        if self.spend_weights is not None:
            from moai_flow.core.spend.limits import CLASSES

            values["spend_weights"] = dict(zip(CLASSES, self.spend_weights, strict=True))
        return values

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BudgetConfig):
            return NotImplemented
        return all(getattr(self, field) == getattr(other, field) for field in _COMPARED)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        return f"BudgetConfig({', '.join(f'{key}={getattr(self, key)!r}' for key in CHECKS)})"


OF_POOLS = frozenset({"pool", "pools"})
"""Keys of the same object that `moai_flow.pool.settings` reads and checks."""

_COMPARED = (*CHECKS, "auto")
"""What makes two settings equal, whether it was given or is a default."""


def _unknown(key: str) -> str:
    # Imported here: only a mistake needs it.
    from moai_flow.core.suggestion import nearest

    near = nearest(key, CHECKS)
    return f"unknown key; did you mean {near}?" if near else "unknown key; `token-budget config` shows all"


def _problem(source: str, settings: Mapping[str, Any], key: str, reason: str) -> str:
    """Return the line for a value that cannot be used."""
    value = settings[key]
    name = reason.partition(":")[0].partition(".")[0]
    if key == "swarms" and isinstance(value, dict) and name in value:
        return f"{_place(source, settings, key, name)}{key}.{reason}"
    return f"{_place(source, settings, key)}{key}: {reason}, not {preview(value)}"


def _place(source: str, settings: Mapping[str, Any], *keys: str) -> str:
    """Return how a line about a key begins: with file, line and section, or with the source that has no lines."""
    place = getattr(settings, "place", None)
    return f"{place(*keys)}: token_budget." if place is not None else f"{source}: "


def _resolve(values: dict[str, Any], window_size: int | None) -> str:
    """Turn "auto" and fractions into tokens; return what does not fit together, or ""."""
    if "auto" not in values:
        values["auto"] = values["total_budget"] == AUTO
        if values["auto"]:
            values["total_budget"] = window_size or DEFAULT_TOTAL
    total = values["total_budget"]
    for key in ("warning_threshold_1", "warning_threshold_2"):
        if isinstance(values[key], float):
            values[key] = max(1, round(total * values[key]))
    if values["reserve_buffer"] is None:
        values["reserve_buffer"] = DEFAULT_BUFFER if total >= 2 * DEFAULT_BUFFER else total // SMALL_BUFFER_SHARE
    first, second = values["warning_threshold_1"], values["warning_threshold_2"]
    if first > second:
        return f"warning_threshold_1: {first:,} is above warning_threshold_2 ({second:,})"
    if values["reserve_buffer"] >= total:
        return f"reserve_buffer: {values['reserve_buffer']:,} leaves nothing of total_budget ({total:,})"
    return ""
