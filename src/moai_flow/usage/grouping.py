"""Sums of usage by session, window, agent, swarm, model, prompt, day or project. Pure."""

from __future__ import annotations

from moai_flow.core.swarm import MAIN
from moai_flow.usage.classes import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from moai_flow.usage.tally import Entry

UNKNOWN = "unknown"
"""The key of what no record tells."""


def _agent(entry: Entry) -> str:
    return entry.agent or MAIN


def _window(entry: Entry) -> str:
    return entry.agent or entry.session


KINDS: dict[str, Callable[[Entry], str]] = {
    "session": lambda entry: entry.session,
    "window": _window,
    "agent": _agent,
    "model": lambda entry: entry.model,
    "prompt": lambda entry: entry.prompt,
    "project": lambda entry: entry.project,
}
"""What sums can be keyed by as the entries stand; a day and a swarm depend on the clock's zone and the settings."""


def total(entries: Iterable[Entry]) -> Usage:
    """Return the sum of all."""
    found = Usage()
    for entry in entries:
        found.add(entry.usage)
    return found


def group(entries: Iterable[Entry], key: Callable[[Entry], str], *, in_order: bool = False) -> dict[str, Usage]:
    """Return the sums by a key, one of `KINDS` or a function of its own: the largest first, or by their names."""
    found: dict[str, Usage] = {}
    for entry in entries:
        name = key(entry) or UNKNOWN
        if name not in found:
            found[name] = Usage()
        found[name].add(entry.usage)
    return dict(sorted(found.items(), key=lambda item: item[0] if in_order else (-item[1].total, item[0])))
