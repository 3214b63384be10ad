"""The budget's settings: what each key may be, its default, and how layers of settings are merged.

Pure: files, environment and the session's window size are read elsewhere and handed in.
"""

from __future__ import annotations

from moai_flow.resource.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

DEFAULT_TOTAL = 200_000
WARNING_SHARE = 0.75
CRITICAL_SHARE = 0.90
DEFAULT_BUFFER = 10_000
SMALL_BUFFER_SHARE = 20
"""A total below twice the default buffer keeps one token in 20 back, as the guide's 10,000 of 200,000."""

AUTO = "auto"
NAME_LENGTH = 64
NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
MOST_TOKENS = 10**12
MOST_RULES = 200
MOST_GLOBS = 50
MOST_GLOB_LENGTH = 256
MOST_SHOWN = 40


def is_swarm_name(name: object) -> bool:
    """Return whether `name` may stand in messages and files: 1-64 of `A-Z a-z 0-9 . _ -`."""
    return isinstance(name, str) and 0 < len(name) <= NAME_LENGTH and NAME_CHARACTERS.issuperset(name)


def safe_name(name: str) -> str:
    """Return `name` with every character a swarm name cannot have replaced by `-`, 64 at most."""
    safe = "".join([c if c in NAME_CHARACTERS else "-" for c in name[:NAME_LENGTH]])
    return safe or "-"


class SwarmRule:
    """What the settings say of one swarm.

    Args:
        name: the swarm's name.
        limit: tokens it may use, or None for the default limit.
        agents: globs on a subagent's type.
        paths: globs on the file that a tool of the main window touches, relative to the project.
        reserve: tokens to set aside when an agent starts, or None for what the agents before it used.
    """

    __slots__ = ("agents", "limit", "name", "paths", "reserve")

    def __init__(
        self,
        name: str,
        limit: int | None = None,
        agents: tuple[str, ...] = (),
        paths: tuple[str, ...] = (),
        reserve: int | None = None,
    ) -> None:
        self.name = name
        self.limit = limit
        self.agents = agents
        self.paths = paths
        self.reserve = reserve

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SwarmRule):
            return NotImplemented
        return all(getattr(self, field) == getattr(other, field) for field in self.__slots__)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return (
            f"SwarmRule(name={self.name!r}, limit={self.limit!r}, agents={self.agents!r}, paths={self.paths!r}, "
            f"reserve={self.reserve!r})"
        )


def _tokens(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("must be a whole number of tokens")
    if not 0 < value <= MOST_TOKENS:
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
    if len(globs) > MOST_GLOBS or any(len(glob) > MOST_GLOB_LENGTH for glob in globs):
        raise ValueError(f"must be at most {MOST_GLOBS} globs of at most {MOST_GLOB_LENGTH} characters")
    return tuple(globs)


def _swarms(value: Any) -> tuple[SwarmRule, ...]:
    if isinstance(value, tuple) and all(isinstance(rule, SwarmRule) for rule in value):
        return value
    if not isinstance(value, dict):
        raise TypeError("must be an object of swarms")
    if len(value) > MOST_RULES:
        raise ValueError(f"must name at most {MOST_RULES} swarms")
    rules = []
    for name, rule in value.items():
        if not is_swarm_name(name):
            raise ValueError(f"{safe_name(str(name))}: a swarm's name is 1-64 characters of A-Z a-z 0-9 . _ -")
        if not isinstance(rule, dict):
            raise TypeError(f"{name}: must be an object with limit, agents, paths, reserve")
        unknown = sorted(set(rule) - {"limit", "agents", "paths", "reserve"})
        if unknown:
            key = safe_name(str(unknown[0]))
            raise ValueError(f"{name}.{key}: unknown key; known are limit, agents, paths, reserve")
        limit, reserve = rule.get("limit"), rule.get("reserve")
        try:
            rules.append(
                SwarmRule(
                    name,
                    None if limit is None else _tokens(limit),
                    _globs(rule.get("agents", ())),
                    _globs(rule.get("paths", ())),
                    None if reserve is None else _tokens_or_none(reserve),
                )
            )
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}: {error}") from None
    return tuple(rules)


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
}


class BudgetConfig:
    """The settings of a budget; immutable by convention.

    The thresholds' defaults are fractions (75% and 90%), so that they follow another `total_budget`; with the
    default of 200,000 tokens they are the guide's 150,000 and 180,000.

    Args:
        total_budget: tokens of the whole budget, or "auto" for the size of the session's window.
        warning_threshold_1: tokens (or a fraction of the budget) at which the first warning is due.
        warning_threshold_2: tokens (or a fraction of the budget) from which `/clear` is recommended.
        default_swarm_limit: tokens of a swarm for which nobody named a limit.
        enable_auto_rebalance: whether swarms with the default limit give up what they do not use.
        enable_warnings: whether anything is said at all.
        reserve_buffer: tokens kept for `consume(critical=True)`: 10,000, or a twentieth of a total below 20,000.
        swarms: rules for single swarms (`SwarmRule`s, or the settings' object).
        subagents: "isolated" (windows of their own) or "shared" (one pool with the main window).
        notify: who is told: "both", "person" or "model".
        tell_agents: whether a subagent is told its allocation when it starts.
        enforce: "off", "ask" or "deny": whether new subagents of a spent swarm are stopped.
        enable_auto_scaling: whether a swarm near its limit borrows what others do not use.
        event_log: whether notices and settlements are appended to a log file.

    Attributes:
        auto: whether the total is the window's size.
        pool: tokens that may be promised to swarms: the total without the reserve buffer.

    Raises:
        ConfigError: a value is of the wrong type or out of range; the message names the key and the value.
    """

    __slots__ = (*CHECKS, "auto", "pool")

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
        auto: bool
        pool: int

    def __init__(self, **settings: Any) -> None:
        for key in settings:
            if key not in CHECKS:
                raise ConfigError(f"{key}: unknown key; known are {', '.join(CHECKS)}")
        values = dict(DEFAULTS)
        for key, value in settings.items():
            try:
                values[key] = CHECKS[key](value)
            except (TypeError, ValueError) as error:  # noqa: PERF203 - each key is judged by itself
                raise ConfigError(f"{key}: {error}, not {shown(value)}") from None
        problem = _resolve(values, None)
        if problem:
            raise ConfigError(problem)
        self._fill(values)

    def _fill(self, values: dict[str, Any]) -> None:
        for key, value in values.items():
            setattr(self, key, value)
        self.pool = self.total_budget - self.reserve_buffer

    @classmethod
    def merged(
        cls, layers: Iterable[tuple[str, Mapping[str, Any]]], window_size: int | None = None
    ) -> tuple[BudgetConfig, list[str]]:
        """Return the settings that `layers` make together, and one line for every key that cannot be used.

        A bad key costs that key only: what the layers below it say stays in force.

        Args:
            layers: (source, settings) from the weakest to the strongest; the source is named in the lines.
            window_size: tokens of the session's window, for a budget of "auto"; None while unknown.
        """
        values = dict(DEFAULTS)
        problems = []
        for source, settings in layers:
            for key, value in settings.items():
                check = CHECKS.get(key)
                if check is None:
                    problems.append(f"{source}: {safe_name(key)}: unknown key")
                    continue
                try:
                    values[key] = check(value)
                except (TypeError, ValueError) as error:
                    problems.append(f"{source}: {key}: {error}, not {shown(value)}; not used")
        problem = _resolve(values, window_size)
        if problem:
            problems.append(f"{problem}; defaults used")
            for key in ("warning_threshold_1", "warning_threshold_2", "reserve_buffer"):
                values[key] = DEFAULTS[key]
            _resolve(values, window_size)
        config = cls.__new__(cls)
        config._fill(values)  # noqa: SLF001 - of this very class
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
            }
            for rule in self.swarms
        }
        return values

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BudgetConfig):
            return NotImplemented
        return all(getattr(self, field) == getattr(other, field) for field in self.__slots__)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, field) for field in self.__slots__))

    def __repr__(self) -> str:
        return f"BudgetConfig({', '.join(f'{key}={getattr(self, key)!r}' for key in CHECKS)})"


def shown(value: object) -> str:
    """Return a value as messages show it: short, printable, one line."""
    text = ascii(value)
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 3] + "..."


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
