"""What the client hands to a process it starts: standard input and the environment."""

from __future__ import annotations

import posix

from moai_flow.hook import alarm

INPUT_SECONDS = 0.7
"""Seconds that the input may take to come."""

MOST_BYTES = 6_000_000
"""Bytes of input that are read; a larger one is left to the next measurement."""

_CHUNK = 1 << 16
_STDIN = 0


def read_input() -> bytes:
    """Return standard input, b"" for one that is too large; it is read to its end, or the client's write fails.

    Raises:
        Elapsed: it did not end in `INPUT_SECONDS`.
    """
    chunks = []
    size = 0
    with alarm.after(INPUT_SECONDS):
        while chunk := posix.read(_STDIN, _CHUNK):
            size += len(chunk)
            if size <= MOST_BYTES:
                chunks.append(chunk)
            else:
                chunks.clear()
    return b"".join(chunks) if size <= MOST_BYTES else b""


def environment() -> dict[str, str]:
    """Return the environment as text."""
    return {
        name.decode("utf-8", "surrogateescape"): value.decode("utf-8", "surrogateescape")
        for name, value in posix.environ.items()
    }
