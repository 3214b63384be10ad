"""The hooks without files: events come in, ledgers stay in memory, transcripts are read as far as they had grown.

The steps are the hooks' own. What hooks share through files with other processes (locks, what other sessions learned,
the event log) has no part in it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from moai_flow.core import window_size
from moai_flow.core.config import BudgetConfig
from moai_flow.hook import advance, meter, reply, transcript
from moai_flow.hook.payload import PRE_TOOL_USE, SESSION_END

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from moai_flow.core.ledger import SessionLedger
    from moai_flow.core.window import Measurement
    from moai_flow.hook.payload import Event

    Layer = tuple[str, Mapping[str, Any]]

CLEAR = "clear"


class Player:
    """Takes events one after the other.

    Args:
        layers: the settings, from the weakest to the strongest.
        size: tokens of the main window where they are known, 0 for what the transcripts tell.

    Attributes:
        ledgers: each session's ledger, by its id.
        measured: what the transcripts said at the last event, by the window's key.
    """

    def __init__(self, layers: Sequence[Layer] = (), *, size: int = 0) -> None:
        self.ledgers: dict[str, SessionLedger] = {}
        self.measured: dict[str, Measurement] = {}
        self._files: dict[str, tuple[str, int]] = {}
        self._layers = layers
        self._size = size
        self._configs: dict[int, tuple[BudgetConfig, list[str]]] = {}
        self._cleared = ""

    def take(self, event: Event, now: float) -> tuple[str, str]:
        """Run the hooks on an event; return what the person and the model receive, "" for nothing.

        Args:
            event: any event but PreToolUse, which decides and does not meter.
            now: seconds since the epoch.
        """
        ledger = self.ledgers.get(event.session)
        is_unknown = ledger is None
        if event.is_helper or event.name == PRE_TOOL_USE or (is_unknown and event.name == SESSION_END):
            return "", ""
        previous = self.ledgers.get(self._cleared) if is_unknown and not event.agent else None
        known = ledger or previous
        config, problems = self._config(known.session.window_size if known is not None else self._size)
        ledger = advance.opened(ledger, previous, event, config, now)
        if is_unknown and self._size:
            ledger.session.window_size, ledger.session.size_source = self._size, window_size.STATUS_LINE
        if event.name == SESSION_END and event.source == CLEAR:
            self._cleared = event.session
        reading = meter.read(ledger, event, now, source=self)
        self.measured = reading.measured
        ledger = advance.advance(ledger, event, reading, event.cwd, now, source=self)
        self.ledgers[event.session] = ledger
        _order(ledger)
        ledger.session.compacts_at = window_size.compaction_point(ledger.session.window_size, {})
        reply.keep_problems(ledger, problems, is_rebuilt=False)
        to_person, to_model = reply.notify(ledger, event)
        return "\n".join(to_person), "\n".join(to_model)

    def grow(self, path: str, size: int, file: str = "") -> None:
        """Let a transcript have so many bytes by now.

        Args:
            path: where the hooks look for it.
            size: how far it has grown.
            file: where it is, "" for the same place.
        """
        self._files[path] = (file or path, size)

    def size_of(self, path: str) -> int:
        """Return the bytes a transcript has by now, -1 for one that is not there yet; what meters ask."""
        return self._files.get(path, ("", -1))[1]

    def measure(
        self, path: str, *, message: str, offset: int, history_offset: int, is_agent: bool, call: str
    ) -> Measurement | None:
        """Return what a transcript says as far as it has grown; what meters ask."""
        file, size = self._files.get(path, ("", -1))
        if not file:
            return None
        return transcript.measure(
            file, message=message, offset=offset, history_offset=history_offset, is_agent=is_agent, call=call, end=size
        )

    def fork_baseline(self, path: str) -> int:
        """Return the tokens of the window that a fork took over; what meters ask."""
        file = self._files.get(path, ("", -1))[0]
        return transcript.fork_baseline(file) if file else 0

    def _config(self, size: int) -> tuple[BudgetConfig, list[str]]:
        """Return the settings for a window of so many tokens, and a line for each that cannot be used."""
        if size not in self._configs:
            self._configs[size] = BudgetConfig.merged(self._layers, size or None)
        return self._configs[size]


def _order(ledger: SessionLedger) -> None:
    """Bring estimates into the order in which a ledger's file keeps them: what is settled first depends on it."""
    for window in ledger.windows.values():
        if len(window.pending) > 1:
            window.pending = dict(sorted(window.pending.items()))


def seconds(written: str) -> float:
    """Return a record's time in seconds since the epoch, 0 for none."""
    try:
        return datetime.fromisoformat(written.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0
