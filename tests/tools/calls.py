"""The steps that scenarios are made of: tool calls, as the model would make them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from record import Recorder

Call = list[Any]
Step = dict[str, Any]


def bash(command: str) -> Call:
    return ["Bash", {"command": command}]


def read(recorder: Recorder, name: str, **part: int) -> Call:
    return ["Read", {"file_path": str(recorder.project / name), **part}]


def write(recorder: Recorder, name: str, content: str) -> Call:
    return ["Write", {"file_path": str(recorder.project / name), "content": content}]


def edit(recorder: Recorder, name: str, old: str, new: str) -> Call:
    where = {"file_path": str(recorder.project / name)}
    return ["Edit", {**where, "old_string": old, "new_string": new}]


def agent(kind: str, prompt: str, *, background: bool | None = False) -> Call:
    """Return a call of the Agent tool; `background` None leaves the choice to the client."""
    task: dict[str, Any] = {"description": kind, "subagent_type": kind, "prompt": prompt}
    if background is not None:
        task["run_in_background"] = background
    return ["Agent", task]


def calls(*several: Call, **more: Any) -> Step:
    return {"tools": list(several), **more}


def put(recorder: Recorder, name: str, content: str | bytes) -> None:
    """Put a file into the project."""
    path = recorder.project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
