"""Who is told what at an event: the person, the model, or nobody.

The client shows nothing from inside a subagent and at its end, so what the person has to hear waits for the next
event of the main thread; a subagent's model hears of its own swarm only.
"""

from __future__ import annotations

from moai_flow.hook import reply
from moai_flow.hook.payload import POST_TOOL_USE, POST_TOOL_USE_FAILURE, SESSION_END, SESSION_START, SUBAGENT_START
from moai_flow.resource import notices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.hook.ledgers import Book
    from moai_flow.hook.payload import Event
    from moai_flow.resource.session import Session

MOST_PROBLEMS = 5
"""Settings that cannot be used which are named in a session; one line each."""


def due(book: Book, event: Event) -> tuple[list[str], list[str]]:
    """Return the lines that are due to the person and to the model, and take them as said."""
    ledger, config, session = book.ledger, book.ledger.config, book.ledger.session
    to_person: list[str] = []
    to_model: list[str] = []
    if session is None or not config.enable_warnings or event.name == SESSION_END:
        return to_person, to_model
    _news(book, session)
    if event.agent:
        if event.name == SUBAGENT_START and config.tell_agents:
            swarm = ledger.swarms[ledger.windows[event.agent].swarm]
            own = ledger.reservations.get(event.agent)
            left = swarm.available + (own.left if own is not None else 0)
            to_model.append(f"Token budget: swarm {swarm.swarm_id} has {left:,} of {swarm.allocated:,} tokens left")
        if event.name in (POST_TOOL_USE, POST_TOOL_USE_FAILURE) and config.notify != "person":
            to_model += notices.due_to_model(ledger, ledger.windows[event.agent].swarm)
        return to_person, to_model
    if event.name in reply.REACHES_PERSON and config.notify != "model":
        to_person, session.news = session.news, []
        if event.name != SESSION_START:
            to_person = to_person + notices.due_to_person(ledger)
    if event.name in reply.REACHES_MODEL and config.notify != "person":
        to_model += notices.due_to_model(ledger)
    return to_person, to_model


def _news(book: Book, session: Session) -> None:
    """Note for the person what is not well with the ledger or the settings."""
    if book.is_rebuilt:
        session.news.append("Token budget: the ledger of this session was damaged; it starts anew from the transcripts")
    if book.problems and session.once("config"):
        session.news += [f"Token budget: {problem}" for problem in book.problems[:MOST_PROBLEMS]]
        more = len(book.problems) - MOST_PROBLEMS
        if more > 0:
            session.news.append(f"Token budget: {more} more settings not used; token-budget doctor names all")
