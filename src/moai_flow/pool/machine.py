"""This machine's id: its host name, for people, and a random part, because host names are not unique.

A home folder may be shared between machines, and machines may be copied: the host name and the random part
together tell them apart. The id reveals nothing but the host name.
"""

from __future__ import annotations

import posix

from moai_flow.core.names import is_swarm_name, safe_name
from moai_flow.hook.state import files

_HOST_LENGTH = 40
_RANDOM_BYTES = 4
_FILE = "machine"
_MAX_BYTES = 64


def machine_id(state: str) -> str:
    """Return this machine's id, made at first use and kept in the state folder.

    Raises:
        OSError: it can be neither read nor written.
    """
    host = safe_name(posix.uname().nodename.partition(".")[0][:_HOST_LENGTH])
    return f"{host}-{_random_part(f'{state}/{_FILE}')}"


def _random_part(path: str) -> str:
    kept = _kept(path)
    if kept:
        return kept
    files.ensure_folder(path.rpartition("/")[0])
    made = posix.urandom(_RANDOM_BYTES).hex()
    temporary = f"{path}.{made}.tmp"
    files.replace(temporary, made.encode("ascii"))
    try:
        # A link is made by one process only, even if others try at the same time.
        posix.link(temporary, path)
    except FileExistsError:
        if not _kept(path):
            # Damaged: what cannot be read has no users.
            posix.replace(temporary, path)
            return made
    posix.unlink(temporary)
    return _kept(path) or made


def _kept(path: str) -> str:
    try:
        data = files.read(path, _MAX_BYTES)
    except OSError:
        return ""
    text = data.decode("ascii", "replace").strip() if data is not None else ""
    return text if is_swarm_name(text) else ""
