"""Reading a file of the user's or of a project's: a regular one only, and not without a limit.

The hooks' own way to open a file; on Windows, where it does not exist, the same checks by `os`.
"""

from __future__ import annotations

import os
import stat


def read(path: str, most: int) -> bytes | None:
    """Return the bytes of a file or of what a link leads to, None if there is none.

    Args:
        path: the file.
        most: bytes that are read at most.

    Raises:
        OSError: it cannot be read, is no regular file (a pipe would be waited for), or is larger; says which.
    """
    if os.name == "posix":
        from moai_flow.hook.state import files

        try:
            return files.read_whole(path, most, follow=True)
        except (files.NotRegular, files.TooLarge) as error:
            raise OSError(0, reason(error, most)) from error
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "not a regular file")
        if status.st_size > most:
            raise OSError(0, f"larger than {most:,} bytes")
        with open(path, "rb") as file:
            return file.read(most)
    except FileNotFoundError:
        return None


def reason(error: OSError, most: int) -> str:
    """Return why a file is not read, in a few words."""
    from moai_flow.hook.state import files

    if isinstance(error, files.NotRegular):
        return "not a regular file"
    if isinstance(error, files.TooLarge):
        return f"larger than {most:,} bytes"
    return error.strerror or str(error)
