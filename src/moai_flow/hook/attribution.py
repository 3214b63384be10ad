"""Which swarm an event belongs to.

What happens in the main thread belongs to swarm `main`, unless a `paths` rule claims the file that a tool touched;
what a subagent does belongs to the swarm whose `agents` rule matches its type, else to one named after its type.
Pure.
"""

from __future__ import annotations

from moai_flow.core.names import NAME_LENGTH, safe_name
from moai_flow.core.opening import main_swarm
from moai_flow.core.swarm import MAIN, Swarm
from moai_flow.core.window import Window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from moai_flow.core.ledger import SessionLedger
    from moai_flow.hook.payload import Event

_PATH_FIELDS = ("file_path", "notebook_path", "path")
_MAX_FOLDERS = 64
_LONGEST = 512
"""Characters of a path, or of an agent's type, that globs are tried on: a hostile one must not cost the hook's time."""


def agent_swarm(ledger: SessionLedger, agent_type: str, now: float) -> Swarm:
    """Return the swarm of a subagent of this type, made at first use."""
    name, limit = safe_name(agent_type), None
    for rule in ledger.config.swarms:
        if any(matches(agent_type[:_LONGEST], glob) for glob in rule.agents):
            name, limit = rule.name, rule.limit
            break
    else:
        for rule in ledger.config.swarms:
            if rule.name == name:
                limit = rule.limit
    return _swarm(ledger, name, limit, now, isolated=ledger.config.subagents == "isolated")


def agent_window(ledger: SessionLedger, agent: str, agent_type: str, now: float) -> Window:
    """Return the window of a subagent, made at first use."""
    window = ledger.windows.get(agent)
    if window is None:
        window = ledger.windows[agent] = Window(agent, agent_swarm(ledger, agent_type, now).swarm_id)
    return window


def move_window(ledger: SessionLedger, window: Window, swarm: Swarm, now: float) -> None:
    """Give a subagent's window, and what it has brought in, to another swarm: its type was not known before."""
    before = ledger.swarms[window.swarm]
    if before is swarm:
        return
    moved = min(before.consumed, window.peak + window.tokens - window.occupancy)
    ledger.charge(before, -moved, now)
    ledger.charge(swarm, moved, now)
    window.swarm = swarm.swarm_id
    window.holdings = {swarm.swarm_id: window.occupancy} if window.occupancy else {}
    for estimate in window.pending.values():
        estimate.swarm = swarm.swarm_id
    reservation = ledger.reservations.get(window.key)
    if reservation is not None:
        before.reserved = max(0, before.reserved - reservation.left)
        swarm.reserved += reservation.left
        reservation.swarm = swarm.swarm_id
    is_in_use = any(other.swarm == before.swarm_id for other in ledger.windows.values())
    if not (before.consumed or before.guaranteed or before.reserved or is_in_use):
        ledger.deallocate(before.swarm_id, now)


def tool_swarm(ledger: SessionLedger, event: Event, project: str, now: float) -> Swarm:
    """Return the swarm that a tool's tokens in the main window belong to."""
    rules = ledger.config.swarms
    path = _touched(event.tool_input, project) if rules else ""
    if path:
        for rule in rules:
            if any(matches(path, glob) for glob in rule.paths):
                return _swarm(ledger, rule.name, rule.limit, now, isolated=False)
    return main_swarm(ledger, now)


def _touched(tool_input: object, project: str) -> str:
    """Return the file a tool touches, relative to the project; "" if none or outside."""
    if not isinstance(tool_input, dict):
        return ""
    for field in _PATH_FIELDS:
        path = tool_input.get(field)
        if isinstance(path, str) and path:
            if path.startswith("/"):
                base = project.rstrip("/") + "/"
                if base == "/" or not path.startswith(base):
                    return ""
                path = path[len(base) :]
            names = [name for name in path.split("/") if name not in ("", ".")]
            path = "/".join(names)
            return "" if ".." in names or len(names) > _MAX_FOLDERS or len(path) > _LONGEST else path
    return ""


def _swarm(ledger: SessionLedger, name: str, limit: int | None, now: float, *, isolated: bool) -> Swarm:
    """Return the swarm of that name and kind.

    A rule may name both agents and paths. The main window's tokens and the subagents' are different figures, so
    whichever comes second gets a swarm beside the first.
    """
    if name == MAIN and isolated:
        name = MAIN + ".agents"
    swarm = ledger.swarms.get(name)
    if swarm is not None and (swarm.isolated != isolated):
        suffix = ".agents" if isolated else ".main"
        name = name[: NAME_LENGTH - len(suffix)] + suffix
        swarm = ledger.swarms.get(name)
    if swarm is None:
        allocated = limit or ledger.config.default_swarm_limit
        swarm = ledger.add(Swarm(name, allocated, now, guaranteed=limit or 0, isolated=isolated))
        ledger.mark_limit(swarm)
    return swarm


def matches(name: str, glob: str) -> bool:
    """Return whether `glob` matches the whole `name`; both use `/` between folders."""
    return _match(name.split("/"), glob.split("/"), "**", _name)


def _name(name: str, glob: str) -> bool:
    return _match(name, glob, "*", _character)


def _character(character: str, sign: str) -> bool:
    return sign in ("?", character)


def _match(items: Sequence[str], signs: Sequence[str], star: str, fits: Callable[[str, str], bool]) -> bool:
    """Match a sequence sign by sign, where `star` stands for any number of items.

    Only the last star needs another try, so the cost is items times signs, however hostile the glob.
    """
    item = sign = 0
    retry_sign, retry_item = -1, 0
    while item < len(items):
        if sign < len(signs) and signs[sign] == star:
            retry_sign, retry_item = sign, item
            sign += 1
        elif sign < len(signs) and fits(items[item], signs[sign]):
            item += 1
            sign += 1
        elif retry_sign >= 0:
            retry_item += 1
            item, sign = retry_item, retry_sign + 1
        else:
            return False
    return all(rest == star for rest in signs[sign:])
