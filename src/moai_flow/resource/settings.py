"""Reading settings files for the library and the command line: errors are raised, not collected."""

from __future__ import annotations

import json
from typing import Any

from moai_flow.core.config import BudgetConfig
from moai_flow.core.errors import ConfigError
from moai_flow.core.setting_checks import CHECKS
from moai_flow.resource.files import read_regular

SECTION = "token_budget"

MAX_BYTES = 1 << 18
"""Bytes of a settings file that are read, as in the hooks."""


def read_section(path: str) -> dict[str, Any]:
    """Return the `token_budget` object of a settings file, {} if there is no file or no such object.

    The file may be a link to a regular file, and may begin with a byte order mark.

    Raises:
        ConfigError: the file cannot be read or is not JSON, or the object is none; names file and reason.
    """
    try:
        document = json.loads(read_regular(path, MAX_BYTES, follow=True).decode("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not JSON ({error})") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: must be an object, not {type(document).__name__}")
    section = document.get(SECTION, {})
    if not isinstance(section, dict):
        raise ConfigError(f"{path}: {SECTION}: must be an object, not {type(section).__name__}")
    return section


def load_config(path: str) -> BudgetConfig:
    """Return the settings of one file; defaults if it is missing.

    Raises:
        ConfigError: the file is malformed; the message names file, key and reason.
    """
    section = read_section(path)
    for key in section:
        if key not in CHECKS:
            raise ConfigError(f"{path}: {SECTION}.{key}: unknown key; known are {', '.join(CHECKS)}")
    try:
        return BudgetConfig(**section)
    except ConfigError as error:
        raise ConfigError(f"{path}: {SECTION}.{error}") from error
