"""Reading what is new in a transcript: each byte once in the file's life.

The file belongs to somebody else and grows while it is read: only whole lines count, a line that is half written is
read when it is whole, and a file that was rewritten or cut is read from its beginning.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.usage.progress import Progress

try:
    import posix as system
except ImportError:  # Windows, where the command line reads transcripts too
    import os as system  # type: ignore[no-redef]

MAX_BYTES = 1 << 23
"""Bytes that are read at a time, and at most in one event: a longer line is left out."""

_MARK_BYTES = 1024
_MARK_MODULUS = (1 << 61) - 1
_FLAGS = (
    system.O_RDONLY
    | getattr(system, "O_NOFOLLOW", 0)
    | getattr(system, "O_NONBLOCK", 0)
    | getattr(system, "O_CLOEXEC", 0)
    | getattr(system, "O_BINARY", 0)
)
_FILE_TYPE, _REGULAR = 0o170000, 0o100000


class Fresh:
    """What is new in a file.

    Attributes:
        lines: the new whole lines, b"" for none.
        rest: a last line without its newline, which is read again later; only where it was asked for.
        is_other: whether the file was rewritten or cut: what was taken from it before no longer holds.
        remaining: bytes that are still to be read, a half-written line included.
    """

    __slots__ = ("is_other", "lines", "remaining", "rest")

    def __init__(self) -> None:
        self.lines = b""
        self.rest = b""
        self.is_other = False
        self.remaining = 0


def read_new(path: str, progress: Progress, *, most: int = MAX_BYTES, with_rest: bool = False) -> Fresh:
    """Return what is new in a file since the last call, and bring `progress` up to date.

    Args:
        path: a transcript; anything but a regular file is left alone, and so is a link.
        progress: how far it was read.
        most: bytes that are read at most.
        with_rest: whether to return a half-written last line too.

    Raises:
        OSError: the file is there and cannot be read, or is no regular file.
    """
    fresh = Fresh()
    descriptor = system.open(path, _FLAGS)
    try:
        status = system.fstat(descriptor)
        if status.st_mode & _FILE_TYPE != _REGULAR:
            raise OSError(f"{path} is not a regular file")
        if _is_other(descriptor, status.st_ino, status.st_size, progress):
            fresh.is_other = progress.offset > 0
            progress.start_over()
        progress.inode = status.st_ino
        if status.st_size <= progress.offset:
            return fresh
        data = _read(descriptor, progress.offset, min(most, status.st_size - progress.offset))
        end = data.rfind(b"\n") + 1
        begin = data.find(b"\n") + 1 if progress.is_in_line else 0
        is_full = len(data) >= most
        if end == 0 and (is_full or progress.is_in_line):
            # Longer than what is read at a time: the rest of it is left out as it comes.
            progress.is_in_line = True
            end = begin = len(data)
        elif end:
            progress.is_in_line = False
        fresh.lines = data[begin:end]
        if with_rest and not is_full and not progress.is_in_line:
            fresh.rest = data[end:]
        progress.offset += end
        fresh.remaining = status.st_size - progress.offset
        if end:
            progress.mark = _mark(data[max(0, end - _MARK_BYTES) : end], descriptor, progress.offset)
        return fresh
    finally:
        system.close(descriptor)


def read_beginning(path: str, most: int) -> bytes:
    """Return the first bytes of a regular file, at most `most` of them; b"" where there is none."""
    try:
        descriptor = system.open(path, _FLAGS)
    except OSError:
        return b""
    try:
        is_regular = system.fstat(descriptor).st_mode & _FILE_TYPE == _REGULAR
        return _read(descriptor, 0, most) if is_regular else b""
    except OSError:
        return b""
    finally:
        system.close(descriptor)


def _is_other(descriptor: int, inode: int, size: int, progress: Progress) -> bool:
    """Return whether what was read is no longer what stands before the offset."""
    if progress.offset == 0:
        return False
    if size < progress.offset or inode != progress.inode:
        return True
    return _mark(b"", descriptor, progress.offset) != progress.mark


def _mark(known: bytes, descriptor: int, offset: int) -> int:
    """Return a fingerprint of the bytes before an offset, `known` if they are at hand: a time and an id are in them.

    A remainder, because the hook imports no module for a checksum.
    """
    length = min(_MARK_BYTES, offset)
    if len(known) < length:
        known = _read(descriptor, offset - length, length)
    return int.from_bytes(known, "big") % _MARK_MODULUS


def _read(descriptor: int, start: int, length: int) -> bytes:
    """Return up to `length` bytes; less only where the file ends."""
    if not hasattr(system, "pread"):
        system.lseek(descriptor, start, 0)
        data = system.read(descriptor, length)
        while len(data) < length and (more := system.read(descriptor, length - len(data))):
            data += more
        return data
    data = system.pread(descriptor, length, start)
    while len(data) < length and (more := system.pread(descriptor, length - len(data), start + len(data))):
        data += more
    return data
