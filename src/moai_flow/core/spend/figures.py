"""What a session was billed, as its ledger keeps it: sums by swarm and agent, never message by message. Pure.

Figures are lists of six numbers: requests, then billed tokens by class (`limits.CLASSES`). They are absolute: other
sessions read what this one states, and nothing adds to what another session states.
"""

from __future__ import annotations

from moai_flow.core.apportion import apportion
from moai_flow.core.spend.limits import DEFAULT_WEIGHTS, SpendLimit, counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    Figures = list[int]

WHOLE = ""
"""The name under which the limit of all swarms together stands."""

SESSION = "session"
FIELDS = 6
MAX_COUNTED = 2_000
"""Messages that are remembered as counted, the latest."""

MAX_OPEN = 3
"""The last messages of a file, whose usage a later line may still correct."""

BLOCK_DAYS = 8
_DIGITS = 8
_DAY = 86_400


class Spend:
    """What a session was billed.

    Attributes:
        limits: the limits in force by swarm, that of all together under `WHOLE`.
        weights: the weights of the classes.
        sums: figures by swarm.
        agents: (swarm, figures) by the agent's id.
        blocks: figures by swarm of the last days, by the beginning (seconds since the epoch) of a block of at most
            five hours that lies inside one day by the local clock.
        others: what other sessions state, by period: [its beginning, figures by swarm].
        others_at: when they were read, in seconds since the epoch.
        begins: the beginnings of the present periods by the local clock, in seconds since the epoch.
        notified: [the period's beginning, level of the person, level of the model] by the limit's name.
        files: how far each transcript was read, by the window's key: [offset, inode, mark, is in a line, time].
        last_request: tokens of the last request of each window that has one, by its key: all classes.
    """

    __slots__ = (
        "agents",
        "begins",
        "blocks",
        "counted",
        "files",
        "last_request",
        "limits",
        "notified",
        "open",
        "others",
        "others_at",
        "sums",
        "weights",
    )

    def __init__(self) -> None:
        self.limits: dict[str, SpendLimit] = {}
        self.weights: Sequence[float] = DEFAULT_WEIGHTS
        self.sums: dict[str, Figures] = {}
        self.agents: dict[str, tuple[str, Figures]] = {}
        self.blocks: dict[int, dict[str, Figures]] = {}
        self.others: dict[str, tuple[int, dict[str, Figures]]] = {}
        self.others_at = 0.0
        self.begins: dict[str, int] = {}
        self.notified: dict[str, list[int]] = {}
        self.files: dict[str, list[int]] = {}
        self.last_request: dict[str, int] = {}
        self.counted = ""
        self.open: dict[str, list[tuple[str, Figures]]] = {}

    # -- counting --------------------------------------------------------------------------------------------

    def count(self, window: str, mark: str, figures: Figures, holdings: Mapping[str, int], block: int) -> bool:
        """Count a billed message once; return whether it was new, or fuller than its earlier lines.

        Args:
            window: the key of the window whose transcript it stands in.
            mark: a fingerprint of the message's id, 8 characters.
            figures: what was billed.
            holdings: weights by which it is divided over swarms; one swarm for an agent.
            block: the beginning of the block that it was made in.
        """
        opened = self.open.setdefault(window, [])
        known = next((entry for entry in opened if entry[0] == mark), None)
        if known is None:
            if self._is_counted(mark):
                return False
            self.counted = (self.counted + mark)[-MAX_COUNTED * _DIGITS :]
            opened.append((mark, list(figures)))
            del opened[:-MAX_OPEN]
            added = list(figures)
        else:
            added = [max(0, new - old) for new, old in zip(figures, known[1], strict=True)]
            if not any(added):
                return False
            known[1][:] = [max(pair) for pair in zip(figures, known[1], strict=True)]
        self.last_request[window] = sum(figures[1:])
        self._add(window, added, holdings, block)
        return True

    def _is_counted(self, mark: str) -> bool:
        position = self.counted.find(mark)
        while position >= 0:
            if position % _DIGITS == 0:
                return True
            position = self.counted.find(mark, position + 1)
        return False

    def _add(self, window: str, added: Figures, holdings: Mapping[str, int], block: int) -> None:
        by_field = [apportion(amount, holdings) for amount in added]
        in_block = self.blocks.setdefault(block, {})
        for swarm in holdings:
            part = [amounts[swarm] for amounts in by_field]
            if any(part):
                add_to(self.sums, swarm, part)
                add_to(in_block, swarm, part)
        if len(holdings) == 1:
            (swarm,) = holdings
            _, so_far = self.agents.get(window, (swarm, [0] * FIELDS))
            self.agents[window] = (swarm, [old + new for old, new in zip(so_far, added, strict=True)])

    def move_agent(self, agent: str, swarm: str) -> None:
        """Give what an agent was billed to another swarm: its type was not known before."""
        before, figures = self.agents.get(agent, (swarm, []))
        if before == swarm:
            return
        self.agents[agent] = (swarm, figures)
        _take_from(self.sums, before, figures)
        add_to(self.sums, swarm, figures)
        left = list(figures)
        for block in sorted(self.blocks, reverse=True):
            held = self.blocks[block].get(before, [0] * FIELDS)
            part = [min(pair) for pair in zip(left, held, strict=True)]
            if any(part):
                _take_from(self.blocks[block], before, part)
                add_to(self.blocks[block], swarm, part)
                left = [all_ - taken for all_, taken in zip(left, part, strict=True)]

    def forget_before(self, moment: int) -> None:
        """Drop the blocks of days that no period reaches back to; the session's own sums stay."""
        for block in [block for block in self.blocks if block < moment - BLOCK_DAYS * _DAY]:
            del self.blocks[block]

    # -- reading ---------------------------------------------------------------------------------------------

    def figures(self, name: str, per: str) -> Figures:
        """Return the figures of a swarm, or of all (`WHOLE`), in the present period, other sessions' included."""
        if per == SESSION:
            return _total(self.sums, name)
        begin = self.begins.get(per, 0)
        found = [0] * FIELDS
        for block, by_swarm in self.blocks.items():
            if block >= begin:
                _add_up(found, _total(by_swarm, name))
        other = self.others.get(per)
        if other is not None and other[0] == begin:
            _add_up(found, _total(other[1], name))
        return found

    def spent(self, name: str) -> int:
        """Return the tokens that count against a limit."""
        limit = self.limits[name]
        return counted(self.figures(name, limit.per), limit.count, self.weights)

    # -- storing ---------------------------------------------------------------------------------------------

    def to_row(self) -> dict[str, Any]:
        """Return it as JSON values, for `from_row`."""
        return {
            "limits": {name: [limit.tokens, limit.per, limit.count] for name, limit in self.limits.items()},
            "weights": list(self.weights),
            "sums": self.sums,
            "agents": {agent: [swarm, *figures] for agent, (swarm, figures) in self.agents.items()},
            "blocks": [[block, by_swarm] for block, by_swarm in self.blocks.items()],
            "others": {per: [begin, by_swarm] for per, (begin, by_swarm) in self.others.items()},
            "others_at": self.others_at,
            "begins": self.begins,
            "notified": self.notified,
            "files": self.files,
            "last": self.last_request,
            "counted": self.counted,
            "open": {key: [[mark, *figures] for mark, figures in entries] for key, entries in self.open.items()},
        }


def from_row(row: dict[str, Any]) -> Spend:
    """Return what `to_row` gave.

    Raises:
        TypeError, ValueError, KeyError: it is no such row.
    """
    spend = Spend()
    spend.limits = {name: SpendLimit(*values) for name, values in row["limits"].items()}
    spend.weights = tuple(row["weights"])
    spend.sums = row["sums"]
    spend.agents = {agent: (swarm, figures) for agent, (swarm, *figures) in row["agents"].items()}
    spend.blocks = dict(row["blocks"])
    spend.others = {per: (begin, by_swarm) for per, (begin, by_swarm) in row["others"].items()}
    spend.others_at = row["others_at"]
    spend.begins = row["begins"]
    spend.notified = row["notified"]
    spend.files = row["files"]
    spend.last_request = row["last"]
    spend.counted = row["counted"]
    spend.open = {key: [(mark, figures) for mark, *figures in entries] for key, entries in row["open"].items()}
    return spend


def add_to(sums: dict[str, Figures], name: str, figures: Sequence[int]) -> None:
    """Add figures to those under a name."""
    if name in sums:
        _add_up(sums[name], figures)
    else:
        sums[name] = list(figures)


def _take_from(sums: dict[str, Figures], name: str, figures: Sequence[int]) -> None:
    left = [max(0, held - taken) for held, taken in zip(sums.get(name, [0] * FIELDS), figures, strict=True)]
    sums[name] = left
    if not any(left):
        del sums[name]


def _add_up(into: Figures, figures: Sequence[int]) -> None:
    for index, amount in enumerate(figures):
        into[index] += amount


def _total(sums: Mapping[str, Sequence[int]], name: str) -> Figures:
    if name != WHOLE:
        return list(sums.get(name, [0] * FIELDS))
    found = [0] * FIELDS
    for figures in sums.values():
        _add_up(found, figures)
    return found
