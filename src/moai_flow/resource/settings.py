"""Reading settings files for the library and the command line: errors are raised, not collected."""

from __future__ import annotations

import errno
from typing import Any

from moai_flow.core.config import BudgetConfig
from moai_flow.core.errors import ConfigError
from moai_flow.core.settings_file import MAX_BYTES, NOT_REGULAR, TOO_LARGE, parse, unreadable
from moai_flow.resource.files import read_regular

_REASONS = {errno.EINVAL: NOT_REGULAR, errno.EFBIG: TOO_LARGE}


def read_section(path: str) -> dict[str, Any]:
    """Return the `token_budget` object of a settings file, {} if there is no file or no such object.

    The file may be a link to a regular file, and may begin with a byte order mark.

    Raises:
        ConfigError: the file cannot be read or is not JSON, or the object is none; names file, line and reason.
    """
    try:
        data = read_regular(path, MAX_BYTES, follow=True)
    except FileNotFoundError:
        return {}
    except OSError as error:
        reason = _REASONS.get(error.errno or 0) or error.strerror or str(error)
        raise ConfigError(unreadable(path, reason)) from error
    section, problem = parse(data, path)
    if problem:
        raise ConfigError(problem)
    return section


def load_config(path: str) -> BudgetConfig:
    """Return the settings of one file; defaults if it is missing.

    Raises:
        ConfigError: the file is malformed; the message names file, line, key and reason.
    """
    section = read_section(path)
    try:
        return BudgetConfig(**section)
    except ConfigError as error:
        for problem in BudgetConfig.merged([(path, section)])[1]:
            # One key's problem has the words that the hooks and `doctor` use, with its line.
            if problem.startswith(path):
                raise ConfigError(problem) from error
        raise ConfigError(f"{path}: token_budget.{error}") from error
