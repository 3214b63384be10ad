"""The environment as the hooks see it: what the client's settings add to the terminal's.

The client hands its hooks the `env` of its settings files, and a plugin's options as `CLAUDE_PLUGIN_OPTION_<KEY>`.
A command in a terminal gets neither; without them it would show another budget than the hooks keep.

A project's settings come with a clone, and a command that is typed there has asked for nothing: they may change the
budget, and never name a folder, a program or an interpreter.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from moai_flow.core.setting_checks import CHECKS

if TYPE_CHECKING:
    from collections.abc import Mapping

PLUGIN = "token-budget"
_OURS = "TOKEN_BUDGET_"
_OF_THE_BUDGET = frozenset(_OURS + key.upper() for key in CHECKS)
"""Variables that a project may set."""

_MAX_BYTES = 1 << 20


def claude_folder(environ: Mapping[str, str]) -> str:
    """Return the folder of the client's user settings."""
    return environ.get("CLAUDE_CONFIG_DIR") or os.path.join(os.path.expanduser("~"), ".claude")


def settings_files(environ: Mapping[str, str], project: str) -> dict[str, str]:
    """Return the client's settings files by scope, from the weakest to the strongest.

    In the home folder the project's file is the user's: it is listed once, as the user's.
    """
    user = os.path.join(claude_folder(environ), "settings.json")
    inside = os.path.join(project, ".claude")
    files = {
        "user": user,
        "project": os.path.join(inside, "settings.json"),
        "local": os.path.join(inside, "settings.local.json"),
    }
    if os.path.realpath(files["project"]) == os.path.realpath(user):
        del files["project"]
    return files


def settings_file(environ: Mapping[str, str], project: str, scope: str) -> str:
    """Return the client's settings file of a scope."""
    files = settings_files(environ, project)
    return files.get(scope, files["user"])


def as_hooks_see_it(environ: Mapping[str, str], project: str) -> dict[str, str]:
    """Return the terminal's environment, completed by what the client's settings would add for a hook.

    What the terminal says itself comes first. Settings that cannot be read add nothing; `doctor` names them.
    """
    added: dict[str, str] = {}
    for scope, path in settings_files(environ, project).items():
        settings = _read(path)
        variables = settings.get("env")
        for name, value in variables.items() if isinstance(variables, dict) else ():
            is_taken = name.startswith(_OURS) if scope == "user" else name in _OF_THE_BUDGET
            if is_taken and isinstance(value, str) and "\0" not in value:
                added[name] = value
        added.update(_plugin_options(settings))
    return {**added, **environ}


def _plugin_options(settings: dict[str, Any]) -> dict[str, str]:
    """Return the plugin's options as the variables that the client makes of them."""
    plugins = settings.get("pluginConfigs")
    variables = {}
    for name, plugin in plugins.items() if isinstance(plugins, dict) else ():
        options = plugin.get("options") if isinstance(plugin, dict) else None
        if name.partition("@")[0] == PLUGIN and isinstance(options, dict):
            for key, value in options.items():
                text = str(value).lower() if isinstance(value, bool) else str(value)
                if key in CHECKS:
                    variables[f"CLAUDE_PLUGIN_OPTION_{key.upper()}"] = text
    return variables


def _read(path: str) -> dict[str, Any]:
    from moai_flow.cli.client import regular_file
    from moai_flow.core import compact_json

    try:
        settings = compact_json.decode((regular_file.read(path, _MAX_BYTES) or b"{}").decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    return settings if isinstance(settings, dict) else {}
