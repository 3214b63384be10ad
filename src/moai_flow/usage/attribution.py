"""Which swarm a request was made for. Pure.

A subagent's requests belong to the swarm of its type. The main window's requests carry the whole window, so each is
divided over the swarms in it in proportion to what they hold of the window at that moment.
"""

from __future__ import annotations

from moai_flow.core.names import NAME_LENGTH, safe_name
from moai_flow.core.swarm import MAIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from moai_flow.usage.classes import Usage

UNTYPED = "agent"
"""The swarm of agents whose type no record tells."""

_AGENTS_SUFFIX = ".agents"
_MAX_GLOBBED = 512


def swarm_of_agent(
    agent_type: str,
    rules: Iterable[tuple[str, Iterable[str]]] = (),
    matches: Callable[[str, str], bool] | None = None,
) -> str:
    """Return the swarm of agents of a type: the first whose rule matches it, else one named after it.

    Args:
        agent_type: the type, "" where no record tells it.
        rules: for each swarm of the settings its name and its globs on types, in their order.
        matches: whether a type (first) matches a glob (second).
    """
    name = safe_name(agent_type or UNTYPED)
    for rule, globs in rules:
        if matches is not None and any(matches(agent_type[:_MAX_GLOBBED], glob) for glob in globs):
            name = rule
            break
    # `main` is the main window's: agents of that type have windows of their own.
    return name[: NAME_LENGTH - len(_AGENTS_SUFFIX)] + _AGENTS_SUFFIX if name == MAIN else name


def is_client_helper(agent: str) -> bool:
    """Return whether an agent without a type is a helper of the client's own, by its id.

    The client names them: `acompact-3f2a…` compacts the main window, `aprompt_suggestion-…` suggests a prompt. Their
    cost is the main window's.
    """
    name, dash, _ = agent.partition("-")
    return bool(dash) and name.startswith("a") and len(name) > 1


def divide(usage: Usage, holdings: Mapping[str, int]) -> dict[str, Usage]:
    """Return a main window's request divided over the swarms in the window; the parts add up to it exactly.

    Args:
        usage: what the request was billed.
        holdings: tokens that each swarm holds of the window when the request is made. Where none holds any, it is
            the main swarm's.
    """
    held = {name: tokens for name, tokens in holdings.items() if tokens > 0}
    return usage.divided(held) if held else {MAIN: usage}
