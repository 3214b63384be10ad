"""Files of the library: read only if they are regular, and replaced in one step."""

from __future__ import annotations

import errno
import os
import stat
import time
from contextlib import suppress

OPEN_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
NO_LINK = getattr(os, "O_NOFOLLOW", 0)

_REPLACE_TRIES = 50
_REPLACE_INTERVAL = 0.002


def read_regular(path: str, max_bytes: int, *, follow: bool) -> bytes:
    """Return the bytes of a file.

    A FIFO would keep its reader waiting for ever, and a device never ends: neither is opened for reading.

    Args:
        path: the file.
        max_bytes: how many bytes are read at most.
        follow: whether `path` may be a link.

    Raises:
        OSError: it is not there, not a regular file, larger than `max_bytes`, or cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | OPEN_FLAGS | getattr(os, "O_BINARY", 0) | (0 if follow else NO_LINK))
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        data = file.read(max_bytes + 1)
        if len(data) > max_bytes:
            raise OSError(errno.EFBIG, f"larger than {max_bytes:,} bytes")
        return data


def write_atomically(path: str, data: bytes, *, sync: bool) -> None:
    """Replace the file at `path` by one that holds `data`: afterwards it is the old or the new one, never a mix.

    To be called by the holder of the file's lock.

    Args:
        path: the file, which may not exist yet.
        data: its bytes.
        sync: whether the bytes are on disk when this returns, and the name too where the file system can sync a
            folder.

    Raises:
        OSError: as the system reports it; the old file is untouched.
    """
    # One name for all: only the holder of the lock writes, and what a killed process left is removed.
    temporary = path + ".tmp"
    descriptor = _create(temporary)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            if sync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    if sync and os.name == "posix":
        _sync_folder(os.path.dirname(path) or ".")


def _create(path: str) -> int:
    """Return the descriptor of a new file; what stands at its name, a link even, is removed and never written to."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | OPEN_FLAGS | NO_LINK | getattr(os, "O_BINARY", 0)
    try:
        return os.open(path, flags, 0o600)
    except FileExistsError:
        os.unlink(path)
        return os.open(path, flags, 0o600)


def _sync_folder(path: str) -> None:
    """Have a folder's names on disk, as far as its file system can do that.

    The file was replaced already: an error now would make a caller count the same twice.
    """
    with suppress(OSError):
        folder = os.open(path, os.O_RDONLY | OPEN_FLAGS)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _replace(temporary: str, path: str) -> None:
    """Rename over `path`; on Windows that fails while a reader has the file open, so it is tried again."""
    for _ in range(_REPLACE_TRIES):
        try:
            os.replace(temporary, path)
        except PermissionError:  # noqa: PERF203 - the loop is there for it
            if os.name == "posix":
                raise
            time.sleep(_REPLACE_INTERVAL)
        else:
            return
    os.replace(temporary, path)
