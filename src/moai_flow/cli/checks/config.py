"""The budget's settings: every value that cannot be used, with its file and line."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from moai_flow.cli.checks.finding import BROKEN, OK, WARNING, Finding
from moai_flow.core.config import BudgetConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHECK = "settings"


def config(environ: Mapping[str, str], project: str) -> Iterator[Finding]:
    """Tell which settings are in force, and which cannot be used: in the words that the session shows.

    Args:
        environ: the environment as the hooks see it.
        project: the project's folder.
    """
    from moai_flow.hook.state import paths, settings

    read, unread = settings.read_layers(environ, sys.platform, project)
    for text in unread:
        yield Finding(CHECK, BROKEN, text, "Correct the file; none of its settings is in force.")
    in_force, problems = BudgetConfig.merged(read)
    for text in problems:
        if "unknown key" in text:
            yield Finding(CHECK, WARNING, text, "Correct or remove it; `token-budget config` shows what is in force.")
        else:
            yield Finding(CHECK, BROKEN, text, "Correct it; until then what the weaker settings say is used.")
    places = [paths.config_file(environ, sys.platform), project + settings.PROJECT_FILE]
    found = [path for path in places if os.path.lexists(path)]
    sources = [*found, *(source for source, _ in read if source in ("plugin option", "environment"))]
    total = "the window's size" if in_force.auto else f"{in_force.total_budget:,} tokens"
    where = ", ".join(sources) if sources else "defaults"
    yield Finding(
        CHECK,
        OK,
        f"budget {total}, warnings at {in_force.warning_threshold_1:,} and {in_force.warning_threshold_2:,} ({where})",
    )
