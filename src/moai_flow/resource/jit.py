"""Budgets for MoAI-ADK's phases beside those of the swarms, and its JIT Context Loader behind them.

The loader is optional. Version 0.41.2 is the last one under the MIT license; this is enough for it:

    pip install --no-deps moai-adk==0.41.2 psutil

Whatever has a `token_count` and a `phase` can be charged, so nothing here depends on the loader's own classes.
"""

from __future__ import annotations

import threading
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from moai_flow.core.arguments import check_swarm_id, check_tokens
from moai_flow.core.phases import PHASE_BUDGETS, SPEC, phase_of
from moai_flow.resource.forking import renew_after_fork

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from moai_flow.resource.token_budget import TokenBudget

__all__ = ["PHASE_BUDGETS", "LoadMetrics", "NoLoader", "PhaseBudget", "get_loader", "is_available"]

INSTALL = "pip install --no-deps moai-adk==0.41.2 psutil"
_LOADER = "moai_adk.core.jit_context_loader"


class Metrics(Protocol):
    """What is known of a load: at least these two. `cache_hit`, if there, says that it was loaded before."""

    @property
    def token_count(self) -> int:
        """Tokens of what was loaded."""

    @property
    def phase(self) -> Any:
        """The phase it was loaded for, by its name in any case, or an enum member of that name."""


class Loader(Protocol):
    """A context loader: MoAI-ADK's `JITContextLoader`, or one that is called in the same way."""

    async def load_context(
        self, user_input: str, conversation_history: list[str], context: dict[str, Any]
    ) -> tuple[dict[str, Any], Metrics]:
        """Return what to put into the conversation, and its metrics."""


class LoadMetrics(NamedTuple):
    """The metrics of a load: its tokens, its phase, and whether the cache had it."""

    token_count: int
    phase: str
    cache_hit: bool = False


class NoLoader:
    """Stands in where MoAI-ADK is not installed: it loads nothing, and tells the phase from the command."""

    def __init__(self) -> None:
        self._phase = SPEC

    async def load_context(
        self,
        user_input: str,
        conversation_history: Sequence[str] | None = None,  # noqa: ARG002 - the loader's signature
        context: Mapping[str, Any] | None = None,  # noqa: ARG002 - the same
    ) -> tuple[dict[str, Any], LoadMetrics]:
        """Return an empty context of 0 tokens in the phase that the command begins, else in the last one."""
        self._phase = phase_of(user_input) or self._phase
        return {}, LoadMetrics(0, self._phase)


def is_available() -> bool:
    """Return whether MoAI-ADK's loader can be imported."""
    return _loader_class() is not None


def get_loader() -> Any:
    """Return a new `JITContextLoader`; where MoAI-ADK is missing, warn how to install it and return a `NoLoader`."""
    loader = _loader_class()
    if loader is None:
        warnings.warn(
            f"MoAI-ADK's context loader is not installed ({INSTALL}): nothing is loaded, budgets work as ever",
            RuntimeWarning,
            stacklevel=2,
        )
        return NoLoader()
    return loader()


def _loader_class() -> Any:
    from importlib import import_module

    try:
        return import_module(_LOADER).JITContextLoader
    except (ImportError, AttributeError):
        return None


class PhaseBudget:
    """Phase budgets for the swarms of a `TokenBudget`. Thread-safe.

    Each swarm is in one phase at a time. A phase's budget begins anew whenever the swarm enters it; the swarm's own
    budget does not.

    Args:
        budget: the swarms' budget; a load is charged to both.
        phase_budgets: tokens of each phase, by its name in any case, where they differ from MoAI-ADK's
            (`PHASE_BUDGETS`); others can be added.

    Raises:
        TypeError, ValueError: a phase's budget is not a whole number of tokens above 0.
    """

    def __init__(self, budget: TokenBudget, phase_budgets: Mapping[str, int] | None = None) -> None:
        self._budget = budget
        self._limits = dict(PHASE_BUDGETS)
        for name, tokens in (phase_budgets or {}).items():
            self._limits[phase_name(name)] = check_tokens(tokens, f"phase_budgets[{name!r}]", least=1)
        self._swarms: dict[str, _Stay] = {}
        self.renew_lock()
        renew_after_fork(self)

    def renew_lock(self) -> None:
        """Make the lock anew, in the child of a fork."""
        self._lock = threading.Lock()

    def __reduce__(self) -> str:
        """Refuse to be pickled.

        Raises:
            TypeError: always.
        """
        raise TypeError("a PhaseBudget cannot be pickled: phases are counted in one process; pickle its TokenBudget")

    def consume(self, swarm_id: str, metrics: Metrics, *, source: object = None) -> bool:
        """Charge a load to a swarm and to its phase, all or nothing.

        A cache hit is charged to the swarm that has not loaded the same before, and to none twice: it is in that
        swarm's window already.

        Args:
            swarm_id: who loaded.
            metrics: the load's metrics.
            source: what was loaded (anything hashable), to tell loads apart; None: by phase and token count.

        Returns:
            False, with nothing charged, if the swarm is unknown, or it or the phase has fewer tokens left.

        Raises:
            TypeError, ValueError: an argument is not what it should be; nothing has changed.
        """
        check_swarm_id(swarm_id)
        tokens = check_tokens(metrics.token_count, "metrics.token_count")
        phase = phase_name(metrics.phase)
        identity = (phase, tokens) if source is None else (phase, source)
        with self._lock:
            stay = self._stay(swarm_id)
            if stay is None:
                return False
            if getattr(metrics, "cache_hit", False) and identity in stay.loaded:
                tokens = 0
            used = stay.used if stay.phase == phase else 0
            if used + tokens > self._limit(phase) or not self._budget.consume(swarm_id, tokens):
                return False
            stay.phase, stay.used = phase, used + tokens
            stay.loaded.add(identity)
            self._swarms[swarm_id] = stay
            return True

    async def load(
        self,
        swarm_id: str,
        loader: Loader,
        user_input: str,
        conversation_history: Sequence[str] = (),
        context: Mapping[str, Any] | None = None,
    ) -> tuple[dict[str, Any] | None, Metrics]:
        """Load context and charge it.

        Args:
            swarm_id: who loads.
            loader: MoAI-ADK's, or what `get_loader` returns.
            user_input: the prompt.
            conversation_history: the last messages.
            context: what the loader may fill in, such as `{"spec_id": "SPEC-001"}`.

        Returns:
            The context and its metrics; None in place of the context if it does not fit into the swarm's or
            the phase's budget: then nothing was charged, and it should not be used.

        Raises:
            TypeError, ValueError: the swarm's name or the loader's metrics are not what they should be.
        """
        check_swarm_id(swarm_id)
        given = dict(context or {})
        data, metrics = await loader.load_context(user_input, list(conversation_history), given)
        fits = self.consume(swarm_id, metrics, source=(user_input, tuple(sorted(given))))
        return (data if fits else None), metrics

    def get_status(self, swarm_id: str) -> dict[str, Any] | None:
        """Return the phase that a swarm is in: name, budget, consumed, available (tokens), usage_percent (0-100).

        None if the swarm is unknown or has loaded nothing since it was last reset.
        """
        check_swarm_id(swarm_id)
        with self._lock:
            stay = self._stay(swarm_id)
        if stay is None or not stay.phase:
            return None
        budget = self._limit(stay.phase)
        return {
            "name": stay.phase,
            "budget": budget,
            "consumed": stay.used,
            "available": budget - stay.used,
            "usage_percent": stay.used * 100.0 / budget,
        }

    def _limit(self, phase: str) -> int:
        return self._limits.get(phase, self._limits[SPEC])

    def _stay(self, swarm_id: str) -> _Stay | None:
        """Return what a swarm has loaded; a new record if it was reset since: its window is empty then."""
        count = self._budget._count_of(swarm_id)  # noqa: SLF001 - of the same package
        if count is None:
            return None
        stay = self._swarms.get(swarm_id)
        return stay if stay is not None and stay.count == count else _Stay(count)


class _Stay:
    """What one swarm has loaded since it was last reset: its phase, tokens in it, and which loads those were.

    `count` tells one stay from the next: when the swarm was allocated, and how often it was reset.
    """

    __slots__ = ("count", "loaded", "phase", "used")

    def __init__(self, count: tuple[float, int]) -> None:
        self.count = count
        self.phase = ""
        self.used = 0
        self.loaded: set[object] = set()


def phase_name(phase: Any) -> str:
    """Return a phase's name in capitals, from a string or an enum member.

    Raises:
        TypeError: it is neither.
    """
    name = phase if isinstance(phase, str) else getattr(phase, "name", None)
    if not isinstance(name, str) or not name:
        raise TypeError(f"phase must be a name or an enum member, not {phase!r}")
    return name.upper()
