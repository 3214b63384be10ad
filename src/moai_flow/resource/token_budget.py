"""`TokenBudget`: the library's face, with every method of the guide."""

from __future__ import annotations

import os
from time import time
from typing import TYPE_CHECKING, Any, Protocol

from moai_flow.core import allocations, notices, scaling
from moai_flow.core.arguments import check_new_swarm_id, check_swarm_id, check_tokens
from moai_flow.core.config import BudgetConfig
from moai_flow.core.ledger import Ledger
from moai_flow.core.names import is_swarm_name, preview
from moai_flow.core.status import global_status
from moai_flow.resource.forking import held_lock
from moai_flow.resource.settings import load_config
from moai_flow.resource.state_file import StateFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from moai_flow.core.swarm import Swarm
    from moai_flow.resource.state_file import Result

    Counted = tuple[str, str, int]
    """What is counted: "consume", "consume_reserved", "record", "reserve" or "release"; the swarm; tokens."""

DEFAULT_CONFIG_PATH = ".moai/config/config.json"


class SharedState(Protocol):
    """Where a budget is that several processes share; safe for threads."""

    def read(self) -> Ledger:
        """Return the ledger as it is now, without waiting for those that change it.

        Raises:
            StateError: it cannot be read.
        """

    def change(self, operation: Callable[[Ledger], Result], counted: Counted | None = None, /) -> Result:
        """Apply `operation` to the ledger and store what it became; return what it returned.

        `counted` says the same where the operation does no more than count: a server can do that by itself.

        Raises:
            StateError: it cannot be read or stored, and is as it was before.
        """


class TokenBudget:
    """Token allocations of several swarms under one global budget. Thread-safe.

    A budget in memory is one process's own: a forked child goes on with a copy. A budget with a state can be pickled
    and sent to other processes, which then share it.

    Args:
        config_path: a MoAI configuration file with a `token_budget` object; None for the project's
            `.moai/config/config.json` below the current folder. A missing file means defaults.
        config: the settings themselves, in place of a file.
        state_path: a file in which the budget persists and that processes share (the guide's
            `.swarm/token_budget.json`); None keeps it in memory.
        state_url: in place of a file, a Redis or Valkey server (redis://HOST:PORT/DB, rediss:// with TLS) that
            processes on many machines share.
        state_key: the name of the budget's state there, 1-64 characters of `A-Z a-z 0-9 . _ -`.

    Raises:
        ConfigError: the configuration is malformed; the message names file, key and reason.
        StateError: the state file cannot be read, or the server gives no answer.
        TypeError: an argument is not what it should be.
    """

    def __init__(
        self,
        config_path: str | os.PathLike[str] | None = None,
        *,
        config: BudgetConfig | None = None,
        state_path: str | os.PathLike[str] | None = None,
        state_url: str | None = None,
        state_key: str = "default",
    ) -> None:
        if config is None:
            config = load_config(DEFAULT_CONFIG_PATH if config_path is None else _path(config_path, "config_path"))
        elif config_path is not None:
            raise TypeError("config_path and config cannot both be given")
        elif not isinstance(config, BudgetConfig):
            raise TypeError(f"config must be a BudgetConfig, not {preview(config)}")
        self.config = config
        # Over the ledger in memory; a shared state has locks of its own.
        self._lock = held_lock()
        self._ledger = Ledger(config)
        self._state: SharedState | None = None
        self._origin: dict[str, Any] = {}
        if state_url is not None:
            if state_path is not None:
                raise TypeError("state_path and state_url cannot both be given")
            self._state = _server_state(state_url, state_key, config)
            self._origin = {"state_url": state_url, "state_key": state_key}
        elif state_path is not None:
            file = StateFile(_path(state_path, "state_path"), config)
            self._state, self._origin = file, {"state_path": file.path}
        # Whether `consume` is a matter of the ledger alone.
        self._is_plain = self._state is None and not config.enable_auto_scaling
        if self._state is not None:
            self._state.read()

    def __reduce__(self) -> tuple[Callable[..., TokenBudget], tuple[BudgetConfig, dict[str, Any]]]:
        """Return how another process makes a budget on the same state.

        Raises:
            TypeError: the budget is in memory.
        """
        if self._state is None:
            raise TypeError(
                "a TokenBudget in memory cannot be pickled: each process would count for itself; "
                "give it a state_path that the processes share"
            )
        return _reopened, (self.config, self._origin)

    def _change(self, operation: Callable[[Ledger], Result], counted: Counted | None = None) -> Result:
        def change(ledger: Ledger) -> Result:
            result = operation(ledger)
            if result is not False:
                _count_crossings(ledger)
            return result

        if self._state is not None:
            return self._state.change(change, None if self.config.enable_auto_scaling else counted)
        with self._lock:
            return change(self._ledger)

    def _view(self, question: Callable[[Ledger], Result]) -> Result:
        if self._state is not None:
            return question(self._state.read())
        with self._lock:
            return question(self._ledger)

    # -- allocations -----------------------------------------------------------------------------------------

    def allocate_swarm(self, swarm_id: str, token_limit: int | None = None) -> bool:
        """Allocate tokens to a new swarm.

        Args:
            swarm_id: its name, 1-64 characters of `A-Z a-z 0-9 . _ -`.
            token_limit: tokens it may use, a promise that is never cut; None for the default limit, which
                gives way to other swarms down to what is used.

        Returns:
            False if the swarm exists or the limit does not fit into total - reserve buffer - other limits.

        Raises:
            TypeError, ValueError: an argument is not what it should be; nothing has changed.
        """
        check_new_swarm_id(swarm_id)
        if token_limit is not None:
            check_tokens(token_limit, "token_limit", least=1)
        return self._change(lambda ledger: allocations.allocate(ledger, swarm_id, token_limit, time()))

    def resize_swarm(self, swarm_id: str, token_limit: int) -> bool:
        """Give a swarm another limit (tokens), as a promise.

        Returns:
            False if the swarm is unknown, the limit is below what it has consumed and reserved, or does not fit.

        Raises:
            TypeError, ValueError: an argument is not what it should be; nothing has changed.
        """
        check_swarm_id(swarm_id)
        check_tokens(token_limit, "token_limit", least=1)
        return self._change(lambda ledger: _rearmed(ledger, allocations.resize(ledger, swarm_id, token_limit, time())))

    def deallocate_swarm(self, swarm_id: str) -> bool:
        """Remove a swarm with its limit and its consumption; return False if it is unknown."""
        check_swarm_id(swarm_id)
        return self._change(lambda ledger: ledger.deallocate(swarm_id, time()))

    def rebalance(self) -> dict[str, int]:
        """Give every swarm a new limit and return the limits, in tokens.

        No swarm gets less than it is guaranteed, has used and reserved. Half of the rest of total - reserve buffer is
        divided equally, half by recent use. If more than that is already used, the limits stay as they are.
        """
        return self._change(_rebalance)

    # -- consumption -----------------------------------------------------------------------------------------

    def consume(self, swarm_id: str, tokens: int, *, from_reservation: bool = False, critical: bool = False) -> bool:
        """Count tokens if they are allowed: all or nothing.

        Args:
            swarm_id: who consumes.
            tokens: how many, 0 or more.
            from_reservation: spend what the swarm reserved before, in one step.
            critical: the reserve buffer may be used too.

        Returns:
            False, with nothing changed, if the swarm is unknown, has fewer tokens left (or reserved), or if
            the total would be passed.

        Raises:
            TypeError, ValueError: an argument is not what it should be; nothing has changed.
        """
        if type(tokens) is not int or tokens < 0:
            check_tokens(tokens)
        if self._is_plain:
            with self._lock:
                ledger = self._ledger
                if not ledger.consume(swarm_id, tokens, time(), from_reservation=from_reservation, critical=critical):
                    return False
                swarm = ledger.swarms[swarm_id]
                if swarm.consumed > swarm.allocated >> 1:
                    _count_crossing(ledger, swarm)
                return True
        counted = None if critical else ("consume_reserved" if from_reservation else "consume", swarm_id, tokens)
        return self._change(
            lambda ledger: _consume(ledger, swarm_id, tokens, from_reservation=from_reservation, critical=critical),
            counted,
        )

    def record(self, swarm_id: str, tokens: int) -> bool:
        """Count tokens that are already spent, past the limit too; return False if the swarm is unknown.

        Raises:
            TypeError, ValueError: `tokens` is not a whole number of 0 or more; nothing has changed.
        """
        check_swarm_id(swarm_id)
        check_tokens(tokens)
        counted = ("record", swarm_id, tokens)
        return self._change(lambda ledger: _scaled(ledger, ledger.record(swarm_id, tokens, time())), counted)

    def reset(self, swarm_id: str) -> bool:
        """Start a swarm again at 0, for example after `/clear`; its limit stays. False if it is unknown."""
        check_swarm_id(swarm_id)
        return self._change(lambda ledger: ledger.reset(swarm_id, time()))

    # -- reservations ----------------------------------------------------------------------------------------

    def reserve(self, swarm_id: str, tokens: int) -> bool:
        """Set tokens aside for planned operations; False if the swarm is unknown or has fewer left.

        Raises:
            TypeError, ValueError: `tokens` is not a whole number of 0 or more; nothing has changed.
        """
        check_swarm_id(swarm_id)
        check_tokens(tokens)
        return self._change(lambda ledger: ledger.reserve(swarm_id, tokens, time()), ("reserve", swarm_id, tokens))

    def release_reservation(self, swarm_id: str, tokens: int) -> bool:
        """Give reserved tokens back, at most what is reserved; False if the swarm is unknown.

        Raises:
            TypeError, ValueError: `tokens` is not a whole number of 0 or more; nothing has changed.
        """
        check_swarm_id(swarm_id)
        check_tokens(tokens)
        return self._change(lambda ledger: ledger.release(swarm_id, tokens, time()), ("release", swarm_id, tokens))

    # -- reading ---------------------------------------------------------------------------------------------

    def get_balance(self, swarm_id: str) -> int:
        """Return the tokens a swarm has left (allocated - consumed - reserved, never below 0); -1 if unknown."""
        return self._figure(swarm_id, lambda swarm: swarm.available, -1)

    def get_usage_percent(self, swarm_id: str) -> float:
        """Return a swarm's consumption in percent of its limit (above 100 when past it); -1.0 if unknown."""
        return self._figure(swarm_id, lambda swarm: swarm.usage_percent, -1.0)

    def should_warn(self, swarm_id: str) -> tuple[bool, str | None]:
        """Return whether a swarm is past a threshold (75% WARNING, 90% CRITICAL) and the sentence that says so.

        `(False, None)` for an unknown swarm, below the thresholds, and with `enable_warnings` off. Asking changes
        nothing: `warnings_issued` counts the crossings of a threshold, each when it happens.
        """
        sentence = self._figure(swarm_id, _warning, None)
        return (True, sentence) if sentence and self.config.enable_warnings else (False, None)

    def should_warn_global(self) -> tuple[bool, str | None]:
        """Return whether the whole budget is past a threshold and the sentence that says so.

        `(False, None)` below the thresholds and with `enable_warnings` off.
        """
        return self._view(_global_warning)

    def get_global_status(self) -> dict[str, Any]:
        """Return the status of the whole budget.

        Keys: total_budget, total_consumed, isolated_consumed, total_allocated, total_available (tokens),
        global_usage_percent (0-100), warn_level (normal, warning, critical), active_swarms, swarms (by id) and
        thresholds (warning_1, warning_2; tokens). Times are seconds since the epoch.
        """
        return self._view(global_status)

    def get_history(self, swarm_id: str | None = None) -> list[dict[str, Any]]:
        """Return the last 50 entries, oldest first, of all swarms or of one.

        Each has `timestamp` (seconds since the epoch), `swarm_id`, `action` and `tokens`.
        """
        if swarm_id is not None:
            check_swarm_id(swarm_id)
        return [
            {"timestamp": at, "swarm_id": name, "action": action, "tokens": tokens}
            for at, name, action, tokens in self._view(_history)
            if swarm_id is None or name == swarm_id
        ]

    def _figure(self, swarm_id: str, figure: Callable[[Swarm], Result], unknown: Result) -> Result:
        """Return what `figure` says of a swarm as it is now, `unknown` if there is no such swarm."""
        check_swarm_id(swarm_id)

        def question(ledger: Ledger) -> Result:
            swarm = ledger.swarms.get(swarm_id)
            return unknown if swarm is None else figure(swarm)

        return self._view(question)

    def _count_of(self, swarm_id: str) -> tuple[float, int] | None:
        """Return what tells one count of a swarm from the next, which a reset begins; None if it is unknown."""
        return self._figure(swarm_id, lambda swarm: (swarm.created_at, swarm.resets), None)


def _path(path: Any, name: str) -> str:
    try:
        return os.fsdecode(path)
    except TypeError:
        raise TypeError(f"{name} must be a path, not {preview(path)}") from None


def _server_state(url: Any, key: Any, config: BudgetConfig) -> SharedState:
    if not isinstance(url, str):
        raise TypeError(f"state_url must be an address, not {preview(url)}")
    if not is_swarm_name(key):
        raise ValueError(f"state_key must be 1-64 characters of A-Z a-z 0-9 . _ -, not {preview(key)}")
    # Imported here: who shares nothing between machines needs no client of a server.
    from moai_flow.resource.redis_state import RedisState

    return RedisState(url, key, config, clock=_now)


def _now() -> float:
    return time()


def _rebalance(ledger: Ledger) -> dict[str, int]:
    limits = allocations.rebalance(ledger, time())
    notices.rearm_swarms(ledger)
    return limits


def _consume(ledger: Ledger, swarm_id: str, tokens: int, *, from_reservation: bool, critical: bool) -> bool:
    now = time()
    if ledger.consume(swarm_id, tokens, now, from_reservation=from_reservation):
        return _scaled(ledger, True)  # noqa: FBT003 - it was allowed
    borrows = ledger.config.enable_auto_scaling and not from_reservation
    if borrows and scaling.make_room(ledger, swarm_id, tokens, now):
        return ledger.consume(swarm_id, tokens, now)
    if not critical:
        return False
    return ledger.consume(swarm_id, tokens, now, from_reservation=from_reservation, critical=True)


def _scaled(ledger: Ledger, changed: bool) -> bool:  # noqa: FBT001 - the outcome is passed through
    if changed and ledger.config.enable_auto_scaling:
        scaling.scale(ledger, time())
    return changed


def _rearmed(ledger: Ledger, changed: bool) -> bool:  # noqa: FBT001 - the outcome is passed through
    if changed:
        notices.rearm_swarms(ledger)
    return changed


def _count_crossings(ledger: Ledger) -> None:
    """Count a warning for each level that a swarm has crossed upwards since the last change."""
    for swarm in ledger.swarms.values():
        _count_crossing(ledger, swarm)


def _count_crossing(ledger: Ledger, swarm: Swarm) -> None:
    level = notices.swarm_level(swarm)
    if level > swarm.notified_person and ledger.config.enable_warnings:
        swarm.notified_person = level
        swarm.warnings_issued += 1


def _warning(swarm: Swarm) -> str | None:
    level = notices.swarm_level(swarm)
    return None if level == notices.NORMAL else notices.swarm_sentence(swarm, level)


def _global_warning(ledger: Ledger) -> tuple[bool, str | None]:
    level = notices.global_level(ledger)
    if level == notices.NORMAL or not ledger.config.enable_warnings:
        return False, None
    return True, notices.global_sentence(ledger, level)


def _history(ledger: Ledger) -> list[tuple[float, str, str, int]]:
    return ledger.history


def _reopened(config: BudgetConfig, origin: dict[str, Any]) -> TokenBudget:
    return TokenBudget(config=config, **origin)
