"""How far a transcript was read, as data that a ledger or a cache can keep. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MAX_CALLS = 1_000


class Progress:
    """How far a file was read, and what its next lines need to know of the earlier ones.

    Attributes:
        offset: bytes that were read and need not be read again.
        inode: the file's number; another file under the same name is read from its beginning.
        mark: a fingerprint of the bytes before `offset`, to find out that they were changed.
        is_in_line: whether `offset` is inside a line too long to be read, whose rest is left out.
        prompt: the id of the last prompt.
        at: the last record's time, in seconds since the epoch.
        calls: types of agents asked for in calls whose results are still to come, by the call's id.
    """

    __slots__ = ("at", "calls", "inode", "is_in_line", "mark", "offset", "prompt")

    def __init__(self) -> None:
        self.calls: dict[str, str]
        self.start_over()

    def start_over(self) -> None:
        """Forget everything: the file is another one now."""
        self.offset = self.inode = self.mark = self.at = 0
        self.is_in_line = False
        self.prompt = ""
        self.calls = {}

    def to_list(self) -> list[Any]:
        """Return it as JSON values, for `from_list`."""
        return [self.offset, self.inode, self.mark, int(self.is_in_line), self.prompt, self.at, self.calls]

    @classmethod
    def from_list(cls, kept: object) -> Progress:
        """Return what `to_list` gave; a new one, which reads from the beginning, for anything else."""
        progress = cls()
        if not isinstance(kept, list) or len(kept) != 7:  # noqa: PLR2004 - the attributes
            return progress
        *numbers, prompt, at, calls = kept
        if not all(type(number) is int and number >= 0 for number in (*numbers, at)):
            return progress
        if not isinstance(prompt, str) or not isinstance(calls, dict) or len(calls) > _MAX_CALLS:
            return progress
        progress.offset, progress.inode, progress.mark = numbers[:3]
        progress.is_in_line = bool(numbers[3])
        progress.prompt, progress.at = prompt, at
        progress.calls = {str(call): str(kind) for call, kind in calls.items()}
        return progress
