"""Enforcement: whether it is asked for, and whether a hook is there to do it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from moai_flow.cli.checks.finding import OK, WARNING, Finding
from moai_flow.cli.client import entry_points, environment, registration
from moai_flow.cli.client.settings_file import SettingsFile
from moai_flow.core.config import BudgetConfig
from moai_flow.core.errors import TokenBudgetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHECK = "enforcement"


def enforcement(environ: Mapping[str, str], project: str) -> Iterator[Finding]:
    """Tell whether agents of a spent swarm are stopped; nothing where enforcement is off.

    Args:
        environ: the environment.
        project: the project's folder.
    """
    from moai_flow.hook.state import settings

    seen = environment.as_hooks_see_it(environ, project)
    asked = BudgetConfig.merged(settings.read_layers(seen, sys.platform, project)[0])[0].enforce
    if asked == "off":
        return
    if any(_is_in(path) for path in environment.settings_files(environ, project).values()):
        yield Finding(CHECK, OK, f'agents of a spent swarm are stopped ("{asked}")')
    else:
        text = f'enforce is "{asked}", but no hook runs before tools: nothing is stopped'
        yield Finding(CHECK, WARNING, text, "`token-budget install --enforce` registers it.")


def _is_in(path: str) -> bool:
    try:
        places = registration.hooks_in(SettingsFile(path).document.read())
    except TokenBudgetError:
        return False
    return any(place.event == entry_points.ENFORCING for place in places)
