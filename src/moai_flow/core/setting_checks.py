"""The keys of the settings: what each may be, and its default. Pure."""

from __future__ import annotations

from moai_flow.core.names import is_swarm_name, safe_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from moai_flow.core.spend.limits import SpendLimit

DEFAULT_TOTAL = 200_000
WARNING_SHARE = 0.75
CRITICAL_SHARE = 0.90
DEFAULT_BUFFER = 10_000
SMALL_BUFFER_SHARE = 20
"""A total below twice the default buffer keeps one token in 20 back, as the guide's 10,000 of 200,000."""

AUTO = "auto"
MAX_TOKENS = 10**12
"""Tokens that anything can name at most: a setting, a call of the library, an event, a transcript. Five orders of
magnitude above the largest window; sums of it stay exact, and can be divided as floats."""

MAX_RULES = 200
MAX_GLOBS = 50
MAX_GLOB_LENGTH = 256
MAX_GLOBS_IN_ALL = 400
"""Globs of all swarms together: every hook may have to try them all."""


class SwarmRule:
    """What the settings say of one swarm.

    Args:
        name: the swarm's name.
        limit: tokens it may use, or None for the default limit.
        agents: globs on a subagent's type.
        paths: globs on the file that a tool of the main window touches, relative to the project.
        reserve: tokens to set aside when an agent starts, or None for what the agents before it used.
        spend: the limit of what it may be billed, or None for none.
    """

    __slots__ = ("agents", "limit", "name", "paths", "reserve", "spend")

    def __init__(
        self,
        name: str,
        limit: int | None = None,
        agents: tuple[str, ...] = (),
        paths: tuple[str, ...] = (),
        reserve: int | None = None,
        spend: SpendLimit | None = None,
    ) -> None:
        self.name = name
        self.limit = limit
        self.agents = agents
        self.paths = paths
        self.reserve = reserve
        self.spend = spend

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SwarmRule):
            return NotImplemented
        return all(getattr(self, field) == getattr(other, field) for field in self.__slots__)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return (
            f"SwarmRule(name={self.name!r}, limit={self.limit!r}, agents={self.agents!r}, paths={self.paths!r}, "
            f"reserve={self.reserve!r}, spend={self.spend!r})"
        )


def _tokens(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("must be a whole number of tokens")
    if not 0 < value <= MAX_TOKENS:
        raise ValueError("must be at least 1 token and at most 1,000,000,000,000")
    return value


def _total(value: Any) -> int | str:
    if value == AUTO:
        return AUTO
    try:
        return _tokens(value)
    except TypeError:
        raise TypeError('must be a whole number of tokens, or "auto" for the size of the window') from None


def _tokens_or_none(value: Any) -> int:
    return 0 if value == 0 and not isinstance(value, bool) else _tokens(value)


def _threshold(value: Any) -> int | float:
    if isinstance(value, float):
        if not 0 < value <= 1:
            raise ValueError("must be a whole number of tokens, or a fraction of the budget between 0 and 1")
        return value
    return _tokens(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("must be true or false")
    return value


class _OneOf:
    """A check that admits a few words."""

    __slots__ = ("words",)

    def __init__(self, *words: str) -> None:
        self.words = words

    def __call__(self, value: Any) -> str:
        if value not in self.words:
            raise ValueError("must be one of " + ", ".join(self.words))
        return str(value)


def _globs(value: Any) -> tuple[str, ...]:
    globs = [value] if isinstance(value, str) else value
    if not isinstance(globs, (list, tuple)) or not all(isinstance(glob, str) for glob in globs):
        raise TypeError("must be a list of globs")
    if len(globs) > MAX_GLOBS or any(len(glob) > MAX_GLOB_LENGTH for glob in globs):
        raise ValueError(f"must be at most {MAX_GLOBS} globs of at most {MAX_GLOB_LENGTH} characters")
    return tuple(globs)


def _spend(value: Any) -> SpendLimit | None:
    if value is None:
        return None
    # Imported here: only for those who set a limit.
    from moai_flow.core.spend.limits import check_limit

    return check_limit(value)


def _spend_weights(value: Any) -> tuple[float, ...] | None:
    if value is None:
        return None
    from moai_flow.core.spend.limits import check_weights

    return check_weights(value)


def _swarms(value: Any) -> tuple[SwarmRule, ...]:
    if isinstance(value, tuple) and all(isinstance(rule, SwarmRule) for rule in value):
        return value
    if not isinstance(value, dict):
        raise TypeError("must be an object of swarms")
    if len(value) > MAX_RULES:
        raise ValueError(f"must name at most {MAX_RULES} swarms")
    rules = []
    for name, rule in value.items():
        if not is_swarm_name(name):
            raise ValueError(f"{safe_name(str(name))}: a swarm's name is 1-64 characters of A-Z a-z 0-9 . _ -")
        if not isinstance(rule, dict):
            raise TypeError(f"{name}: must be an object with limit, agents, paths, reserve, spend")
        unknown = sorted(set(rule) - {"limit", "agents", "paths", "reserve", "spend"})
        if unknown:
            key = safe_name(str(unknown[0]))
            raise ValueError(f"{name}.{key}: unknown key; known are limit, agents, paths, reserve, spend")
        limit, reserve, spend = rule.get("limit"), rule.get("reserve"), rule.get("spend")
        try:
            rules.append(
                SwarmRule(
                    name,
                    None if limit is None else _tokens(limit),
                    _globs(rule.get("agents", ())),
                    _globs(rule.get("paths", ())),
                    None if reserve is None else _tokens_or_none(reserve),
                    None if spend is None else _spend(spend),
                )
            )
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}: {error}") from None
    if sum(len(rule.agents) + len(rule.paths) for rule in rules) > MAX_GLOBS_IN_ALL:
        raise ValueError(f"must have at most {MAX_GLOBS_IN_ALL} globs in all")
    return tuple(rules)


PHASES = ("PLAN", "RUN", "SYNC", "SPEC", "RED", "GREEN", "REFACTOR", "DEBUG", "PLANNING")
"""MoAI-ADK's phases whose budgets can be set."""


def _phase_budgets(value: Any) -> dict[str, int]:
    if not isinstance(value, dict):
        raise TypeError("must be an object of phases and tokens")
    budgets = {}
    for name, tokens in value.items():
        phase = str(name).upper()
        if phase not in PHASES:
            raise ValueError(f"{safe_name(str(name))}: unknown phase; known are {', '.join(PHASES)}")
        try:
            budgets[phase] = _tokens(tokens)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{phase}: {error}") from None
    return budgets


CHECKS: dict[str, Any] = {
    "total_budget": _total,
    "warning_threshold_1": _threshold,
    "warning_threshold_2": _threshold,
    "default_swarm_limit": _tokens,
    "enable_auto_rebalance": _flag,
    "enable_warnings": _flag,
    "reserve_buffer": _tokens_or_none,
    "swarms": _swarms,
    "subagents": _OneOf("isolated", "shared"),
    "notify": _OneOf("both", "person", "model"),
    "tell_agents": _flag,
    "enforce": _OneOf("off", "ask", "deny"),
    "enable_auto_scaling": _flag,
    "event_log": _flag,
    "quiet": _flag,
    "phase_budgets": _phase_budgets,
    "spend": _spend,
    "spend_weights": _spend_weights,
}
"""Every key of `token_budget` and the check of its value: it returns the value or raises."""

# A buffer of None becomes tokens when the total is known.
DEFAULTS: dict[str, Any] = {
    "total_budget": DEFAULT_TOTAL,
    "warning_threshold_1": WARNING_SHARE,
    "warning_threshold_2": CRITICAL_SHARE,
    "default_swarm_limit": 50_000,
    "enable_auto_rebalance": True,
    "enable_warnings": True,
    "reserve_buffer": None,
    "swarms": (),
    "subagents": "isolated",
    "notify": "both",
    "tell_agents": False,
    "enforce": "off",
    "enable_auto_scaling": False,
    "event_log": False,
    "quiet": True,
    "phase_budgets": {},
    "spend": None,
    "spend_weights": None,
}


def parse_text(text: str) -> Any:
    """Return the value that a setting given as text means: a number, true or false, or the text itself."""
    plain = text.strip()
    lowered = plain.lower()
    if lowered in ("true", "false"):
        return lowered == "true"
    for kind in (int, float):
        try:
            return kind(plain.replace(",", "") if kind is int else plain)
        except ValueError:  # noqa: PERF203 - int() and float() say no by raising
            continue
    return plain
