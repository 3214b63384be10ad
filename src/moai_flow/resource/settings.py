"""Reading settings files for the library and the command line: errors are raised, not collected."""

from __future__ import annotations

import os
import stat
from typing import Any

from moai_flow.core.config import BudgetConfig
from moai_flow.core.errors import ConfigError
from moai_flow.core.settings_file import MAX_BYTES, NOT_REGULAR, TOO_LARGE, parse, unreadable

_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def read_section(path: str) -> dict[str, Any]:
    """Return the `token_budget` object of a settings file, {} if there is no file or no such object.

    Raises:
        ConfigError: the file cannot be read or is not JSON, or the object is none; names file, line and reason.
    """
    data = _read(path)
    if data is None:
        return {}
    section, problem = parse(data, path)
    if problem:
        raise ConfigError(problem)
    return section


def _read(path: str) -> bytes | None:
    """Return the bytes of a regular file, None if there is none: a pipe would be waited for."""
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(unreadable(path, error.strerror or str(error))) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(unreadable(path, NOT_REGULAR))
        if status.st_size > MAX_BYTES:
            raise ConfigError(unreadable(path, TOO_LARGE))
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    except OSError as error:
        raise ConfigError(unreadable(path, error.strerror or str(error))) from error
    finally:
        os.close(descriptor)


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
