"""The sessions that the client's transcripts record: which there are, their files, and whose project they were."""

from __future__ import annotations

from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

from moai_flow.core.errors import TokenBudgetError
from moai_flow.usage.places import AGENT_PREFIX, SUFFIX, Transcript, find_transcripts, folder_name, read_head

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_AGENTS = 10_000

_NANOSECONDS = 1_000_000_000
_HELPERS = ("acompact-", "aprompt_suggestion-")


def is_helper(agent: str) -> bool:
    """Return whether an agent's id is one that the client gives its own helpers.

    They copy the main window's history and are not budgeted.
    """
    return agent.startswith(_HELPERS)


class Recorded:
    """One session's transcripts.

    Attributes:
        main: the main window's.
        agents: its subagents', without those of the client's own helpers, by path.
    """

    __slots__ = ("agents", "main")

    def __init__(self, main: Transcript, agents: Iterable[Transcript] = ()) -> None:
        self.main = main
        self.agents = sorted(agents, key=lambda one: one.path)[:MAX_AGENTS]

    @property
    def session_id(self) -> str:
        """The session's id."""
        return self.main.session

    @property
    def files(self) -> list[Transcript]:
        """All files, the main one first."""
        return [self.main, *self.agents]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def changed(self) -> float:
        """When one of its files was written last, in seconds since the epoch."""
        return max(file.changed for file in self.files) / _NANOSECONDS


def find(folders: Sequence[str]) -> list[Recorded]:
    """Return the sessions whose transcripts lie below some folders of projects, those that were written last first."""
    return group(find_transcripts(list(folders)))


def group(transcripts: Iterable[Transcript]) -> list[Recorded]:
    """Return transcripts as sessions, those that were written last first; agents without a main file are left out.

    Clients 2.0 kept subagents' files beside the sessions': their records name the session.
    """
    mains: dict[tuple[str, str], Transcript] = {}
    agents: dict[tuple[str, str], list[Transcript]] = {}
    for one in transcripts:
        if not one.agent:
            known = mains.get((one.folder, one.session))
            # A file deeper below a session's folder that is no agent's is somebody else's.
            if known is None or len(one.path) < len(known.path):
                mains[one.folder, one.session] = one
        elif not is_helper(one.agent):
            session = one.session or read_head(one.path)[0]
            agents.setdefault((one.folder, session), []).append(one)
    found = [Recorded(main, agents.get(place, ())) for place, main in mains.items() if _is_main(main)]
    return sorted(found, key=lambda one: (-one.changed, one.session_id))


def at(path: str | Path) -> Recorded:
    """Return the session with a main transcript at `path`, wherever that is.

    Raises:
        TokenBudgetError: it cannot be read.
    """
    file = Path(path).resolve()
    main = _transcript(file, file.stem, "")
    agents = []
    for inside in sorted(file.with_suffix("").glob(f"**/{AGENT_PREFIX}*{SUFFIX}")):
        agent = inside.stem.removeprefix(AGENT_PREFIX)
        if not is_helper(agent) and not inside.is_symlink():
            agents.append(_transcript(inside, main.session, agent))
    return Recorded(main, agents)


def inside(folder: str) -> list[Recorded]:
    """Return the sessions in a folder of transcripts, or in one of projects; none for any other folder."""
    place = Path(folder).resolve()
    mains = [path for path in place.glob(f"*{SUFFIX}") if not path.name.startswith(AGENT_PREFIX) and path.is_file()]
    if mains:
        return sorted([at(path) for path in mains], key=lambda one: -one.changed)
    return [one for one in find([str(place)]) if one.main.folder.startswith("-")]


def of_project(found: Iterable[Recorded], project: str) -> list[Recorded]:
    """Return the sessions of a project's folder: the client names their folder after it."""
    name = folder_name(project)
    return [one for one in found if one.main.folder == name or _is_in(one, project)]


def _is_in(one: Recorded, project: str) -> bool:
    """Return whether a session that lies in no folder of the client's ran in a project."""
    return not one.main.folder.startswith("-") and read_head(one.main.path)[1] == project


def _is_main(main: Transcript) -> bool:
    return main.path.endswith(f"/{main.session}{SUFFIX}")


def _transcript(path: Path, session: str, agent: str) -> Transcript:
    try:
        status = path.stat()
    except OSError as error:
        raise TokenBudgetError(f"{path}: cannot be read ({error.strerror})") from error
    if not S_ISREG(status.st_mode):
        raise TokenBudgetError(f"{path}: cannot be read (it is no regular file)")
    return Transcript(str(path), path.parent.name, session, agent, status.st_size, status.st_mtime_ns)
