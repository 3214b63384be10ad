"""How large the main window is, and what follows from it: the client's own compaction.

No payload of a hook tells the size. The status line's input does; else the model's name, as far as it is known
here; else usage above 200,000, which proves a large window; else it is unknown (0). A name is only a hint: the same
model comes with several windows, by account and by the client's settings. The client's own mark in it is not.
"""

from __future__ import annotations

from moai_flow.core.forecast import COMPACTION_MARGIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from moai_flow.core.session import Session

USUAL, LARGE = 200_000, 1_000_000
"""Tokens of the client's two kinds of window."""

STATUS_LINE, MODEL, USAGE = "status line", "model", "usage"
"""Where the size is known from."""

LARGE_MARK = "[1m]"
"""What the client adds to a model's name for the large window; the API's own name goes without."""

KNOWN_MODELS = (
    ("claude-opus-5-5", LARGE),
    ("claude-sonnet-5-5", LARGE),
    ("claude-haiku-5-5", LARGE),
    ("claude-haiku-4", USUAL),
    ("claude-3", USUAL),
)
"""(beginning of a model's name, tokens) of the models that come with one size only."""

_OUTPUT_RESERVE = 20_000
_MAX_DIGITS = 9


def of_model(model: str) -> int:
    """Return the window's size (tokens) that a model's name tells, 0 if it tells none."""
    if LARGE_MARK in model:
        return LARGE
    for beginning, size in KNOWN_MODELS:
        if model.startswith(beginning):
            return size
    return 0


def take_model(session: Session, model: str) -> None:
    """Remember the model in use; a change of the model changes the size, if the new name tells one."""
    if not model:
        return
    if session.size_source == STATUS_LINE:
        session.model = model
        return
    if LARGE_MARK in model or _plain(model) != _plain(session.model):
        size = of_model(model)
        if size:
            session.window_size, session.size_source = size, MODEL
    session.model = model


def switch_model(session: Session, model: str) -> None:
    """Take the size (tokens) that a model's name tells, as soon as the person has switched to it."""
    size = of_model(model)
    if size:
        session.window_size, session.size_source = size, MODEL


def _plain(model: str) -> str:
    return model.replace(LARGE_MARK, "")


def take_usage(session: Session, occupancy: int) -> None:
    """Learn from measured tokens: more than the usual window holds are in a large one."""
    if occupancy > USUAL and (occupancy > session.window_size or session.size_source == MODEL):
        session.window_size, session.size_source = LARGE, USAGE


def compaction_point(size: int, environ: Mapping[str, str], client_window: int = 0) -> int:
    """Return the tokens at which the client compacts by itself, 0 if that is unknown or switched off.

    Args:
        size: tokens of the window.
        environ: the environment. The variables are the client's own: two switch it off, one gives it a smaller
            window, one a lower percentage.
        client_window: tokens of a smaller window that the client's settings or its command line give it, 0 for none.
    """
    if not size or _is_on(environ, "DISABLE_AUTO_COMPACT") or _is_on(environ, "DISABLE_COMPACT"):
        return 0
    window = min(size, number_of(environ, "CLAUDE_CODE_AUTO_COMPACT_WINDOW") or client_window or size)
    percent = number_of(environ, "CLAUDE_AUTOCOMPACT_PCT_OVERRIDE")
    point = window - COMPACTION_MARGIN
    if percent:
        point = min(point, (window - _OUTPUT_RESERVE) * percent // 100)
    return max(0, point)


def _is_on(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").strip().lower() in ("1", "true", "yes", "on")


def number_of(environ: Mapping[str, str], name: str) -> int:
    """Return the number that a variable holds, 0 for one that is missing or holds none."""
    text = environ.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS else 0
