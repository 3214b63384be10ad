"""What a session's transcripts say it was billed, taken into its `Spend`: each byte of a file read once."""

from __future__ import annotations

import posix
import time

from moai_flow.hook.payload import fingerprint
from moai_flow.usage.messages import read_lines
from moai_flow.usage.progress import Progress
from moai_flow.usage.reading import MAX_BYTES, read_new

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from moai_flow.core.spend.figures import Spend

    Source = tuple[str, str, Mapping[str, int]]
    """A transcript: its window's key, its path, and the weights by which its requests are divided over swarms."""

BLOCK_HOURS = 5


def read_session(
    spend: Spend, sources: Iterable[Source], session: str, now: float, *, main: str, most: int = MAX_BYTES
) -> int:
    """Count what is new in some transcripts, the main window's first; return the bytes that are left to read.

    What another session was billed, and this one's files only repeat, is not counted.

    Args:
        spend: what was counted so far; brought up to date.
        sources: the transcripts.
        session: the session's id.
        now: seconds since the epoch.
        main: the key of the main window.
        most: bytes that are read at most; a file whose news do not fit is left for the next time.
    """
    left, remaining = most, 0
    for key, path, holdings in sources:
        row = spend.files.get(key, [0, 0, 0, 0, 0])
        try:
            news = posix.lstat(path).st_size - row[0]
        except (OSError, ValueError):
            continue
        # A part of a file is read only where a whole part fits: a line cut by the end of it would be left out.
        if news == 0 or (news > left and left < MAX_BYTES):
            remaining += max(0, news)
            continue
        progress = Progress.from_list([*row[:4], "", row[4], {}])
        try:
            fresh = read_new(path, progress, most=min(left, MAX_BYTES))
        except OSError:
            continue
        left -= len(fresh.lines)
        remaining += fresh.remaining
        for message in read_lines(fresh.lines, progress, is_agent=key != main).messages.values():
            if message.is_mirror or (message.origin and message.origin != session):
                continue
            made = message.at or int(now)
            figures = list(message.usage.as_tuple())
            spend.count(key, fingerprint(message.key), figures, holdings, block_of(made))
        spend.files[key] = [progress.offset, progress.inode, progress.mark, int(progress.is_in_line), progress.at]
    return remaining


def begins(now: float) -> dict[str, int]:
    """Return when the present periods began by the local clock, in seconds since the epoch."""
    local = time.localtime(now)
    day = _midnight(local, 0)
    return {"session": 0, "5h": block_of(int(now)), "day": day, "week": _midnight(local, local.tm_wday)}


def block_of(moment: int) -> int:
    """Return when the block of a moment began: at 0, 5, 10, 15 or 20 o'clock by the local clock."""
    local = time.localtime(moment)
    hour = local.tm_hour // BLOCK_HOURS * BLOCK_HOURS
    return int(time.mktime((local.tm_year, local.tm_mon, local.tm_mday, hour, 0, 0, 0, 0, -1)))


def _midnight(local: time.struct_time, days_before: int) -> int:
    return int(time.mktime((local.tm_year, local.tm_mon, local.tm_mday - days_before, 0, 0, 0, 0, 0, -1)))
