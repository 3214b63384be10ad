"""Which swarm an event belongs to.

What happens in the main thread belongs to swarm `main`, unless a `paths` rule claims the file that a tool touched;
what a subagent does belongs to the swarm whose `agents` rule matches its type, else to one named after its type.
Pure.
"""

from __future__ import annotations

from moai_flow.hook.globs import matches
from moai_flow.resource.names import NAME_LENGTH, safe_name
from moai_flow.resource.swarm import MAIN, Swarm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.hook.payload import Event
    from moai_flow.resource.ledger import Ledger

_PATH_FIELDS = ("file_path", "notebook_path", "path")
_MOST_FOLDERS = 64
_LONGEST = 512
"""Characters of a path, or of an agent's type, that globs are tried on: a hostile one must not cost the hook's time."""


def main_swarm(ledger: Ledger, now: float) -> Swarm:
    """Return the swarm of the main window, which has no limit of its own."""
    swarm = ledger.swarms.get(MAIN)
    return swarm or ledger.add(Swarm(MAIN, 0, now, open_ended=True))


def agent_swarm(ledger: Ledger, agent_type: str, now: float) -> Swarm:
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


def tool_swarm(ledger: Ledger, event: Event, project: str, now: float) -> Swarm:
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
            return "" if ".." in names or len(names) > _MOST_FOLDERS or len(path) > _LONGEST else path
    return ""


def _swarm(ledger: Ledger, name: str, limit: int | None, now: float, *, isolated: bool) -> Swarm:
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
        swarm = ledger.add(Swarm(name, allocated, now, promised=limit or 0, isolated=isolated))
    return swarm
