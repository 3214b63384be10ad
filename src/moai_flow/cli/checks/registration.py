"""Who runs the hooks: settings files of every scope, and the plugin."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from moai_flow.cli import ledgers
from moai_flow.cli.checks.finding import BROKEN, OK, WARNING, Finding
from moai_flow.cli.client import entry_points, environment, registration
from moai_flow.cli.client.command_line import words_of
from moai_flow.cli.client.settings_file import SettingsFile
from moai_flow.core.errors import TokenBudgetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CHECK = "registration"
_LATELY_SECONDS = 3600


def registered(environ: Mapping[str, str], project: str) -> Iterator[Finding]:
    """Tell where the hooks are registered, whether they can start, and what keeps them from running."""
    scopes = {path: scope for scope, path in environment.settings_files(environ, project).items()}
    read: dict[str, dict[str, Any]] = {}
    yield from _read(list(scopes), read)
    files = [path for path, settings in read.items() if registration.hooks_in(settings)]
    plugins = {plugin: path for path, settings in read.items() for plugin in registration.plugins_in(settings)}
    for path, settings in read.items():
        if settings.get("disableAllHooks") is True:
            yield Finding(CHECK, BROKEN, f"disableAllHooks in {path} keeps every hook from running", "Remove it.")
    for path in list(files):
        if plugins and {place.event for place in registration.hooks_in(read[path])} == {entry_points.ENFORCING}:
            files.remove(path)
            yield Finding(CHECK, OK, f"{path} adds the hook for enforcement to the plugin's")
            continue
        yield from _one(path, scopes[path], registration.hooks_in(read[path]))
    for plugin, path in plugins.items():
        yield Finding(CHECK, OK, f"the plugin {plugin} is enabled in {path}")
    places = [*files, *plugins]
    if len(places) > 1:
        ways = [f"`token-budget uninstall --scope {scopes[path]}`" for path in files]
        ways += [f"`claude plugin disable {plugin}`" for plugin in plugins]
        text = f"each hook runs {len(places)} times: {', '.join(places)}"
        yield Finding(CHECK, WARNING, text, f"Keep one: {', or '.join(ways)}.")
    if not places:
        text = "the hooks are in no settings file, and no settings file enables the plugin"
        if _was_metered_lately():
            text += "; a session was metered within the hour all the same"
            yield Finding(CHECK, WARNING, text, "With `claude --plugin-dir` all is well.")
        else:
            yield Finding(CHECK, BROKEN, text, "`token-budget install`, or install the plugin.")


def _read(paths: list[str], into: dict[str, dict[str, Any]]) -> Iterator[Finding]:
    """Read the settings files, and tell of those that cannot be read."""
    for path in paths:
        try:
            into[path] = SettingsFile(path).document.read()
        except TokenBudgetError as error:
            advice = "Claude Code leaves the whole file unread; correct that line."
            yield Finding(CHECK, BROKEN, str(error).partition("; correct")[0], advice)


def _was_metered_lately() -> bool:
    """Return whether a hook has run: a plugin given on the command line is in no settings."""
    try:
        latest = ledgers.listed(ledgers.state_folder())[0].last_event
    except (TokenBudgetError, IndexError):
        return False
    return time.time() - latest < _LATELY_SECONDS


def _one(path: str, scope: str, places: list[registration.Place]) -> Iterator[Finding]:
    """Check the registration in one file: complete, once, and leading to what is there."""
    again = f"`token-budget install --scope {scope}` puts it right."
    events = [place.event for place in places]
    missing = [event for event in entry_points.EVENTS if event not in events]
    if missing:
        yield Finding(CHECK, BROKEN, f"{path} lacks the hooks of {', '.join(missing)}", again)
    twice = sorted({event for event in events if events.count(event) > 1})
    if twice:
        yield Finding(CHECK, WARNING, f"{path} runs the hook twice at {', '.join(twice)}", again)
    commands = {tuple(words_of(place.hook)) for place in places}
    problems = [problem for words in sorted(commands) if (problem := _problem(list(words)))]
    for problem in problems:
        yield Finding(CHECK, BROKEN, f"{path}: {problem}, so no hook starts", again)
    if missing or twice or problems:
        return
    others = "; ".join(
        sorted({_shown(words_of(place.hook), place.event) for place in places if not _is_current(place)})
    )
    if others:
        yield Finding(CHECK, WARNING, f"{path} runs another installation: {others}", again)
    else:
        command = _shown(entry_points.command(events[0]), events[0])
        yield Finding(CHECK, OK, f"{path} ({scope}) runs {command}")


def _is_current(place: registration.Place) -> bool:
    return words_of(place.hook) == entry_points.command(place.event)


def _shown(command: Sequence[str], event: str) -> str:
    """Return a command line as a person reads it: without what only starts the launcher, the same at each event."""
    start = 3 if list(command[1:3]) == ["-c", entry_points.IF_PRESENT] else 0
    return " ".join(word for word in command[start:] if word != event)


def _problem(command: list[str]) -> str:
    """Return what is wrong with a command line, "" if it can start."""
    for number, word in enumerate(command):
        if os.path.isabs(word) and not os.path.isfile(word):
            return f"{word} is not there"
        if number == 0 and os.path.isabs(word) and not os.access(word, os.X_OK):
            return f"{word} may not be executed"
    return ""
