"""The settings of the budget for `token-budget config`: each with its source, and changed in their files."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from moai_flow.cli.client import environment
from moai_flow.cli.client.settings_file import SettingsFile
from moai_flow.core.amounts import read_tokens
from moai_flow.core.config import OF_POOLS, BudgetConfig
from moai_flow.core.errors import ConfigError, TokenBudgetError
from moai_flow.core.setting_checks import CHECKS, parse_text
from moai_flow.core.settings_file import SECTION

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT = "default"
_RULE_KEYS = ("limit", "agents", "paths", "reserve", "spend")
_DOTTED = 3


class Setting(NamedTuple):
    """One setting that is in force: its key, its value as JSON has it, and where the value comes from."""

    key: str
    value: Any
    source: str


def in_force(environ: Mapping[str, str], project: str) -> tuple[list[Setting], list[str]]:
    """Return every setting with its source, and a line for each that cannot be used.

    Args:
        environ: the terminal's environment.
        project: the project's folder.
    """
    from moai_flow.hook.state import settings

    seen = environment.as_hooks_see_it(environ, project)
    layers, problems = settings.read_layers(seen, sys.platform, project)
    config, unusable = BudgetConfig.merged(layers)
    values = config.to_dict()
    sources = dict.fromkeys(CHECKS, DEFAULT)
    for source, section in layers:
        for key in CHECKS:
            if key in section and not BudgetConfig.merged([(source, {key: section[key]})])[1]:
                sources[key] = _source(source, section, key, environ)
    return [Setting(key, values[key], sources[key]) for key in CHECKS], problems + unusable


def _source(source: str, section: Mapping[str, Any], key: str, environ: Mapping[str, str]) -> str:
    place = getattr(section, "place", None)
    if place is not None:
        return str(place(key))
    if source != "environment":
        return source
    variable = f"TOKEN_BUDGET_{key.upper()}"
    return variable if variable in environ else f"{variable} in Claude Code's settings"


def file_for(environ: Mapping[str, str], project: str, *, of_project: bool) -> str:
    """Return the settings file that a change goes to.

    Raises:
        TokenBudgetError: there is none, or the project's is a link, which hooks do not follow.
    """
    from moai_flow.hook.state import paths, settings

    if not of_project:
        path = paths.config_file(environ, sys.platform)
        if not path:
            raise TokenBudgetError("no settings file: HOME names no home folder")
        return path
    path = project + settings.PROJECT_FILE
    if os.path.realpath(path) != os.path.join(os.path.realpath(project), settings.PROJECT_FILE[1:]):
        raise TokenBudgetError(f"{path}: leads through a link, which the hooks do not follow in a project")
    return path


def value_of(key: str, text: str) -> Any:
    """Return the value that a text means for a key: 200K, 0.75, true, a word; lists are separated by commas.

    Raises:
        TokenBudgetError: the key or the value cannot be used; in the words of the hooks.
    """
    part = key.rpartition(".")[2]
    if key.startswith("swarms.") and part in ("agents", "paths"):
        return [word.strip() for word in text.split(",") if word.strip()]
    if key == "swarms" or text.lstrip().startswith(("{", "[")):
        try:
            return json.loads(text)
        except ValueError as error:
            raise TokenBudgetError(f"{key}: not JSON ({error})") from error
    value = parse_text(text)
    if isinstance(value, str):
        try:
            return read_tokens(text)
        except ValueError:
            return value
    return value


def change(path: str, key: str, value: Any) -> None:
    """Set a key in a settings file, or remove it where the value is None. Everything else keeps its bytes.

    Args:
        path: the file; made where it is missing.
        key: a setting, or `swarms.NAME.limit` and the like.
        value: the value as JSON has it.

    Raises:
        TokenBudgetError: the key or value cannot be used, or the file cannot be read or written; nothing is changed.
    """
    names = _names(key)
    file = SettingsFile(path)
    places = [SECTION, *names]
    document = file.document.read()
    if value is None:
        if not _holds(document, places):
            raise TokenBudgetError(f"{path}: {key} is not set there")
        file.document.remove(tuple(places))
    else:
        _put(file, document, places, value)
    section = file.document.read().get(SECTION, {})
    if not isinstance(section, dict):
        raise TokenBudgetError(f"{path}: {SECTION}: must be an object; correct it first, nothing was changed")
    top = {names[0]: section[names[0]]} if names[0] in section else {}
    try:
        BudgetConfig(**top)
    except ConfigError as error:
        raise TokenBudgetError(str(error)) from error
    data = file.changed
    if data is not None:
        file.write(data)


def _names(key: str) -> list[str]:
    names = key.split(".")
    if names[0] in OF_POOLS:
        raise TokenBudgetError(
            f"{names[0]}: is written into the file itself (`token-budget config edit`; docs/pools.md)"
        )
    if names[0] not in CHECKS:
        # The settings' own words, with what was probably meant.
        BudgetConfig(**{names[0]: None})
    is_rule = names[0] == "swarms" and len(names) == _DOTTED and names[2] in _RULE_KEYS
    if len(names) > 1 and not is_rule:
        raise TokenBudgetError(f"{key}: must be a setting, or swarms.NAME.KEY with one of {', '.join(_RULE_KEYS)}")
    return names


def _holds(document: Any, places: list[str]) -> bool:
    for name in places:
        if not isinstance(document, dict) or name not in document:
            return False
        document = document[name]
    return True


def _put(file: SettingsFile, document: Any, places: list[str], value: Any) -> None:
    """Put a value where some nested keys lead, and make the objects that are missing on the way."""
    for depth, name in enumerate(places):
        if not isinstance(document, dict):
            raise TokenBudgetError(
                f"{file.path}: {'.'.join(places[:depth])}: must be an object; correct it first, nothing was changed"
            )
        if name not in document:
            for missing in reversed(places[depth + 1 :]):
                value = {missing: value}
            file.document.add(tuple(places[:depth]), name, value)
            return
        document = document[name]
    file.document.replace(tuple(places), value)
