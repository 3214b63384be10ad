"""What was learned of a model's text, remembered between sessions: one small file a model.

Not locked: each write is whole, and of two sessions that end a turn at the same time either may be remembered.
"""

from __future__ import annotations

from moai_flow.core import compact_json
from moai_flow.core.session import RECALLED
from moai_flow.hook.estimate.rates import HIGHEST, KINDS, LOWEST
from moai_flow.hook.payload import safe_id
from moai_flow.hook.state import files, paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.core.session import Session

MAX_BYTES = 4096

RATES = "rates"
BASE = 2.0
"""Which base rates the factors belong to: those of an older version correct other rates."""


def recall(state: str, session: Session) -> None:
    """Give a session that has learned nothing yet what earlier sessions with its model learned.

    Args:
        state: the state folder.
        session: the session; its model is known.

    Raises:
        OSError: the file is there and cannot be read.
    """
    session.first_time(RECALLED)
    data = files.read(_file(state, session.model), MAX_BYTES)
    if data is None:
        return
    try:
        factors = compact_json.decode(data.decode("utf-8"))
    except ValueError:
        return
    if isinstance(factors, dict) and factors.get(RATES) == BASE:
        session.factors = {
            kind: min(HIGHEST, max(LOWEST, factor))
            for kind, factor in factors.items()
            if kind in KINDS and isinstance(factor, float) and factor > 0
        }


def remember(state: str, session: Session) -> None:
    """Keep what a session has learned for the next ones with its model.

    Raises:
        OSError: it cannot be written; nothing is lost but the experience.
    """
    if session.factors:
        path = _file(state, session.model)
        files.ensure_folder(path.rpartition("/")[0])
        factors = {kind: round(factor, 4) for kind, factor in session.factors.items()}
        factors[RATES] = BASE
        files.replace(path, compact_json.encode(factors).encode("ascii"), f".{session.session_id}")


def _file(state: str, model: str) -> str:
    return f"{paths.models(state)}/{safe_id(model)}.json"
