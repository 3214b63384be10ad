"""The smaller window that the client was told to compact in: its settings, its command line.

`autoCompactWindow` in the settings is a number of tokens; `--autocompact` also takes "500k", or 200 for 200,000, and
"auto" (clients 2.1.330). The variable of the environment is read where the point is worked out.
"""

from __future__ import annotations

from moai_flow.core import compact_json
from moai_flow.hook.state import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SETTING = "autoCompactWindow"
OPTION = "--autocompact"
LEAST = 100_000
"""Tokens that the client accepts at least."""

MAX_BYTES = 1 << 18
_MAX_DIGITS = 9
_THOUSANDS_BELOW = 10_000
_NAMES = ("/.claude/settings.json", "/.claude/settings.local.json")


def smaller_window(environ: Mapping[str, str], project: str) -> int:
    """Return the tokens of the window that the client compacts in, 0 where nothing makes it smaller.

    Args:
        environ: the environment.
        project: the project's folder, "" if unknown. What its settings say is only ever a number here.
    """
    asked = _of_command_line(environ.get("CLAUDE_PID", ""))
    if asked is not None:
        return asked
    folder = environ.get("CLAUDE_CONFIG_DIR", "")
    places = [f"{folder}/settings.json" if folder else environ.get("HOME", "") + _NAMES[0]]
    if project.startswith("/"):
        places += [project + name for name in _NAMES]
    found = 0
    for place in places:
        found = _of_settings(place) or found
    return found


def tokens_of(text: str) -> int:
    """Return the tokens that a value of the option means, 0 for "auto" and for anything that is none."""
    text = text.strip().lower()
    digits, times = (text[:-1], 1_000) if text.endswith("k") else (text, 1)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
        return 0
    tokens = int(digits) * times
    if times == 1 and tokens < _THOUSANDS_BELOW:
        tokens *= 1_000
    return tokens if tokens >= LEAST else 0


def _of_command_line(process: str) -> int | None:
    """Return what the client's command line says, None where it says nothing or cannot be read (not on Linux)."""
    if not (process.isascii() and process.isdigit()):
        return None
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:
            words = file.read(MAX_BYTES).decode("utf-8", "replace").split("\0")
    except OSError:
        return None
    for index, word in enumerate(words[:-1]):
        if word == OPTION:
            return tokens_of(words[index + 1])
        if word.startswith(OPTION + "="):
            return tokens_of(word[len(OPTION) + 1 :])
    return None


def _of_settings(path: str) -> int:
    try:
        data = files.read(path, MAX_BYTES) if path.startswith("/") else None
    except (OSError, ValueError):
        return 0
    if data is None or SETTING.encode() not in data:
        return 0
    try:
        settings = compact_json.decode(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return 0
    value = settings.get(SETTING) if isinstance(settings, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= LEAST else 0
