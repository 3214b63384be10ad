"""This package's hooks in a settings file of the client: found, written, taken away. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from moai_flow.cli.client.command_line import runs, words_of
from moai_flow.cli.client.entry_points import ENFORCING, EVENTS
from moai_flow.cli.client.environment import PLUGIN
from moai_flow.core.errors import TokenBudgetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from moai_flow.cli.client.jsontext import Document

TIMEOUT_SECONDS = 10

_HOOK_ENDS = ("/moai_flow/entry/hook.py", "/hooks/hook.py")


class Place(NamedTuple):
    """One hook in the settings: its event, the number of its group, its number there, and the hook itself."""

    event: str
    group: int
    number: int
    hook: dict[str, Any]

    @property
    def path(self) -> tuple[str | int, ...]:
        """Where it stands in the document."""
        return ("hooks", self.event, self.group, "hooks", self.number)


def hook_of(command: list[str]) -> dict[str, Any]:
    """Return the hook that runs a command line without a shell."""
    return {"type": "command", "command": command[0], "args": command[1:], "timeout": TIMEOUT_SECONDS}


def hooks_in(settings: dict[str, Any]) -> list[Place]:
    """Return this package's hooks in the settings."""
    places = []
    hooks = settings.get("hooks")
    for event, groups in hooks.items() if isinstance(hooks, dict) else ():
        for group_number, group in enumerate(groups if isinstance(groups, list) else ()):
            inside = group.get("hooks") if isinstance(group, dict) else None
            places += [
                Place(event, group_number, number, hook)
                for number, hook in enumerate(inside if isinstance(inside, list) else ())
                if runs(words_of(hook), "hook", _HOOK_ENDS)
            ]
    return places


def plugins_in(settings: dict[str, Any]) -> list[str]:
    """Return the names under which the settings enable this package's plugin."""
    enabled = settings.get("enabledPlugins")
    if not isinstance(enabled, dict):
        return []
    return [name for name, is_on in enabled.items() if is_on and name.partition("@")[0] == PLUGIN]


def register(document: Document, hook: Callable[[str], list[str]], *, enforce: bool = False) -> None:
    """Write the hooks, or bring those there are up to date.

    Args:
        document: the settings.
        hook: the command line of an event's hook.
        enforce: whether to register the hook that stops agents too; one that is there already stays.

    Raises:
        TokenBudgetError: the settings have something else where hooks belong; nothing is changed.
    """
    is_enforcing = enforce or any(place.event == ENFORCING for place in hooks_in(document.read()))
    _register_hooks(document, hook, (*EVENTS, ENFORCING) if is_enforcing else EVENTS)


def register_enforcing(document: Document, hook: Callable[[str], list[str]]) -> None:
    """Write the hook that stops agents alone: the plugin has the others.

    Raises:
        TokenBudgetError: the settings have something else where hooks belong; nothing is changed.
    """
    _register_hooks(document, hook, (ENFORCING,))


def _register_hooks(document: Document, hook: Callable[[str], list[str]], events: tuple[str, ...]) -> None:
    """Write one hook for each of the events, bring those there are up to date, and take those at others away."""
    settings = document.read()
    _check(settings)
    wanted = {event: hook_of(hook(event)) for event in events}
    places = hooks_in(settings)
    for place in reversed(places):
        is_first = all(place.event != other.event for other in places[: places.index(place)])
        if place.event not in events or not is_first:
            _remove_hook(document, place)
            continue
        program = {key: value for key, value in wanted[place.event].items() if key != "timeout"}
        if {key: place.hook.get(key) for key in program} != program:
            document.replace(place.path, {**place.hook, **program})
    if "hooks" not in document.read():
        document.add((), "hooks", {})
    found = {place.event for place in places}
    for event in events:
        if event in found:
            continue
        group = {"hooks": [wanted[event]]}
        if event in document.read()["hooks"]:
            document.add(("hooks", event), None, group)
        else:
            document.add(("hooks",), event, [group])


def unregister(document: Document) -> bool:
    """Take the hooks away, with what is empty then; return whether there were any."""
    places = hooks_in(document.read())
    for place in reversed(places):
        _remove_hook(document, place)
    return bool(places)


def _remove_hook(document: Document, place: Place) -> None:
    """Remove a hook, and its group, its event and `hooks` itself where nothing else is in them."""
    path = place.path
    document.remove(path)
    settings = document.read()
    groups = settings["hooks"][place.event]
    group = groups[place.group]
    if group["hooks"]:
        return
    for depth, is_empty in ((3, True), (2, len(groups) == 1), (1, len(settings["hooks"]) == 1)):
        if not is_empty:
            return
        document.remove(path[:depth])


def without_empty(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings without hooks that are empty: to compare what was there before with what is left."""
    hooks = settings.get("hooks")
    if not isinstance(hooks, dict):
        return settings
    kept = {event: groups for event, groups in hooks.items() if groups != []}
    return {key: kept if key == "hooks" else value for key, value in settings.items() if key != "hooks" or kept}


def _check(settings: dict[str, Any]) -> None:
    hooks = settings.get("hooks", {})
    if not isinstance(hooks, dict):
        raise TokenBudgetError("hooks: must be an object; correct it first, nothing was changed")
    for event in (*EVENTS, ENFORCING):
        if not isinstance(hooks.get(event, []), list):
            raise TokenBudgetError(f"hooks.{event}: must be a list; correct it first, nothing was changed")
