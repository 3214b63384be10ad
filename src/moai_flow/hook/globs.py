"""Globs, without `re`: `*` and `?` within one name, `**` over any number of folders."""

from __future__ import annotations


def matches(name: str, glob: str) -> bool:
    """Return whether `glob` matches the whole `name`; both use `/` between folders."""
    return _folders(name.split("/"), glob.split("/"))


def _folders(names: list[str], globs: list[str]) -> bool:
    """Match folder by folder. Only the last `**` needs another try, so the cost is names times globs."""
    position = glob = 0
    retry_glob, retry_position = -1, 0
    while position < len(names):
        if glob < len(globs) and globs[glob] == "**":
            retry_glob, retry_position = glob, position
            glob += 1
        elif glob < len(globs) and _name(names[position], globs[glob]):
            position += 1
            glob += 1
        elif retry_glob >= 0:
            retry_position += 1
            position, glob = retry_position, retry_glob + 1
        else:
            return False
    return all(rest == "**" for rest in globs[glob:])


def _name(name: str, glob: str) -> bool:
    """Match one name in the same way: only the last `*` needs another try."""
    position = sign = 0
    retry_sign, retry_position = -1, 0
    while position < len(name):
        if sign < len(glob) and glob[sign] == "*":
            retry_sign, retry_position = sign, position
            sign += 1
        elif sign < len(glob) and glob[sign] in ("?", name[position]):
            position += 1
            sign += 1
        elif retry_sign >= 0:
            retry_position += 1
            position, sign = retry_position, retry_sign + 1
        else:
            return False
    return not glob[sign:].strip("*")
