"""Every billed message once, however many files repeat it. Pure.

A resumed or forked session repeats the messages before it, a forked agent its parent's last one, a compaction's
helper the window it compacts. Each message is counted where it was made, with the fullest usage of all its copies.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from moai_flow.usage.classes import Usage
    from moai_flow.usage.messages import Message

LONG_INPUT = 200_000
"""Input tokens, cached ones too, above which a request has other prices with some models."""

OWN_MAIN, OWN_AGENT, COPIED_INTO_AGENT, COPIED, MIRRORED = range(5)
"""How near a file is to a message's origin; the nearest one counts it."""


class Place:
    """The file that a message stands in.

    Attributes:
        session: the session's id.
        agent: the agent's id, "" for the main window.
        agent_type: the agent's type, "" where nothing tells it.
        project: the project's folder, or the name that the client made of it.
    """

    __slots__ = ("agent", "agent_type", "project", "session")

    def __init__(self, session: str, agent: str = "", agent_type: str = "", project: str = "") -> None:
        self.session = session
        self.agent = agent
        self.agent_type = agent_type
        self.project = project


class Entry:
    """Usage with all that it can be summed up by; the attributes are those of `Message` and `Place`.

    `is_long` tells that each request had more than `LONG_INPUT` input tokens: some models have other prices then.
    """

    __slots__ = ("agent", "agent_type", "at", "is_long", "model", "project", "prompt", "session", "usage")

    def __init__(
        self,
        usage: Usage,
        *,
        session: str = "",
        agent: str = "",
        agent_type: str = "",
        model: str = "",
        prompt: str = "",
        at: int = 0,
        project: str = "",
        is_long: bool = False,
    ) -> None:
        self.usage = usage
        self.session = session
        self.agent = agent
        self.agent_type = agent_type
        self.model = model
        self.prompt = prompt
        self.at = at
        self.project = project
        self.is_long = is_long


def rank(message: Message, place: Place) -> int:
    """Return how near a file is to a message's origin, 0 for the nearest.

    A forked agent's file begins with a record of its parent's, which does not carry the fork's own type.
    """
    if message.is_mirror:
        return MIRRORED
    if message.origin and message.origin != place.session:
        return COPIED
    if place.agent:
        return OWN_AGENT if message.agent_type == place.agent_type or not place.agent_type else COPIED_INTO_AGENT
    return OWN_AGENT if message.agent else OWN_MAIN


def entry_of(message: Message, place: Place) -> Entry:
    """Return a message's usage with what it is summed up by."""
    agent = message.agent or place.agent
    return Entry(
        message.usage,
        session=message.origin or place.session,
        agent=agent,
        agent_type=place.agent_type if agent == place.agent else message.agent_type,
        model=message.model,
        prompt=message.prompt,
        at=message.at,
        project=place.project,
        is_long=message.usage.total - message.usage.output > LONG_INPUT,
    )


class Tally:
    """The billed messages of any number of files, each once."""

    __slots__ = ("_fullest", "_nearest")

    def __init__(self) -> None:
        self._nearest: dict[str, tuple[int, Entry]] = {}
        self._fullest: dict[str, Usage] = {}

    def add(self, messages: Iterable[Message], place: Place) -> None:
        """Add the messages of a file; the same ones may come again, and fuller."""
        for message in messages:
            near = rank(message, place)
            known = self._nearest.get(message.key)
            if known is None or near < known[0]:
                self._nearest[message.key] = near, entry_of(message, place)
            fullest = self._fullest.get(message.key)
            if fullest is None or message.usage.total > fullest.total:
                self._fullest[message.key] = message.usage

    def entries(self) -> Iterator[Entry]:
        """Yield every message once."""
        for key, (_, entry) in self._nearest.items():
            entry.usage = self._fullest[key]
            yield entry
