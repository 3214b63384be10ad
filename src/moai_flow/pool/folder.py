"""A pool's folder in the state folder: one file a session, the accounts, and one permanent lock.

On the hook's path: it reads and replaces files with the hook's own functions and imports nothing else.
"""

from __future__ import annotations

import posix

from moai_flow.core import compact_json
from moai_flow.hook.state import files
from moai_flow.pool import membership
from moai_flow.pool.accounts import Accounts, Lease, Publication

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from moai_flow.pool.membership import Membership

MAX_BYTES = 1 << 20
"""Bytes of one file that are read at most: the accounts of a thousand leases take a tenth of it."""

KEPT_SECONDS = 30 * 86_400.0
"""Seconds without a change after which the file of a session of an earlier period goes."""

_SUFFIX = ".json"
_ACCOUNTS = "accounts"


def pools(state: str) -> str:
    """Return the folder of all pools."""
    return f"{state}/pools"


def pool_folder(state: str, name: str) -> str:
    """Return the folder of one pool."""
    return f"{state}/pools/{name}"


def names(state: str) -> list[str]:
    """Return the names of the pools that this machine has taken part in."""
    try:
        return sorted(name for name in posix.listdir(pools(state)) if not name.startswith("."))
    except OSError:
        return []


class Folder:
    """The files of one pool.

    Args:
        state: the state folder.
        name: the pool's name, which must be a valid one.
    """

    __slots__ = ("path", "state")

    def __init__(self, state: str, name: str) -> None:
        self.state = state
        self.path = pool_folder(state, name)

    def lock(self) -> int:
        """Make the folder if it is missing, take its lock and return the descriptor.

        Raises:
            files.Busy: another process keeps it and makes no progress.
            OSError: the folder cannot be made, or the lock cannot be opened.
        """
        files.ensure_folder(pools(self.state))
        files.ensure_folder(self.path)
        return files.lock(f"{self.path}/lock", f"{self.path}/{_ACCOUNTS}")

    # -- sessions --------------------------------------------------------------------------------------------

    def _file(self, session: str) -> str:
        return f"{self.path}/{session}{_SUFFIX}"

    def load(self, machine: str, session: str) -> Membership:
        """Return a session's membership; a new one where there is none, or none that can be read."""
        return self.read(session) or membership.Membership(machine, session)

    def read(self, session: str) -> Membership | None:
        """Return a session's membership as it is, None if there is none that can be read."""
        try:
            data = files.read(self._file(session), MAX_BYTES)
        except OSError:
            return None
        member = membership.decode(data) if data is not None else None
        return member if member is not None and member.session == session else None

    def save(self, member: Membership) -> None:
        """Replace a session's file.

        Raises:
            OSError: it cannot be written; the old one is untouched.
        """
        files.replace(self._file(member.session), membership.encode(member))

    def sessions(self) -> list[str]:
        """Return the ids of the sessions that have a file here."""
        try:
            listed = posix.listdir(self.path)
        except OSError:
            return []
        return sorted([name.removesuffix(_SUFFIX) for name in listed if name.endswith(_SUFFIX)])

    def members(self) -> Iterator[Membership]:
        """Yield every membership that can be read."""
        for session in self.sessions():
            member = self.read(session)
            if member is not None:
                yield member

    def remove_old(self, period: int, now: float) -> None:
        """Remove the files of sessions that have not changed for a month, and are of an earlier period."""
        for session in self.sessions():
            path = self._file(session)
            try:
                if now - posix.lstat(path).st_mtime <= KEPT_SECONDS:
                    continue
                member = self.read(session)
                if member is None or member.period < period:
                    posix.unlink(path)
            except OSError:
                continue

    # -- accounts --------------------------------------------------------------------------------------------

    def load_accounts(self) -> Accounts | None:
        """Return the accounts, None if there are none that can be read; the lock must be held.

        They are written before the session's file whose figures they count. If the writer was killed in between,
        the membership that they hold a copy of is newer than its file, and is put there now.
        """
        try:
            data = files.read(f"{self.path}/{_ACCOUNTS}", MAX_BYTES)
            accounts, newest = _decode(data) if data is not None else (None, None)
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        if newest is not None:
            there = self.read(newest.session)
            if there is None or there.revision < newest.revision:
                self.save(newest)
        return accounts

    def save_accounts(self, accounts: Accounts, newest: Membership | None = None) -> None:
        """Replace the accounts; `newest` is a membership that they count and whose file is written next.

        Raises:
            OSError: they cannot be written; the old ones are untouched.
        """
        files.replace(f"{self.path}/{_ACCOUNTS}", _encode(accounts, newest))

    def read_accounts(self) -> Accounts | None:
        """Return the accounts as they are, for a reader that holds no lock; None if there are none."""
        try:
            data = files.read(f"{self.path}/{_ACCOUNTS}", MAX_BYTES)
            return _decode(data)[0] if data is not None else None
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None


def _encode(accounts: Accounts, newest: Membership | None) -> bytes:
    document: dict[str, Any] = {
        "period": accounts.period,
        "epoch": accounts.epoch,
        "born": accounts.born,
        "sums": accounts.sums,
        "leases": {
            lease_id: [lease.swarm, lease.tokens, lease.expires, lease.member]
            for lease_id, lease in accounts.leases.items()
        },
        "newest": membership.encode(newest).decode("ascii") if newest is not None else "",
    }
    return compact_json.encode(document).encode("ascii") + b"\n"


def _decode(data: bytes) -> tuple[Accounts, Membership | None]:
    document = compact_json.decode(data.decode("ascii"))
    accounts = Accounts(document["period"], document["born"])
    accounts.epoch = document["epoch"]
    accounts.sums = {str(swarm): int(tokens) for swarm, tokens in document["sums"].items()}
    for lease_id, (swarm, tokens, expires, member) in document["leases"].items():
        accounts.leases[lease_id] = Lease(swarm, int(tokens), int(expires), member)
    newest = document["newest"]
    return accounts, membership.decode(newest.encode("ascii")) if newest else None


def counted(accounts: Accounts, members: Iterator[Membership]) -> Iterator[tuple[Membership, Publication]]:
    """Yield the members whose figures are of the accounts' period and epoch, with what they last stated."""
    for member in members:
        publication = membership.as_publication(member)
        if accounts.counts(publication):
            yield member, publication
