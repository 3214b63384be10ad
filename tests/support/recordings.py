"""Reads the recordings of real sessions and plays them back, event by event.

A window is named by one key everywhere here: the session's id for its main window, the agent's id
for a subagent's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

JsonObject = dict[str, Any]

FOLDER = Path(__file__).resolve().parent.parent / "recordings"


def recordings(pattern: str = "*/*") -> list[Recording]:
    """Return the recordings whose "version/scenario" matches a glob, such as "*/natural*"."""
    found = sorted(path.parent for path in FOLDER.glob(f"{pattern}/events.jsonl"))
    if not found:
        raise LookupError(f"no recording matches {pattern!r} in {FOLDER}")
    return [Recording(path) for path in found]


class Event:
    """A hook that ran: what it was given, and what the transcripts held at that moment.

    Attributes:
        seq: its place among the recording's events, from 0.
        at: seconds since the first event.
        payload: what the hook reads from standard input.
        sizes: bytes of each transcript, by its path below the project's folder of transcripts.
        env: variables that the client sets for its hooks.
    """

    __slots__ = ("at", "env", "payload", "seq", "sizes")

    def __init__(self, record: JsonObject) -> None:
        self.seq: int = record["seq"]
        self.at: float = record["at"]
        self.payload: JsonObject = record["payload"]
        self.sizes: dict[str, int] = record["sizes"]
        self.env: dict[str, str] = record["env"]

    @property
    def name(self) -> str:
        """The event's name, such as "PostToolUse"."""
        return str(self.payload["hook_event_name"])

    @property
    def window(self) -> str:
        """The window in which it happened."""
        return str(self.payload.get("agent_id") or self.payload["session_id"])


class Request:
    """A request to the model, and the usage it was answered with: the truth, in tokens.

    Attributes:
        seq: the first event that came after the request was sent.
        window: the window that asked.
        message_id: the answer's id, as transcripts repeat it.
        size: bytes of the request.
        usage: the four figures, as the API words them.
    """

    __slots__ = ("message_id", "seq", "size", "usage", "window")

    def __init__(self, record: JsonObject) -> None:
        main = record["window"] == "main"
        self.seq: int = record["seq"]
        self.window: str = record["session"] if main else record["window"]
        self.message_id: str = record["message_id"]
        self.size: int = record["bytes"]
        self.usage: dict[str, int] = record["usage"]

    @property
    def read(self) -> int:
        """What the model read: fresh input and both kinds of cached."""
        return self.occupancy - self.usage["output_tokens"]

    @property
    def occupancy(self) -> int:
        """What the window holds once the answer is in it."""
        names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
        return sum(self.usage[name] for name in names)


class Recording:
    """One recorded scenario; its `str` is "version/scenario", fit for a test's id."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"{folder.parent.name}/{folder.name}"
        root = json.loads((folder / "root.json").read_text())
        self.version: str = root["version"]
        self.projects_dir: str = root["projects_dir"].rstrip("/")
        self.project: str = root["project"]
        self.events = [Event(record) for record in _lines(folder / "events.jsonl")]
        truth = _lines(folder / "truth.jsonl")
        self.requests = [Request(record) for record in truth if record["window"] is not None]

    def __str__(self) -> str:
        return self.name

    def status(self) -> list[JsonObject]:
        """Return the status line's inputs, where the scenario ran in a terminal."""
        path = self.folder / "status.jsonl"
        return _lines(path) if path.exists() else []

    def next_request(self, event: Event) -> Request | None:
        """Return the next request of an event's window: what it read was in the window at the event."""
        later = (one for one in self.requests if one.window == event.window and one.seq > event.seq)
        return next(later, None)

    def last_request(self, window: str, *, before: Event | None = None) -> Request | None:
        """Return a window's last request; with `before`, the last that was answered by that event."""
        asked = [one for one in self.requests if one.window == window]
        if before is not None:
            asked = [one for one in asked if one.seq <= before.seq]
        return asked[-1] if asked else None

    def windows(self) -> list[str]:
        """Return every window that made a request, in order of its first."""
        return list(dict.fromkeys(one.window for one in self.requests))

    def replay(self, folder: Path) -> Iterator[Event]:
        """Yield the events in order, each with the transcripts under `folder` as they were then.

        The payloads' transcript paths lead there; every other path stays as recorded, so the
        project's folder does not exist.
        """
        projects = folder / "projects" / Path(self.projects_dir).name
        projects.mkdir(parents=True, exist_ok=True)
        contents: dict[str, bytes] = {}
        for event in self.events:
            for name, size in event.sizes.items():
                if name not in contents:
                    contents[name] = (self.folder / "files" / name).read_bytes()
                _grow(projects / name, contents[name], size)
            yield self._moved(event, projects)

    def _moved(self, event: Event, projects: Path) -> Event:
        """Return the event with its transcript paths below `projects`."""
        payload = dict(event.payload)
        for key in ("transcript_path", "agent_transcript_path"):
            path = str(payload.get(key) or "")
            if path.startswith(self.projects_dir):
                payload[key] = str(projects) + path[len(self.projects_dir) :]
        same = {"seq": event.seq, "at": event.at, "sizes": event.sizes, "env": event.env}
        return Event({**same, "payload": payload})


def _grow(path: Path, content: bytes, size: int) -> None:
    """Bring a copy of `content` to its first `size` bytes, by appending as the client does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        have = file.tell()
        if have > size:
            file.truncate(size)
        file.write(content[have:size])


def _lines(path: Path) -> list[JsonObject]:
    return [json.loads(line) for line in path.read_text().splitlines()]
