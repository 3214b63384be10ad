"""A settings file of the client on disk: read with its bytes, replaced in one step, with a backup beside it."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from moai_flow.cli.client import regular_file
from moai_flow.cli.client.jsontext import Document
from moai_flow.core.errors import TokenBudgetError

if TYPE_CHECKING:
    from collections.abc import Iterator

BACKUP_SUFFIX = ".token-budget-backup"
MAX_BYTES = 1 << 24
"""Bytes of a settings file that is read and written."""

_BOM = "\ufeff"
_EMPTY = "{}\n"


class SettingsFile:
    """One settings file.

    Args:
        path: where the client looks for it. Where that is a link, what it leads to is read and written, and the
            link stays.

    Raises:
        TokenBudgetError: it is there and cannot be read, or is no JSON object; names the line.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.target = os.path.realpath(path)
        self.backup = self.target + BACKUP_SUFFIX
        self.stored = _read(self.target)
        self.document = self._parse(self.stored, path)

    @property
    def exists(self) -> bool:
        """Whether the file was there when it was read."""
        return self.stored is not None

    def _parse(self, data: bytes | None, path: str) -> Document:
        try:
            text = _EMPTY if data is None else data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = (data or b"")[: error.start].count(b"\n") + 1
            raise TokenBudgetError(f"{path}:{line}: not UTF-8; correct it first, nothing was changed") from error
        self._prefix = _BOM if text.startswith(_BOM) else ""
        text = text.removeprefix(_BOM)
        try:
            # A file that was made empty is as good as none.
            return Document(text if text.strip() else _EMPTY)
        except json.JSONDecodeError as error:
            raise TokenBudgetError(
                f"{path}:{error.lineno}:{error.colno}: not JSON ({error.msg}); correct it first, nothing was changed"
            ) from error
        except (TypeError, RecursionError) as error:
            raise TokenBudgetError(f"{path}: {error}; correct it first, nothing was changed") from error

    @property
    def changed(self) -> bytes | None:
        """The bytes that would be written; None if that is what is there."""
        data = (self._prefix + self.document.text).encode()
        return None if data == self.stored else data

    def diff(self, data: bytes | None) -> Iterator[str]:
        """Yield the lines of a unified diff from the file to `data`; None means no file."""
        from difflib import unified_diff

        before, after = ((content or b"").decode().splitlines() for content in (self.stored, data))
        old, new = (self.path if content is not None else os.devnull for content in (self.stored, data))
        return unified_diff(before, after, old, new, lineterm="")

    def read_backup(self) -> bytes | None:
        """Return the backup, None if there is none."""
        return _read(self.backup)

    def write_backup(self) -> None:
        """Keep what is there now."""
        if self.stored is not None:
            _replace(self.backup, self.stored, like=self.target)

    def remove_backup(self) -> None:
        """Remove the backup, if there is one."""
        with suppress(FileNotFoundError):
            os.unlink(self.backup)

    def write(self, data: bytes | None) -> None:
        """Replace the file in one step, with its rights; None removes it.

        Raises:
            TokenBudgetError: it was changed since it was read, or it cannot be written.
        """
        if _read(self.target) != self.stored:
            raise TokenBudgetError(f"{self.path}: somebody changed it just now; nothing was written, run this again")
        if data is None:
            os.unlink(self.target)
        else:
            _replace(self.target, data, like=self.target)


def _read(path: str) -> bytes | None:
    try:
        return regular_file.read(path, MAX_BYTES)
    except OSError as error:
        raise TokenBudgetError(f"{path}: cannot be read ({error.strerror})") from error


def _replace(path: str, data: bytes, *, like: str) -> None:
    """Replace a file in one step; it gets the rights and the owner of the file `like`, if that is there."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(descriptor)
            with suppress(FileNotFoundError):
                status = os.stat(like)
                if hasattr(os, "chown"):
                    with suppress(PermissionError):
                        os.chown(temporary, status.st_uid, status.st_gid)
                os.chmod(temporary, status.st_mode & 0o7777)
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise TokenBudgetError(f"{path}: cannot be written ({error.strerror}); nothing was changed") from error
