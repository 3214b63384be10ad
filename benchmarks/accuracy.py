"""How right the figures are: every recording played through the hooks, against what the API charged.

    python benchmarks/accuracy.py

Prints, for each recording, the error of the main window's occupancy at every UserPromptSubmit and PostToolUse
against what the next request of that window read (percent: median, 95th percentile, worst; all events, and those
with no other tool under way), and counts what has to be 0.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.accuracy import errors, is_alone, percentile
from support.metering import Step, figures, play
from support.recordings import Recording, recordings

BOUNDS = "0.5 / 2 / 5"


def main() -> None:
    """Print the tables."""
    print(f"Error of the main window's occupancy, percent (median / p95 / worst; asked on `natural`: {BOUNDS})\n")
    print(f"{'recording':28} {'all events':>30} {'no other tool under way':>32}")
    for recording in recordings("*/natural*"):
        found = errors(recording, _place())
        alone = [error for event, error in found if is_alone(recording, event)]
        print(f"{recording!s:28} {_summary([error for _, error in found]):>30} {_summary(alone):>32}")
    print("\nWhat has to be 0, over all recordings\n")
    counted = {"events": 0, "sum of shared swarms against occupancy": 0, "right after a measurement": 0}
    counted |= {"finished subagents": 0, "double registration": 0, "order of parallel hooks": 0}
    for recording in recordings():
        for name, value in _zeros(recording).items():
            counted[name] += value
    for name, value in counted.items():
        print(f"{name:44} {value:>10,}")


def _zeros(recording: Recording) -> dict[str, int]:
    """Return the differences (tokens, or figures that differ) that must not be there."""
    steps = list(play(recording, _place()))
    twice = list(play(recording, _place(), times=2))
    in_order = list(play(recording, _place(), ordered=list))
    backwards = list(play(recording, _place(), ordered=lambda group: group[::-1]))
    last = {window: recording.last_request(window) for window in recording.windows()}
    agents = [
        abs(window.tokens - request.occupancy)
        for key, window in steps[-1].ledger.windows.items()
        if (request := last.get(key)) is not None
    ]
    return {
        "events": len(steps),
        "sum of shared swarms against occupancy": sum(abs(step.shared - step.occupancy) for step in steps),
        "right after a measurement": sum(_off_when_measured(recording, step) for step in steps),
        "finished subagents": sum(agents),
        "double registration": sum(figures(one) != figures(two) for one, two in zip(steps, twice, strict=True)),
        "order of parallel hooks": int(figures(in_order[-1]) != figures(backwards[-1])),
    }


def _off_when_measured(recording: Recording, step: Step) -> int:
    charged = {request.message_id: request.occupancy for request in recording.requests}
    return sum(
        abs(window.occupancy - charged[window.message])
        for window in step.ledger.windows.values()
        if window.message in charged
    )


def _summary(values: list[float]) -> str:
    if not values:
        return "-"
    return f"{statistics.median(values):.2f} / {percentile(values, 95):.2f} / {max(values):.2f}  (n {len(values)})"


def _place() -> Path:
    return Path(tempfile.mkdtemp(prefix="accuracy-"))


if __name__ == "__main__":
    main()
