"""Where the client keeps its transcripts: `<projects>/<project>/<session>.jsonl`, and below them those of agents.

Subagents' lie in `<session>/subagents/`, a workflow's agents deeper; clients 2.0 put `agent-<id>.jsonl` beside the
sessions. Links are not followed: what they lead to is found where it is.
"""

# ruff: noqa: PTH111, PTH112, PTH118 - thousands of files are listed: paths stay texts

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from moai_flow.usage.messages import record_of
from moai_flow.usage.reading import read_beginning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

CONFIG_VARIABLE = "CLAUDE_CONFIG_DIR"
"""Names the client's folder instead of the default ones; several are separated by commas."""

AGENT_PREFIX, SUFFIX = "agent-", ".jsonl"
MAX_DEPTH = 8
"""Folders below a project's in which transcripts are looked for."""

_HEAD_BYTES = 1 << 16


class Transcript:
    """One file of a session.

    Attributes:
        path: the file.
        folder: the name that the client made of the project's folder.
        session: the session's id; "" where only the records tell (clients 2.0).
        agent: the agent's id, "" for the main window.
        size: bytes.
        changed: nanoseconds since the epoch at which it was written last.
    """

    __slots__ = ("agent", "changed", "folder", "path", "session", "size")

    def __init__(self, path: str, folder: str, session: str, agent: str, size: int, changed: int) -> None:
        self.path = path
        self.folder = folder
        self.session = session
        self.agent = agent
        self.size = size
        self.changed = changed


def project_folders(environ: Mapping[str, str]) -> list[str]:
    """Return the folders of projects of this machine's clients that exist, each once.

    `CLAUDE_CONFIG_DIR` comes first; else both places that clients have used, `~/.config/claude` and `~/.claude`.
    """
    chosen = [name.strip() for name in environ.get(CONFIG_VARIABLE, "").split(",") if name.strip()]
    if not chosen:
        home = environ.get("HOME") or os.path.expanduser("~")
        settings = environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
        chosen = [os.path.join(settings, "claude"), os.path.join(home, ".claude")]
    found = []
    for name in chosen:
        folder = os.path.realpath(os.path.join(os.path.expanduser(name), "projects"))
        if os.path.isdir(folder) and folder not in found:
            found.append(folder)
    return found


def find_transcripts(folders: list[str]) -> list[Transcript]:
    """Return all transcripts below some folders of projects, by path; what cannot be listed is left out."""
    found: list[Transcript] = []
    for root in folders:
        for entry in _listed(root):
            if entry.is_dir(follow_symlinks=False):
                found += _below(entry.path, _name(entry.name), [])
    return sorted(found, key=lambda transcript: transcript.path)


def choose(
    transcripts: Iterable[Transcript], *, session: str = "", project: str = "", since: float = 0.0
) -> list[Transcript]:
    """Return some of the transcripts.

    Args:
        transcripts: those that were found.
        session: how the session's id begins; "" for all.
        project: the project's folder; "" for all.
        since: seconds since the epoch: those written since then.
    """
    folder = folder_name(project)
    return [
        transcript
        for transcript in transcripts
        if transcript.session.startswith(session)
        and (not project or transcript.folder == folder)
        and transcript.changed >= since * 1e9
    ]


def folder_name(project: str) -> str:
    """Return the name that the client gives the folder of a project's transcripts."""
    return "".join([c if c.isascii() and c.isalnum() else "-" for c in project])


def read_head(path: str) -> tuple[str, str]:
    """Return the session's id and the working folder that a transcript's first records name, "" for what none does."""
    session = cwd = ""
    for line in read_beginning(path, _HEAD_BYTES).split(b"\n"):
        if (not session and b'"sessionId"' in line) or (not cwd and b'"cwd"' in line):
            record = record_of(line)
            session = session or _text(record.get("sessionId"))
            cwd = cwd or _text(record.get("cwd"))
        if session and cwd:
            break
    return session, cwd


def read_agent_type(path: str) -> str:
    """Return the type that the client's note beside an agent's transcript tells, "" without one.

    A teammate's `agentType` is its name; the type it was spawned with stands beside it.
    """
    note = record_of(read_beginning(path.removesuffix(SUFFIX) + ".meta.json", _HEAD_BYTES))
    return _text(note.get("spawnedAgentType")) or _text(note.get("agentType"))


def _below(folder: str, project: str, inside: list[str]) -> Iterator[Transcript]:
    """Yield the transcripts in a folder and below it; `inside` are the folders from the project's on."""
    for entry in _listed(folder):
        if entry.is_dir(follow_symlinks=False):
            if len(inside) < MAX_DEPTH:
                yield from _below(entry.path, project, [*inside, _name(entry.name)])
        elif entry.name.endswith(SUFFIX) and entry.is_file(follow_symlinks=False):
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            stem = _name(entry.name).removesuffix(SUFFIX)
            agent = stem.removeprefix(AGENT_PREFIX) if stem.startswith(AGENT_PREFIX) else ""
            session = inside[0] if inside else "" if agent else stem
            yield Transcript(entry.path, project, session, agent, status.st_size, status.st_mtime_ns)


def _listed(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _name(name: str) -> str:
    """Return a file's name as text that can be kept: on Linux it may be no text at all."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "replace")


def _text(value: object) -> str:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
