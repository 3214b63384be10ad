"""Reading the billed messages of transcripts, each file from where it was left, by several processes where it pays."""

from __future__ import annotations

import os
import signal
import sys
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from moai_flow.usage import places
from moai_flow.usage.client_totals import merge_totals, read_totals
from moai_flow.usage.messages import Message, read_lines
from moai_flow.usage.progress import Progress
from moai_flow.usage.reading import read_new
from moai_flow.usage.tally import Place, rank

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PARALLEL_BYTES = 48_000_000
"""New bytes from which on several processes are faster than one."""

MAX_PROCESSES = 4


class Task:
    """A file to read on.

    Attributes:
        number: what the caller knows it by.
        transcript: the file.
        progress: how far it was read, as `Progress.to_list` gives it; None for not at all.
    """

    __slots__ = ("number", "progress", "transcript")

    def __init__(self, number: int, transcript: places.Transcript, progress: list[Any] | None) -> None:
        self.number = number
        self.transcript = transcript
        self.progress = progress


class Found:
    """What was new in a file.

    Attributes:
        number: the task's.
        problem: why it could not be read, "" if it was.
        is_other: whether what was taken from the file before no longer holds.
        progress: how far it is read now, for the next task.
        place: the file's session, agent and project; the type is "" where only other files can tell it.
        messages: its new messages, or those with a fuller usage.
        agent_types: types of agents by their ids.
        client_totals: what the client says it was billed in all.
    """

    __slots__ = ("agent_types", "client_totals", "is_other", "messages", "number", "place", "problem", "progress")

    def __init__(self, number: int) -> None:
        self.number = number
        self.problem = ""
        self.is_other = False
        self.progress: list[Any] = []
        self.place = Place("")
        self.messages: list[tuple[Any, ...]] = []
        self.agent_types: dict[str, str] = {}
        self.client_totals: dict[str, list[int]] = {}


def scan(tasks: list[Task]) -> Iterator[Found]:
    """Yield what is new in each file, in any order."""
    new = sum(task.transcript.size - (task.progress[0] if task.progress else 0) for task in tasks)
    processes = min(MAX_PROCESSES, os.cpu_count() or 1, len(tasks))
    if new < PARALLEL_BYTES or processes < 2:  # noqa: PLR2004 - one process is this one
        yield from map(scan_file, tasks)
        return
    import multiprocessing  # noqa: PLC0415 - only where there is much to read

    # A fork shares the modules that are loaded; where threads run, or there is none, processes start anew.
    method = "fork" if sys.platform == "linux" else "spawn"
    largest_first = sorted(tasks, key=lambda task: -task.transcript.size)
    # Ctrl-C is for this process, which ends the others.
    ignore = (signal.SIGINT, signal.SIG_IGN)
    with multiprocessing.get_context(method).Pool(processes, signal.signal, ignore) as pool:
        yield from pool.imap_unordered(scan_file, largest_first)


def scan_file(task: Task) -> Found:
    """Return what is new in one file."""
    found, transcript = Found(task.number), task.transcript
    progress = Progress.from_list(task.progress)
    messages: dict[str, Message] = {}
    try:
        while True:
            fresh = read_new(transcript.path, progress, with_rest=True)
            if fresh.is_other:
                found.is_other = True
                messages.clear()
                found.client_totals.clear()
            for data in (fresh.lines, fresh.rest):
                batch = read_lines(data, progress, is_agent=bool(transcript.agent))
                _merge(messages, batch.messages.values())
                found.agent_types.update(batch.agent_types)
                merge_totals(found.client_totals, read_totals(data))
            if fresh.rest or (not fresh.lines and not progress.is_in_line) or fresh.remaining <= 0:
                break
    except OSError as error:
        found.problem = error.strerror or str(error)
        return found
    found.progress = progress.to_list()
    session, cwd = places.read_head(transcript.path)
    project = cwd if places.folder_name(cwd) == transcript.folder else ""
    named = [message.agent_type for message in messages.values() if message.agent_type]
    agent_type = ""
    if transcript.agent:
        agent_type = places.read_agent_type(transcript.path) or (named[-1] if named else "")
    found.place = Place(transcript.session or session, transcript.agent, agent_type, project)
    # A copy at the file's beginning names another type than its own records do, whatever the client's note says.
    own = Place(found.place.session, transcript.agent, named[-1] if named else "")
    found.messages = [_row(message, rank(message, own)) for message in messages.values()]
    return found


def _merge(messages: dict[str, Message], more: Iterable[Message]) -> None:
    for message in more:
        known = messages.get(message.key)
        if known is None or message.usage.total > known.usage.total:
            messages[message.key] = message


def _row(message: Message, near: int) -> tuple[Any, ...]:
    """Return a message as the store keeps it, its key as a number."""
    key = int.from_bytes(blake2b(message.key.encode(), digest_size=8).digest(), "little", signed=True)
    return (
        key,
        near,
        message.at,
        message.origin,
        message.agent,
        message.agent_type,
        message.model,
        message.prompt,
        *message.usage.as_tuple(),
    )
