"""The pool "project": which repository a folder belongs to, all of its worktrees included.

A worktree's `.git` is a file that names a folder of its repository. Any project could write such a file, so it
counts only if that folder names the worktree in turn. Nothing is read but three small, regular files, and what
they say only ever becomes part of a name.
"""

from __future__ import annotations

import posix

from moai_flow.core.names import safe_name
from moai_flow.hook.state import files

MAX_DEPTH = 64
"""Folders that are looked at, from the project's upwards."""

_MAX_BYTES = 4_096
_TYPE, _FOLDER, _REGULAR = 0o170000, 0o040000, 0o100000
_PRIME = (1 << 61) - 1
_BASE_LENGTH = 32
_PREFIX = "project-"
_DIGITS = 16


def project_pool(folder: str) -> str:
    """Return the name of the pool of the repository that a folder is in; outside of one, of the folder itself.

    Args:
        folder: an absolute path, which need not exist.
    """
    root = _repository(folder) or folder
    return f"{_PREFIX}{safe_name(root.rpartition('/')[2][:_BASE_LENGTH])}-{_fingerprint(root)}"


def is_project_pool(name: str) -> bool:
    """Return whether a name is one that `project_pool` makes."""
    digits = name.rpartition("-")[2]
    return name.startswith(_PREFIX) and len(digits) == _DIGITS and set(digits) <= set("0123456789abcdef")


def _repository(folder: str) -> str:
    """Return the main worktree of the repository (of a bare one, its folder), "" outside of any."""
    for _ in range(MAX_DEPTH):
        kind = _kind(f"{folder}/.git")
        if kind == _FOLDER:
            return folder
        if kind == _REGULAR:
            common = _common_folder(folder)
            return common.removesuffix("/.git") if common else folder
        parent = folder.rpartition("/")[0]
        if not parent or parent == folder:
            return ""
        folder = parent
    return ""


def _common_folder(worktree: str) -> str:
    """Return the repository's own folder of a linked worktree, "" if the two do not name each other."""
    named = _line(f"{worktree}/.git")
    place = _absolute(worktree, named.removeprefix("gitdir: "))
    common, found, _ = place.rpartition("/worktrees/")
    if not named.startswith("gitdir: ") or not found or _line(f"{place}/commondir") != "../..":
        return ""
    back = _absolute(place, _line(f"{place}/gitdir"))
    return common if _is_same(back, f"{worktree}/.git") else ""


def _absolute(folder: str, path: str) -> str:
    """Return a path that may be relative to a folder, without `.` and `..`."""
    parts: list[str] = []
    for part in (path if path.startswith("/") else f"{folder}/{path}").split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def _is_same(one: str, other: str) -> bool:
    try:
        first, second = posix.stat(one), posix.stat(other)
    except (OSError, ValueError):
        return False
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)


def _kind(path: str) -> int:
    try:
        return posix.lstat(path).st_mode & _TYPE
    except (OSError, ValueError):
        return 0


def _line(path: str) -> str:
    try:
        data = files.read(path, _MAX_BYTES)
    except (OSError, ValueError):
        return ""
    return data.decode("utf-8", "surrogateescape").rstrip("\n") if data is not None else ""


def _fingerprint(text: str) -> str:
    return f"{int.from_bytes(text.encode('utf-8', 'surrogateescape'), 'little') % _PRIME:016x}"
