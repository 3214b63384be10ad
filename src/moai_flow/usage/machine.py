"""The usage of all transcripts on this machine."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from moai_flow.core.swarm import MAIN
from moai_flow.usage import attribution, grouping
from moai_flow.usage.client_totals import unrecorded
from moai_flow.usage.days import day_begins, day_ends, local_day
from moai_flow.usage.places import find_transcripts, project_folders
from moai_flow.usage.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from moai_flow.usage.classes import Usage
    from moai_flow.usage.places import Transcript
    from moai_flow.usage.tally import Entry

    SwarmOf = Callable[[str, str], str]

KINDS = ("swarm", "agent", "model", "day", "project", "session")
"""What the sums can be keyed by; `prompt` and `window` too."""


class MachineUsage:
    """What was billed for some transcripts, each API message once.

    Attributes:
        entries: the usage, summed up by session, agent, model, project and quarter of an hour (or kept apart by
            prompt), with its `at` in seconds since the epoch.
        files: transcripts that were found.
        unrecorded: tokens that the clients say they were billed beyond their messages: requests that compact a window,
            titles. It is part of no sum; None where days were asked for, to which it cannot be assigned.
        problems: files that could not be read, and why.
    """

    __slots__ = ("entries", "files", "problems", "unrecorded")

    def __init__(self, files: int, problems: dict[str, str]) -> None:
        self.entries: list[Entry] = []
        self.files = files
        self.problems = problems
        self.unrecorded: Usage | None = None

    @property
    def totals(self) -> Usage:
        """The sum of all."""
        return grouping.total(self.entries)

    def by(self, kind: str, swarm_of: SwarmOf | None = None) -> dict[str, Usage]:
        """Return the sums by one of `KINDS`, the largest first; days in their order.

        Args:
            kind: what to key the sums by.
            swarm_of: the swarm of a project (first) and an agent's type (second); without it a swarm is named after
                the type.
        """
        return grouping.group(self.entries, key_function(kind, swarm_of), in_order=kind == "day")


def key_function(kind: str, swarm_of: SwarmOf | None = None) -> Callable[[Entry], str]:
    """Return what gives an entry's key of a kind, as `MachineUsage.by` takes it.

    Raises:
        ValueError: there is no such kind.
    """
    if kind == "day":
        days: dict[int, str] = {}

        def day(entry: Entry) -> str:
            if entry.at not in days:
                days[entry.at] = local_day(entry.at)
            return days[entry.at]

        return day
    if kind == "swarm":

        def swarm(entry: Entry) -> str:
            if not entry.agent or (not entry.agent_type and attribution.is_client_helper(entry.agent)):
                return MAIN
            if swarm_of is not None:
                return swarm_of(entry.project, entry.agent_type)
            return attribution.swarm_of_agent(entry.agent_type)

        return swarm
    if kind in grouping.KINDS:
        return grouping.KINDS[kind]
    raise ValueError(f"usage is summed up by {', '.join(KINDS)}, prompt or window, not by {kind}")


def read_usage(
    folders: list[str] | None = None,
    *,
    cache: str = "",
    since: date | None = None,
    until: date | None = None,
    session: str = "",
    by_prompt: bool = False,
) -> MachineUsage:
    """Return what was billed for the transcripts in some folders of projects.

    Args:
        folders: the folders (`~/.claude/projects`); None for all that this machine's clients use.
        cache: a private folder in which the results are kept, so that the next call reads only what is new; "" for
            none.
        since: the first local day; None for no limit.
        until: the last local day; None for no limit.
        session: how the session's id begins; "" for all.
        by_prompt: whether to keep prompts apart.
    """
    places = project_folders(os.environ) if folders is None else [os.path.realpath(folder) for folder in folders]
    transcripts = find_transcripts(places)
    first, end = (day_begins(since) if since else None), (day_ends(until) if until else None)
    with closing(_updated(str(Path(cache, _file_name(places))) if cache else "", transcripts)) as store:
        found = MachineUsage(len(transcripts), store.problems)
        found.entries = [
            entry
            for entry in store.entries(session=session, by_prompt=by_prompt)
            if (first is None or entry.at >= first) and (end is None or entry.at < end)
        ]
        if since is None and until is None:
            found.unrecorded = unrecorded(store.client_totals(session=session), found.entries)
    return found


def _updated(path: str, transcripts: list[Transcript]) -> Store:
    """Return the results for some transcripts: in memory where none can be kept, or another process keeps them."""
    if path:
        try:
            kept = Store(path)
            kept.update(transcripts)
        except sqlite3.OperationalError:
            pass
        except sqlite3.DatabaseError:
            Path(path).unlink(missing_ok=True)
        else:
            return kept
    store = Store("")
    store.update(transcripts)
    return store


def _file_name(folders: list[str]) -> str:
    """Return the name of the results of some folders: other folders have other results."""
    return f"usage-{blake2b(os.pathsep.join(folders).encode(), digest_size=8).hexdigest()}.sqlite"
