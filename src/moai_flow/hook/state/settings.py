"""The layers of settings that a hook reads: user, project, plugin, environment.

Nothing here raises: what cannot be read is one line for the person, and the layers below it stay in force.
"""

from __future__ import annotations

import posix
import sys

from moai_flow.core.config import BudgetConfig
from moai_flow.core.setting_checks import CHECKS, parse_text
from moai_flow.core.settings_file import A_LINK, MAX_BYTES, NOT_REGULAR, TOO_LARGE, parse, unreadable
from moai_flow.hook.state import files
from moai_flow.hook.state.paths import config_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from moai_flow.core.session import Session

    Layer = tuple[str, dict[str, Any]]

PROJECT_FILE = "/.moai/config/config.json"
PLUGIN_PREFIX = "CLAUDE_PLUGIN_OPTION_"
ENVIRONMENT_PREFIX = "TOKEN_BUDGET_"
_TYPE, _LINK = 0o170000, 0o120000
_ELOOP = 40 if sys.platform == "linux" else 62
"""What opening a link says where links are not followed; `errno` would cost an import."""


def read_layers(environ: Mapping[str, str], platform: str, project: str) -> tuple[list[Layer], list[str]]:
    """Return the layers from the weakest to the strongest, and a line for each that cannot be read.

    Args:
        environ: the environment.
        platform: `sys.platform`.
        project: the project's folder, "" if unknown.
    """
    layers: list[Layer] = []
    problems: list[str] = []
    places = [("user config", config_file(environ, platform), True)]
    if project.startswith("/") and not _is_linked(project):
        places.append((PROJECT_FILE[1:], project + PROJECT_FILE, False))
    for source, path, is_own in places:
        section, problem = read_file(path, follow=is_own)
        if problem:
            problems.append(problem)
        if section:
            layers.append((source, section))
    for source, prefix in (("plugin option", PLUGIN_PREFIX), ("environment", ENVIRONMENT_PREFIX)):
        section = _from_environment(environ, prefix)
        if section:
            layers.append((source, section))
    return layers, problems


def _is_linked(project: str) -> bool:
    """Return whether the project's settings folder leads elsewhere: a project is not trusted with that."""
    for name in ("/.moai", "/.moai/config"):
        try:
            if posix.lstat(project + name).st_mode & _TYPE == _LINK:
                return True
        except (OSError, ValueError):
            return False
    return False


def read_file(path: str, *, follow: bool) -> tuple[dict[str, Any], str]:
    """Return the settings of one file, {} where there is none, and what is wrong with it or "".

    Args:
        path: the file, "" for none.
        follow: whether it may be a link: for the user's own file, as dotfiles are.
    """
    problem = ""
    data = None
    try:
        data = files.read_whole(path, MAX_BYTES, follow=follow) if path else None
    except files.NotRegular:
        problem = NOT_REGULAR
    except files.TooLarge:
        problem = TOO_LARGE
    except OSError as error:
        problem = A_LINK if error.errno == _ELOOP and not follow else error.strerror or "no reason given"
    except ValueError:
        problem = "its name holds a null character"
    if problem:
        return {}, unreadable(path, problem)
    return parse(data, path) if data is not None else ({}, "")


def _from_environment(environ: Mapping[str, str], prefix: str) -> dict[str, Any]:
    """Return the settings among the variables: the prefix and the key in capitals. An empty value is none."""
    section = {}
    for key in CHECKS:
        text = environ.get(prefix + key.upper(), "")
        if text and key not in ("swarms", "phase_budgets"):
            section[key] = parse_text(text)
    return section


_KEPT = (
    "total_budget",
    "warning_threshold_1",
    "warning_threshold_2",
    "default_swarm_limit",
    "reserve_buffer",
    "subagents",
    "phase_budgets",
)


def keep(session: Session, config: BudgetConfig) -> None:
    """Write the settings that were given into the session."""
    session.settings = {key: config.given[key] for key in _KEPT if key in config.given}
    if config.spend is not None:
        session.settings["spend"] = config.spend.as_dict()


def recall(session: Session) -> BudgetConfig:
    """Return the settings that were in force at the session's last event, with its window's present size."""
    return BudgetConfig.merged([("ledger", session.settings)], session.window_size or None)[0]
