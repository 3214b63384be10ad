"""Reading sessions for the analysis: from the transcripts that are there to traces, each session played once."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from moai_flow.analysis.accuracy import Errors, errors
from moai_flow.analysis.cache import Cache
from moai_flow.analysis.collect import collect
from moai_flow.analysis.parallel import over
from moai_flow.analysis.recommend import Recommendation, recommend
from moai_flow.analysis.totals import without_copies
from moai_flow.core import codec
from moai_flow.core.config import BudgetConfig
from moai_flow.core.errors import StateError, TokenBudgetError
from moai_flow.hook import payload
from moai_flow.hook.records import project_in
from moai_flow.hook.state import paths, settings
from moai_flow.replay import recorded
from moai_flow.replay.play import play
from moai_flow.usage.places import project_folders
from moai_flow.usage.reading import read_beginning

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from moai_flow.analysis.trace import Trace
    from moai_flow.core.ledger import SessionLedger
    from moai_flow.hook.state.settings import Layer
    from moai_flow.replay.recorded import Recorded

    Progress = Callable[[int], None]
    """Is given the bytes of each session that is done, and 0 now and then while one is played."""

DAY_SECONDS = 86_400.0

WRITTEN_AT_ONCE = 32
"""Traces that are kept in one step: who interrupts the first run loses no more."""

_CLEAR = b"<command-name>/clear</command-name>"
_HEAD_BYTES = 1 << 16
_SUFFIX = ".json"


class Task:
    """A session to play, and what with.

    Attributes:
        session: its transcripts.
        layers: the settings, from the weakest to the strongest.
        window_size: tokens of the main window that its ledger knows, 0 for none.
        signature: of the files and the settings: while it stays the same, so does the trace.
    """

    __slots__ = ("layers", "session", "signature", "window_size")

    def __init__(self, session: Recorded, layers: list[Layer], window_size: int) -> None:
        self.session = session
        self.layers = layers
        self.window_size = window_size
        stamps = [(file.path, file.size, file.changed) for file in session.files]
        text = json.dumps([stamps, layers, window_size], sort_keys=True, default=str)
        self.signature = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def get_recommendations(days: float = 7.0, state_dir: str | None = None) -> list[Recommendation]:
    """Return what could be done about the sessions of the last days, what matters most first.

    Every session of this machine's transcripts counts, whether the hooks ran in it or not.

    Args:
        days: how far to go back.
        state_dir: the folder of the ledgers; None for the one the hooks use.
    """
    state = state_dir or paths.state_folder(os.environ, sys.platform)
    since = time.time() - days * DAY_SECONDS
    found = [one for one in all_sessions(os.environ, state) if one.changed >= since]
    return recommend(load_traces(found, os.environ, state))


def all_sessions(environ: Mapping[str, str], state: str) -> list[Recorded]:
    """Return every session with a transcript, those that were written last first.

    Args:
        environ: the environment; it says where the client's folders are.
        state: the folder of the ledgers, which know transcripts elsewhere too; "" for none.
    """
    found = recorded.find(project_folders(environ))
    known = {payload.safe_id(one.session_id) for one in found}
    for path in Path(paths.sessions(state)).glob(f"*{_SUFFIX}") if state else ():
        # A ledger is read only where the client's folders do not have its session.
        ledger = read_ledger(path) if path.stem not in known and path.is_file() else None
        if ledger is not None and ledger.session.transcript and Path(ledger.session.transcript).is_file():
            found.append(recorded.at(ledger.session.transcript))
    return sorted(found, key=lambda one: -one.changed)


def read_ledger(path: Path) -> SessionLedger | None:
    """Return the ledger in a file, None if it is none of a session."""
    try:
        return codec.decode_session(path.read_bytes(), BudgetConfig())
    except (OSError, StateError):
        return None


def load_traces(
    sessions: Sequence[Recorded],
    environ: Mapping[str, str],
    state: str = "",
    *,
    cache: str = "",
    progress: Progress | None = None,
) -> list[Trace]:
    """Return the traces of some sessions, the earliest first, each result once; what cannot be read is left out.

    A session is played with the settings that were in force at its ledger's last event, if it has a ledger; rules for
    swarms are the project's present ones.

    Args:
        sessions: their transcripts.
        environ: the environment, for the settings.
        state: the folder of the ledgers, "" for none.
        cache: a private folder in which traces are kept, "" for none.
        progress: is called with the bytes of each session that is done.
    """
    tasks = {task.session.main.path: task for task in tasks_of(sessions, environ, state)}
    with closing(Cache(cache)) as kept:
        found = kept.read({path: task.signature for path, task in tasks.items()})
        missing = [task for path, task in tasks.items() if path not in found]
        if progress is not None:
            progress(sum(tasks[path].session.size for path in found))
        made: list[tuple[str, str, Trace]] = []
        for done in over(missing, _play, size_of):
            if progress is not None:
                progress(size_of(done[0]) if done is not None else 0)
            task, trace = done or (None, None)
            if task is not None and trace is not None:
                found[task.session.main.path] = trace
                made.append((task.session.main.path, task.signature, trace))
            if len(made) >= WRITTEN_AT_ONCE:
                kept.write(made)
                made.clear()
        if missing:
            kept.write(made)
            kept.forget_gone()
    return without_copies([trace for trace in found.values() if trace.points])


def load(ledger: SessionLedger) -> Trace | None:
    """Return the trace of the session of a ledger, None where its transcript is gone."""
    try:
        session = recorded.at(ledger.session.transcript)
    except TokenBudgetError:
        return None
    layers, window_size = _settings(session, os.environ, ledger, {})
    return _play(Task(session, layers, window_size))


def size_of(task: Task) -> int:
    """Return the bytes that a task reads."""
    return task.session.size


def _play(task: Task) -> Trace | None:
    """Play a session; None for what is none, or cannot be read."""
    session = task.session
    try:
        trace = collect(play(session, task.layers, window_size=task.window_size), session.session_id)
    except TokenBudgetError:
        return None
    trace.window_size = task.window_size or trace.window_size
    trace.after_clear = _CLEAR in _head(session.main.path)
    return trace


def tasks_of(sessions: Sequence[Recorded], environ: Mapping[str, str], state: str = "") -> list[Task]:
    """Return what is needed to play some sessions, as `load_traces` does.

    Args:
        sessions: their transcripts.
        environ: the environment, for the settings.
        state: the folder of the ledgers, "" for none.
    """
    layers_of: dict[str, list[Layer]] = {}
    return [_task(one, environ, state, layers_of) for one in sessions]


def load_errors(task: Task) -> Errors:
    """Play a session and return the errors of its estimates; none for what cannot be read."""
    try:
        return errors(play(task.session, task.layers, window_size=task.window_size))
    except TokenBudgetError:
        return Errors()


def _task(session: Recorded, environ: Mapping[str, str], state: str, layers_of: dict[str, list[Layer]]) -> Task:
    ledger = read_ledger(Path(paths.ledger_file(state, payload.safe_id(session.session_id)))) if state else None
    layers, window_size = _settings(session, environ, ledger, layers_of)
    return Task(session, layers, window_size)


def _settings(
    session: Recorded, environ: Mapping[str, str], ledger: SessionLedger | None, layers_of: dict[str, list[Layer]]
) -> tuple[list[Layer], int]:
    """Return the layers of settings of a session, and its window's size (tokens) if it is known.

    `layers_of` holds each project's, which are read once.
    """
    project = project_in(_head(session.main.path))
    if project not in layers_of:
        layers_of[project] = settings.read_layers(environ, sys.platform, project)[0]
    layers = [*layers_of[project]]
    if ledger is None:
        return layers, 0
    if ledger.session.settings:
        layers.append(("ledger", ledger.session.settings))
    return layers, ledger.session.window_size


def _head(path: str) -> bytes:
    return read_beginning(path, _HEAD_BYTES)
