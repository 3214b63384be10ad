"""A connection to a Redis (or Valkey) server, and scripts that run in it, by redis-py.

redis-py takes 100 to 400 ms to import, so it is imported when a server is first spoken to.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moai_flow.core.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import redis

CONNECT_SECONDS = 2.0


def public_address(url: str) -> str:
    """Return an address as it may be shown: without user, password and options."""
    scheme, found, rest = url.partition("://")
    return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}" if found else "the address"


def connect(url: str, *, password: str | None = None, timeout: float = CONNECT_SECONDS) -> redis.Redis:
    """Return a client of the server at `url`; nothing is sent yet.

    Args:
        url: redis://, rediss:// (TLS; `?ssl_ca_certs=FILE` names the authorities) or unix://.
        password: for AUTH, where the address has none.
        timeout: seconds to wait for a connection and for each answer.

    Raises:
        StateError: redis-py is not installed, or the address is none; it does not show a password.
    """
    try:
        import redis  # noqa: PLC0415 - it takes longer than a hook may
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415
    except ImportError as error:
        raise StateError(
            "a redis:// address needs the package redis: pip install 'moai-flow-token-budget[redis]'"
        ) from error
    settings: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "decode_responses": False,
        # The caller knows what may be sent twice.
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
    if password and "@" not in url:
        settings["password"] = password
    try:
        client: redis.Redis = redis.Redis.from_url(url, **settings)
    except (ValueError, TypeError) as error:
        raise StateError(f"{public_address(url)}: no address of a Redis server ({type(error).__name__})") from None
    return client


class Script:
    """A Lua script: sent by its digest, and whole where the server does not have it (any more)."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._digest = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    def run(self, client: redis.Redis, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        """Run it and return its reply.

        Raises:
            redis.RedisError: as redis-py reports it.
        """
        import redis  # noqa: PLC0415 - `connect` has imported it

        execute: Any = client.execute_command
        try:
            return execute("EVALSHA", self._digest, len(keys), *keys, *arguments)
        except redis.exceptions.NoScriptError:
            return execute("EVAL", self._source, len(keys), *keys, *arguments)


@cache
def load(*paths: str) -> Script:
    """Return the script that these files make together; each is read once."""
    return Script("\n".join([Path(path).read_text(encoding="utf-8") for path in paths]))
