"""The budget's settings: every value that cannot be used, with its file and line."""

from __future__ import annotations

import json
import os
import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from moai_flow.cli.checks.finding import BROKEN, OK, WARNING, Finding
from moai_flow.core.config import BudgetConfig
from moai_flow.core.setting_checks import CHECKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHECK = "settings"


def config(environ: Mapping[str, str], project: str) -> Iterator[Finding]:
    """Tell which settings are in force, and which cannot be used.

    Args:
        environ: the environment as the hooks see it.
        project: the project's folder.
    """
    from moai_flow.hook.state import paths, settings

    places = [paths.config_file(environ, sys.platform), project + settings.PROJECT_FILE]
    found = [path for path in places if os.path.lexists(path)]
    problems = [problem for path in found for problem in _file(path)]
    yield from problems
    read, unread = settings.read_layers(environ, sys.platform, project)
    if not problems:
        yield from (Finding(CHECK, BROKEN, text, "Correct the file; its settings are not in force.") for text in unread)
    outside = [layer for layer in read if layer[0] in ("plugin option", "environment")]
    for source, section in outside:
        for text in BudgetConfig.merged([(source, section)])[1]:
            yield Finding(CHECK, BROKEN, text, f"Correct the {source}.")
    in_force, together = BudgetConfig.merged(read)
    if not problems and not unread:
        alone = {text for layer in read for text in BudgetConfig.merged([layer])[1]}
        yield from (Finding(CHECK, BROKEN, text, "Correct one of them.") for text in together if text not in alone)
    sources = [*found, *(source for source, _ in outside)]
    total = "the window's size" if in_force.auto else f"{in_force.total_budget:,} tokens"
    where = ", ".join(sources) if sources else "defaults"
    yield Finding(
        CHECK,
        OK,
        f"budget {total}, warnings at {in_force.warning_threshold_1:,} and {in_force.warning_threshold_2:,} ({where})",
    )


def _file(path: str) -> Iterator[Finding]:
    """Check one settings file key by key."""
    advice = "Correct that line; none of the file's settings is in force."
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        document = json.loads(text)
    except json.JSONDecodeError as error:
        yield Finding(CHECK, BROKEN, f"{path}:{error.lineno}:{error.colno}: not JSON ({error.msg})", advice)
        return
    except (OSError, ValueError, RecursionError) as error:
        yield Finding(CHECK, BROKEN, f"{path}: cannot be read ({error})", "Check its rights and its content.")
        return
    section = document.get("token_budget", {}) if isinstance(document, dict) else None
    if not isinstance(section, dict):
        yield Finding(CHECK, BROKEN, f"{path}: token_budget must be an object", advice)
        return
    for key, value in section.items():
        yield from _key(path, text, key, value)


def _key(path: str, text: str, key: str, value: Any) -> Iterator[Finding]:
    place = f"{path}:{line_of(text, 'token_budget', key)}: {key}"
    if key not in CHECKS:
        near = get_close_matches(key, CHECKS, n=1)
        advice = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(CHECKS)}."
        yield Finding(CHECK, WARNING, f"{place}: unknown key", advice)
        return
    try:
        CHECKS[key](value)
    except (TypeError, ValueError) as error:
        name = str(error).partition(":")[0].partition(".")[0]
        if key == "swarms" and isinstance(value, dict) and name in value:
            place = f"{path}:{line_of(text, 'token_budget', key, name)}: {key}"
            shown = ""
        else:
            shown = f", not {json.dumps(value)[:40]}"
        yield Finding(CHECK, BROKEN, f"{place}: {error}{shown}", "Correct it; until then the default is used.")


def line_of(text: str, *keys: str) -> int:
    """Return the line on which the last of some nested keys stands, as far as they are found in this order."""
    position = 0
    for key in keys:
        found = text.find(json.dumps(key), position)
        if found < 0:
            break
        position = found
    return text.count("\n", 0, position) + 1
