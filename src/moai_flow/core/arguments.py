"""Arguments of the library's calls: what they must be, and the error that says so. Pure."""

from __future__ import annotations

from moai_flow.core.names import is_swarm_name, preview
from moai_flow.core.setting_checks import MAX_TOKENS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def check_tokens(tokens: Any, name: str = "tokens", least: int = 0) -> int:
    """Return `tokens` if it is a whole number of at least `least` and at most `MAX_TOKENS`.

    Raises:
        TypeError: it is not a whole number (a bool is none).
        ValueError: it is below `least` or above `MAX_TOKENS`.
    """
    if isinstance(tokens, bool) or not isinstance(tokens, int):
        raise TypeError(f"{name} must be a whole number, not {preview(tokens)}")
    if tokens < least:
        raise ValueError(f"{name} must be at least {least}, not {preview(tokens)}")
    if tokens > MAX_TOKENS:
        raise ValueError(f"{name} must be at most {MAX_TOKENS}, not {preview(tokens)}")
    return tokens


def check_swarm_id(swarm_id: Any) -> None:
    """Check that `swarm_id` can be looked up.

    Raises:
        TypeError: it is not a string.
    """
    if not isinstance(swarm_id, str):
        raise TypeError(f"swarm_id must be a string, not {preview(swarm_id)}")


def check_new_swarm_id(swarm_id: Any) -> None:
    """Check that a swarm may be called `swarm_id`.

    Raises:
        TypeError: it is not a string.
        ValueError: it has characters that a swarm's name cannot have, none or more than 64.
    """
    check_swarm_id(swarm_id)
    if not is_swarm_name(swarm_id):
        raise ValueError(f"swarm_id must be 1-64 characters of A-Z a-z 0-9 . _ -, not {preview(swarm_id)}")
