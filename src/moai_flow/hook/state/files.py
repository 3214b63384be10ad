"""Files on the hook's path, with nothing imported but `posix` and `fcntl`.

The lock is the primitive that `portalocker` uses on the same file, so hooks and commands exclude each other.
"""

from __future__ import annotations

import fcntl
import posix

from moai_flow.hook.start import process

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
LOCK_SECONDS = 0.15
"""Seconds to wait for a holder that makes no progress."""

PATIENT_SECONDS = 1.0
"""Seconds that a hook waits for one if the session does not wait for the hook."""

MAX_ROUNDS = 20
"""How often a hook waits again because others did make progress."""

_CLOEXEC = posix.O_CLOEXEC | posix.O_NOFOLLOW | posix.O_NONBLOCK
_TYPE, _FOLDER, _REGULAR = 0o170000, 0o040000, 0o100000
_OTHERS = 0o077


class Busy(Exception):  # noqa: N818 - not an error: the next hook puts things right
    """Somebody keeps the lock and makes no progress."""


def ensure_folder(path: str) -> None:
    """Make a private folder, or check that the one there is the user's own and close it to others.

    Raises:
        OSError: it cannot be made, is no folder, is a link, or belongs to somebody else.
    """
    try:
        status = posix.lstat(path)
    except FileNotFoundError:
        parent = path.rpartition("/")[0]
        if parent:
            try:
                posix.stat(parent)
            except FileNotFoundError:
                _make_parents(parent)
        try:
            posix.mkdir(path, PRIVATE_FOLDER)
        except FileExistsError:
            status = posix.lstat(path)
        else:
            return
    if status.st_mode & _TYPE != _FOLDER or status.st_uid != posix.geteuid():
        raise PermissionError(f"{path} is not a folder of this user")
    if status.st_mode & _OTHERS:
        posix.chmod(path, PRIVATE_FOLDER)


def _make_parents(path: str) -> None:
    made = ""
    for name in path.split("/")[1:]:
        made += "/" + name
        try:
            posix.mkdir(made, PRIVATE_FOLDER)
        except FileExistsError:
            continue


class NotRegular(OSError):  # noqa: N818 - said as it is: "is not a regular file"
    """A pipe, a device or a folder stands where a file should: opening it for good could wait for ever."""


class TooLarge(OSError):  # noqa: N818 - the same
    """The file has more bytes than are read."""


def open_regular(path: str, *, follow: bool = False) -> tuple[int, int]:
    """Return a descriptor for reading a regular file, and its size: the one way to open what others can put there.

    Args:
        path: the file.
        follow: whether the file may be a link: for the user's own settings only, which dotfiles link to.

    Raises:
        NotRegular: it is a pipe, a device, a folder.
        OSError: it is missing, cannot be read, or is a link.
    """
    flags = posix.O_RDONLY | _CLOEXEC
    descriptor = posix.open(path, flags & ~posix.O_NOFOLLOW if follow else flags)
    status = posix.fstat(descriptor)
    if status.st_mode & _TYPE == _REGULAR:
        return descriptor, status.st_size
    posix.close(descriptor)
    raise NotRegular(f"{path} is not a regular file")


def read_whole(path: str, most: int, *, follow: bool = False) -> bytes | None:
    """Return the bytes of a regular file, None if there is none.

    Args:
        path: the file.
        most: bytes that are read at most.
        follow: as for `open_regular`.

    Raises:
        NotRegular, TooLarge: it is no file, or larger than `most` bytes.
        OSError: it is there and cannot be read, or is a link that is not to be followed.
    """
    try:
        descriptor, size = open_regular(path, follow=follow)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        if size > most:
            raise TooLarge(f"{path} is larger than {most:,} bytes")
        data = b""
        # One byte more than it has: a read that may bring more takes a buffer of that size.
        while chunk := posix.read(descriptor, size + 1):
            data += chunk
        return data
    finally:
        posix.close(descriptor)


def read(path: str, most: int) -> bytes | None:
    """Return the bytes of a regular file, None if there is none or it is larger than `most` bytes.

    Raises:
        OSError: it is there and cannot be read, or is a link.
    """
    try:
        return read_whole(path, most)
    except (NotRegular, TooLarge):
        return None


def read_start(path: str, most: int) -> bytes:
    """Return the first bytes of a regular file, `most` at the most; b"" if it cannot be read."""
    try:
        descriptor, _ = open_regular(path)
    except (OSError, ValueError):
        return b""
    try:
        return posix.read(descriptor, most)
    except OSError:
        return b""
    finally:
        posix.close(descriptor)


def replace(path: str, data: bytes, writer: str = "") -> None:
    """Replace a file in one step.

    Not synced: what a crash of the machine loses is measured again from the transcript.

    Args:
        path: the file.
        data: its new content.
        writer: who writes, where no lock keeps others from writing at the same time.

    Raises:
        OSError: the old file is untouched.
    """
    temporary = f"{path}{writer}.tmp"
    flags = posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | _CLOEXEC
    try:
        descriptor = posix.open(temporary, flags, PRIVATE_FILE)
    except FileExistsError:
        # Left by a hook that was killed. Whatever it is, a link even, it is removed and not written to.
        posix.unlink(temporary)
        descriptor = posix.open(temporary, flags, PRIVATE_FILE)
    try:
        written = 0
        while written < len(data):
            written += posix.write(descriptor, data[written:] if written else data)
    finally:
        posix.close(descriptor)
    posix.replace(temporary, path)


def lock(path: str, watched: str, seconds: float = LOCK_SECONDS) -> int:
    """Take the lock and return its descriptor; closing it, or the end of the process, gives it back.

    Waits so many seconds, and again as long as the `watched` file changes meanwhile: then others only stand
    before us in the queue.

    Raises:
        Busy: somebody keeps the lock and makes no progress.
        OSError: the lock file cannot be opened.
    """
    descriptor = posix.open(path, posix.O_RDWR | posix.O_CREAT | _CLOEXEC, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pass
    else:
        return descriptor
    state = _state(watched)
    for _ in range(MAX_ROUNDS):
        try:
            with process.time_limit(seconds):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        except process.Elapsed:
            before, state = state, _state(watched)
            if state == before:
                break
        else:
            return descriptor
    posix.close(descriptor)
    raise Busy(path)


def try_lock(path: str) -> int:
    """Take the lock if it is free and return its descriptor, else -1.

    Raises:
        OSError: the lock file cannot be opened.
    """
    descriptor = posix.open(path, posix.O_RDWR | posix.O_CREAT | _CLOEXEC, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        posix.close(descriptor)
        if isinstance(error, BlockingIOError):
            return -1
        raise
    return descriptor


def close(descriptor: int) -> None:
    """Give a lock back."""
    posix.close(descriptor)


def _state(path: str) -> tuple[int, int]:
    try:
        status = posix.stat(path)
    except OSError:
        return 0, 0
    return status.st_ino, status.st_mtime_ns
