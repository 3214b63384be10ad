"""Telling whether a command line in the client's settings runs an entry point of this package. Pure."""

from __future__ import annotations

import shlex
from typing import Any

_LAUNCHER_ENDS = ("/moai_flow/entry/run", "/hooks/run")


def words_of(setting: Any) -> list[str]:
    """Return the command line of a hook or a status line as words, [] for anything else."""
    command = setting.get("command") if isinstance(setting, dict) else None
    if not isinstance(command, str):
        return []
    arguments = setting.get("args")
    if isinstance(arguments, list):
        return [command, *(word for word in arguments if isinstance(word, str))]
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def runs(words: list[str], name: str, ends: tuple[str, ...]) -> bool:
    """Return whether a command line runs an entry point: `python3 -I -S .../hook.py`, `.../run hook`.

    Args:
        words: the command line.
        name: the entry point's name, as the launcher takes it.
        ends: how the paths of the entry point end.
    """
    for number, word in enumerate(words):
        plain = word.replace("\\", "/")
        following = words[number + 1 : number + 2]
        if plain.endswith(_LAUNCHER_ENDS) and following == [name]:
            return True
        starts = words[1:3], words[max(0, number - 2) : number]
        if plain.endswith(ends) and (["-I", "-S"] in starts or "moai_flow" in plain):
            return True
    return False
