"""Measurement: what a transcript says its window holds.

Only the end of the file is read, from the last measured message on where that is known, so the cost does not
grow with the session; and the result is absolute, so reading twice, late or never changes nothing.
"""

from __future__ import annotations

import posix

from moai_flow.core.window import COMPACTION, Measurement
from moai_flow.hook.records import marked_lines, record_of, scan, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from moai_flow.hook.records import Message

FIRST_TAIL = 1 << 16
"""Bytes of the file's end that are read at first: most measured messages stand there."""

LONGEST_TAIL = 1 << 23
"""Bytes of the file's end that are read at most; a record can be larger than a megabyte."""

FORK_HEAD = 1 << 20
"""Bytes of a fork's transcript in which the copy of its parent's last message is looked for."""

FORK_MARK = 4_096
_FORK = b'"fork-context-ref"'

_OPEN_FLAGS = posix.O_RDONLY | posix.O_NOFOLLOW | posix.O_NONBLOCK | posix.O_CLOEXEC
_FILE_TYPE, _REGULAR = 0o170000, 0o100000


def size_of(path: str) -> int:
    """Return the size of a file in bytes, -1 if there is none."""
    try:
        return posix.lstat(path).st_size
    except (OSError, ValueError):
        return -1


def measure(
    path: str,
    *,
    message: str = "",
    offset: int = 0,
    history_offset: int = 0,
    is_agent: bool = False,
    call: str = "",
    end: int = -1,
) -> Measurement | None:
    """Return what the transcript says its window holds, None if it says nothing.

    Args:
        path: the transcript; anything but a regular file is left alone, and so is a link.
        message: the id that was measured last, if any.
        offset: bytes before that message in the file.
        history_offset: bytes that are history since a reset.
        is_agent: whether it is a subagent's. Older clients wrote a subagent's records into the main file,
            marked as a side chain.
        call: a tool call that has just been answered. Of a file read from the last measured message on, what comes
            after the message that makes the call is left out: the hook is late, and the next one reads it. A call of
            a message before that one is among those seen earlier.
        end: bytes of the file that count, -1 for all: a session that is played again has not written the others yet.
    """
    descriptor, size = _open(path)
    if descriptor < 0:
        return None
    if 0 <= end < size:
        size = end
    try:
        if message and history_offset <= offset < size <= offset + LONGEST_TAIL:
            messages = scan(_read(descriptor, offset, size), offset, is_agent=is_agent)
            # Where the file was replaced, something else stands there now.
            if message in messages and messages[message].offset == offset:
                until, length = _until(call, messages, size)
                before = _is_before(descriptor, max(history_offset, offset - FIRST_TAIL), offset, call, until)
                return _newest(until, length, offset, message, [call] if before else ())
        length = FIRST_TAIL
        while True:
            start = max(history_offset, size - length)
            data = _read(descriptor, start, size)
            if start > history_offset:
                cut = data.find(b"\n") + 1 or len(data)
                start, data = start + cut, data[cut:]
            messages = scan(data, start, is_agent=is_agent)
            # One message alone could have begun before what was read.
            if len(messages) > 1 or start <= history_offset or length >= LONGEST_TAIL:
                return _newest(messages, size, start) if messages else None
            length = min(length * 8, LONGEST_TAIL)
    except OSError:
        return None
    finally:
        posix.close(descriptor)


def ends_with_call(path: str, call: str) -> bool:
    """Return whether the end of a transcript shows the tool call of this id."""
    descriptor, size = _open(path)
    if descriptor < 0:
        return False
    try:
        return f'"{call}"'.encode() in _read(descriptor, max(0, size - FIRST_TAIL), size)
    except OSError:
        return False
    finally:
        posix.close(descriptor)


def fork_baseline(path: str) -> int:
    """Return the tokens of the window that a fork took over, 0 for any other agent's transcript.

    The client begins a fork's transcript with a reference to its parent's window and a copy of its last message.
    """
    descriptor, size = _open(path)
    if descriptor < 0:
        return 0
    try:
        data = _read(descriptor, 0, min(size, FORK_HEAD))
    except OSError:
        return 0
    finally:
        posix.close(descriptor)
    if _FORK not in data[:FORK_MARK]:
        return 0
    messages = scan(data, 0, is_agent=True)
    return next(iter(messages.values())).occupancy if messages else 0


def spawned_type(path: str) -> str:
    """Return the type that a teammate was started with, by the client's note beside its transcript; "" without one."""
    descriptor, size = _open(path.removesuffix(".jsonl") + ".meta.json")
    if descriptor < 0:
        return ""
    try:
        return text_of(record_of(_read(descriptor, 0, min(size, FIRST_TAIL))), "spawnedAgentType")
    except OSError:
        return ""
    finally:
        posix.close(descriptor)


def agent_type(path: str) -> str:
    """Return the type of the agent that a subagent's transcript says it is of, "" if it says nothing."""
    descriptor, size = _open(path)
    if descriptor < 0:
        return ""
    try:
        data = _read(descriptor, max(0, size - FIRST_TAIL), size)
    except OSError:
        return ""
    finally:
        posix.close(descriptor)
    for begin, end in marked_lines(data):
        name = text_of(record_of(data[begin:end]), "attributionAgent")
        if name:
            return name
    return ""


def _open(path: str) -> tuple[int, int]:
    """Return the descriptor and the size (bytes) of a regular file; (-1, 0) for a link or anything else."""
    descriptor = -1
    try:
        descriptor = posix.open(path, _OPEN_FLAGS)
        status = posix.fstat(descriptor)
    except (OSError, ValueError):
        return -1, 0
    if status.st_mode & _FILE_TYPE != _REGULAR:
        posix.close(descriptor)
        return -1, 0
    return descriptor, status.st_size


def _read(descriptor: int, start: int, end: int) -> bytes:
    data = posix.pread(descriptor, end - start, start)
    while len(data) < end - start:
        more = posix.pread(descriptor, end - start - len(data), start + len(data))
        if not more:
            break
        data += more
    return data


def _until(call: str, messages: dict[str, Message], size: int) -> tuple[dict[str, Message], int]:
    """Return the messages up to the one that makes a call, and how many bytes of the file they are; else all."""
    until: dict[str, Message] = {}
    is_made = False
    for name, message in messages.items():
        if is_made:
            return until, message.offset
        until[name] = message
        is_made = call in message.calls
    return messages, size


def _is_before(descriptor: int, start: int, end: int, call: str, messages: dict[str, Message]) -> bool:
    """Return whether a call that none of the messages makes is in the file before them: its hook was overtaken."""
    if not call or any(call in message.calls for message in messages.values()):
        return False
    return f'"{call}"'.encode() in _read(descriptor, start, end)


def _newest(
    messages: dict[str, Message], size: int, start: int, known: str = "", overtaken: Sequence[str] = ()
) -> Measurement:
    """Return the measurement of the newest message; `known` was measured before, `overtaken` calls come before that."""
    *before, newest_id = messages
    newest = messages[newest_id]
    earlier = [*overtaken, *[call for message in before for call in messages[message].calls]]
    thoughts = 0
    if newest.is_placeholder or "sonnet-4-5" in newest.model:
        # Imported here: the models and clients that are in use today do neither.
        from moai_flow.hook import outputs

        unknown = messages if known else [newest_id]
        thoughts = sum([outputs.forgotten_thoughts(messages[name], name) for name in unknown if name != known])
        if newest.is_placeholder:
            outputs.fill_in(newest, newest_id)
    return Measurement(
        newest.occupancy,
        newest.output,
        newest_id,
        newest.offset,
        start=start,
        transcript_bytes=size,
        calls=newest.calls,
        earlier=earlier,
        compactions=[message for message in messages if message.startswith(COMPACTION)],
        ended=newest.ended,
        model=newest.model,
        client=newest.client,
        is_rough=newest.is_rough,
        before=newest.before,
        texts=newest.texts,
        thoughts=thoughts,
    )
