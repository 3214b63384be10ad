"""How far the estimates are from what real sessions were charged.

    python benchmarks/estimator.py FOLDER        every session with a transcript below it
    python benchmarks/estimator.py FILE.jsonl    settlements alone: numbers without texts

A folder's sessions are played again through the hooks, each with a state folder of its own. At the last event before
each request the figure of its window is compared with what the request read (percent of that). A file of settlements
has one JSON object a line: `session`, `client`, `model`, `claims` ([kind, tokens at 3.7 characters a token, tool]),
`growth`, `input`, `output_is_real`. Its texts are gone, so only the rates by kind can be judged: fitted on the
sessions with an even number, shown on the others.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moai_flow.core.errors import TokenBudgetError
from moai_flow.core.window import COMPACTION
from moai_flow.hook import payload, records
from moai_flow.hook.estimate import rates
from moai_flow.replay.play import play

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST = 8
NEW, OLD = (2, 1, 62), (2, 0, 0)
JUDGED = (payload.USER_PROMPT_SUBMIT, payload.POST_TOOL_USE, payload.POST_TOOL_USE_FAILURE)
Found = dict[str, list[float]]


def main() -> None:
    """Print the table of what is named on the command line."""
    if len(sys.argv) != 2 or not Path(sys.argv[1]).exists():
        raise SystemExit(__doc__)
    place = Path(sys.argv[1])
    if place.is_file():
        _print(_of_settlements(place))
        return
    found: Found = defaultdict(list)
    paths = sorted(path for path in place.rglob("*.jsonl") if not path.name.startswith("agent-"))
    sessions = sum(_judge(path, found) for path in paths)
    print(f"{sessions} sessions with a metered message; percent of what the next request read\n")
    _print(found)


def _judge(path: Path, found: Found) -> bool:
    """Add the errors of one session; return whether it has any request."""
    main = records.scan(path.read_bytes(), 0, is_agent=False)
    known: dict[str, dict[str, records.Message]] = {"main": main}
    waiting: dict[str, tuple[str, int, set[str], bool]] = {}
    count: dict[str, int] = defaultdict(int)
    if not main:
        return False
    try:
        for step in play(path):
            for key, window in step.ledger.windows.items():
                if key not in known:
                    known[key] = _agents_messages(path, key)
                if key in waiting and window.newest != waiting[key][0]:
                    count[key] += 1
                    _compare(found, known[key], *waiting.pop(key), count[key])
            key = str(step.payload.get("agent_id") or "main")
            window = step.ledger.windows[key]
            is_compaction = window.message.startswith(COMPACTION)
            if not window.never_measured and (step.payload["hook_event_name"] in JUDGED or is_compaction):
                tools = waiting[key][2] if key in waiting else set()
                tools = {*tools, str(step.payload.get("tool_name", ""))}
                waiting[key] = (window.newest, window.tokens, tools, window.is_rough and not is_compaction)
    except (TokenBudgetError, KeyError) as error:
        print(f"{path.name}: {error!r}", file=sys.stderr)
    return True


def _agents_messages(path: Path, agent: str) -> dict[str, records.Message]:
    files = list(path.with_suffix("").rglob(f"agent-{agent}.jsonl"))
    return records.scan(files[0].read_bytes(), 0, is_agent=True) if files else {}


def _compare(
    found: Found,
    messages: dict[str, records.Message],
    newest: str,
    tokens: int,
    tools: set[str],
    is_rough: bool,  # noqa: FBT001 - one of a row's values
    number: int,
) -> None:
    ids = list(messages)
    if newest not in messages or newest == ids[-1]:
        return
    message, following = messages[newest], messages[ids[ids.index(newest) + 1]]
    read = following.occupancy - following.output
    if following.stop == "compaction" or read <= 0 or is_rough:
        return
    error = abs(tokens - read) * 100 / read
    if newest.startswith(COMPACTION):
        found["across a compaction without postTokens"].append(error)
        return
    for name in _rows(message.client, tools, number):
        found[name].append(error)


def _rows(client: str, tools: set[str], number: int) -> Iterator[str]:
    version = _version(client)
    era = "new" if version >= NEW else "old" if version >= OLD else "oldest"
    yield era
    if number <= FIRST:
        yield f"{era}, first eight"
    if "Read" in tools:
        yield f"{era}, Read"


def _version(client: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in client.partition("-")[0].split("."))
    except ValueError:
        return (0,)


def _of_settlements(path: Path) -> Found:
    """Return the errors before and after the rates by kind were fitted, on the sessions that were not fitted to."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    fitted = _fit([row for row in rows if row["session"] % 2 == 0])
    print("tokens for one at 3.7 characters, by kind: " + ", ".join(f"{k} {v:.2f}" for k, v in fitted.items()))
    found: Found = {}
    for name, base in (("3.7 for everything", {}), ("fitted by kind", fitted)):
        for learns in (False, True):
            label = f"{name}{', learning' if learns else ''}"
            for row, error, number in _replayed([row for row in rows if row["session"] % 2], base, learns=learns):
                era = "new" if _version(row["client"]) >= NEW else "old"
                found.setdefault(f"{label}: {era}", []).append(error)
                if number <= FIRST:
                    found.setdefault(f"{label}: {era}, first eight", []).append(error)
    return found


def _fit(rows: list[dict[str, Any]]) -> dict[str, float]:
    seen = defaultdict(list)
    for row in rows:
        if len(row["claims"]) == 1 and row["output_is_real"] and row["growth"] > 0:
            ((kind, tokens, _),) = row["claims"]
            if tokens >= 150:
                seen[kind].append(row["growth"] / tokens)
    return {kind: statistics.median(found) for kind, found in sorted(seen.items())}


def _replayed(
    rows: list[dict[str, Any]], base: dict[str, float], *, learns: bool
) -> Iterator[tuple[dict[str, Any], float, int]]:
    factors: dict[int, rates.Factors] = defaultdict(dict)
    numbers: dict[int, int] = defaultdict(int)
    for row in rows:
        if not row["output_is_real"]:
            continue
        learned = factors[row["session"]]
        numbers[row["session"]] += 1
        claims = [
            (kind, round(tokens * base.get(kind, 1.0) * rates.factor_of(learned, kind)))
            for kind, tokens, _ in row["claims"]
        ]
        error = abs(sum(tokens for _, tokens in claims) - row["growth"]) * 100 / row["input"]
        yield row, error, numbers[row["session"]]
        if learns:
            factors[row["session"]] = rates.learn(learned, claims, row["growth"])


def _print(found: Found) -> None:
    print(f"{'':46} {'n':>6} {'median':>8} {'p90':>8} {'p95':>8} {'worst':>8}")
    for name, errors in found.items():
        ordered = sorted(errors)
        p90, p95 = (ordered[max(0, -(-len(ordered) * percent // 100) - 1)] for percent in (90, 95))
        median = statistics.median(ordered)
        print(f"{name:46} {len(ordered):6,} {median:8.3f} {p90:8.2f} {p95:8.2f} {ordered[-1]:8.1f}")


if __name__ == "__main__":
    main()
