"""A ledger's bytes: what was written is what is read, and nothing else is taken for it."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moai_flow.core import allocations, codec, compact_json
from moai_flow.core.ledger import Ledger, SessionLedger
from moai_flow.core.session import Session
from moai_flow.core.swarm import Swarm
from moai_flow.core.window import Estimate, Window
from moai_flow.resource import BudgetConfig, CorruptStateError, NewerStateError

CONFIG = BudgetConfig()
TOKENS = st.integers(0, 10**13)
TIMES = st.floats(0, 1e12, allow_nan=False)
NAMES = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=64)
TEXTS = st.text(string.printable + "äß漢\U0001f600\ud800\x00", max_size=20)


@st.composite
def ledgers(draw: st.DrawFn) -> Ledger:
    ledger: Ledger = Ledger(CONFIG)
    if draw(st.booleans()):
        session = Session(draw(NAMES))
        session.turns = draw(st.lists(TOKENS, max_size=3))
        session.pending_notices = draw(st.lists(TEXTS, max_size=2))
        session.factors = draw(st.dictionaries(NAMES, st.floats(0.1, 9), max_size=2))
        session.settlements = draw(st.lists(st.tuples(NAMES, TOKENS, TOKENS), max_size=2))
        ledger = SessionLedger(CONFIG, session)
    for name in draw(st.lists(NAMES, max_size=4, unique=True)):
        swarm = Swarm(
            name,
            draw(TOKENS),
            draw(TIMES),
            guaranteed=draw(TOKENS),
            isolated=draw(st.booleans()),
            open_ended=draw(st.booleans()),
        )
        swarm.consumed, swarm.reserved, swarm.last_updated = draw(TOKENS), draw(TOKENS), draw(TIMES)
        swarm.warnings_issued = draw(st.integers(0, 9))
        swarm.notified_person, swarm.notified_model = draw(st.integers(0, 2)), draw(st.integers(0, 2))
        ledger.add(swarm)
    for key in draw(st.lists(NAMES, max_size=2, unique=True)):
        window = Window(key, draw(NAMES))
        window.occupancy, window.offset, window.transcript_bytes = draw(TOKENS), draw(TOKENS), draw(TOKENS)
        window.message, window.turn, window.path = draw(TEXTS), draw(TEXTS), draw(TEXTS)
        window.holdings = draw(st.dictionaries(NAMES, TOKENS, max_size=3))
        window.handled = draw(st.lists(TEXTS, max_size=3))
        for call in draw(st.lists(TEXTS, max_size=3, unique=True)):
            estimate = Estimate(call, "result", draw(NAMES), "text", draw(TOKENS), draw(TEXTS), draw(TOKENS))
            window.pending[estimate.identity] = estimate
        ledger.windows[key] = window
    for _ in range(draw(st.integers(0, 3))):
        ledger.note(draw(TIMES), draw(NAMES), "consume", draw(TOKENS))
    return ledger


def contents(thing: object) -> object:
    """Return everything a ledger holds as plain values, tuples as lists."""
    if isinstance(thing, (list, tuple)):
        return [contents(item) for item in thing]
    if isinstance(thing, dict):
        return {key: contents(value) for key, value in thing.items()}
    if hasattr(thing, "__slots__") and not isinstance(thing, BudgetConfig):
        fields = [field for kind in type(thing).__mro__ for field in getattr(kind, "__slots__", ())]
        return {field: contents(getattr(thing, field)) for field in fields}
    return thing


def an_ordinary_ledger() -> Ledger:
    ledger = SessionLedger(CONFIG, Session("5f0c"))
    allocations.allocate(ledger, "backend", 50_000, 1_700_000_000.25)
    ledger.record("backend", 4_711, 1_700_000_001.5)
    window = ledger.windows["main"] = Window("main", "backend")
    window.holdings["backend"] = 4_711
    window.pending["result:t1"] = Estimate("t1", "result", "backend", "text", 120)
    return ledger


@given(ledgers())
@example(an_ordinary_ledger())
def test_what_is_read_is_what_was_written(ledger: Ledger) -> None:
    """Every field comes back, and the same ledger gives the same bytes."""
    data = codec.encode(ledger)
    again = codec.decode(data, CONFIG)
    assert contents(again) == contents(ledger)
    assert codec.encode(again) == data
    assert data.isascii()
    assert data.count(b"\n") == 1


def test_any_changed_byte_is_noticed() -> None:
    """Every single flipped bit and every other value of every byte is found."""
    data = codec.encode(an_ordinary_ledger())
    for place, byte in enumerate(data):
        for other in {byte ^ 1 << bit for bit in range(8)} | {0, 255, ord("0"), ord(" ")} - {byte}:
            with pytest.raises(CorruptStateError):
                codec.decode(data[:place] + bytes([other]) + data[place + 1 :], CONFIG)


def test_any_cut_is_noticed() -> None:
    """A file that ends early anywhere, or lacks its beginning, is found."""
    data = codec.encode(an_ordinary_ledger())
    for place in range(len(data)):
        with pytest.raises(CorruptStateError):
            codec.decode(data[:place], CONFIG)
        if place:
            with pytest.raises(CorruptStateError):
                codec.decode(data[place:], CONFIG)


@given(st.binary(max_size=200))
def test_other_bytes_are_no_ledger(data: bytes) -> None:
    """Whatever is in the file, the answer is an error of ours."""
    with pytest.raises(CorruptStateError):
        codec.decode(data, CONFIG)


def sealed(document: object) -> bytes:
    body = compact_json.encode(document)[:-1].encode("ascii")
    return body + codec._SEAL % codec._checksum(body)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({}, id="nothing in it"),
        pytest.param({"version": 1}, id="no swarms"),
        pytest.param({"version": "1"}, id="a version that is text"),
        pytest.param({"version": 1, "swarms": [[]], "windows": [], "history": []}, id="a swarm without fields"),
        pytest.param({"version": 1, "swarms": 7, "windows": [], "history": []}, id="swarms that are a number"),
        pytest.param({"version": 1, "swarms": [], "windows": [["w"]], "history": []}, id="a window without fields"),
        pytest.param({"version": 1, "swarms": [], "windows": [], "history": [[1]]}, id="a short entry of history"),
        pytest.param({"version": 1, "swarms": [], "windows": [], "history": [], "session": []}, id="a listed session"),
    ],
)
def test_a_sealed_document_that_makes_no_sense(document: object) -> None:
    """What is sealed but not a ledger is damaged, too; nothing else is raised."""
    with pytest.raises(CorruptStateError):
        codec.decode(sealed(document), CONFIG)


def test_a_newer_version_is_left_alone() -> None:
    """A file of a later format is told from a damaged one."""
    with pytest.raises(NewerStateError, match="format 2"):
        codec.decode(sealed({"version": 2, "anything": "else"}), CONFIG)


def test_fields_that_a_session_lacks_are_its_defaults() -> None:
    """A session written before a field existed can be read."""
    document = {"version": 1, "swarms": [], "windows": [], "history": [], "session": {"session_id": "5f0c"}}
    session = codec.decode_session(sealed(document), CONFIG).session
    assert contents(session) == contents(Session("5f0c"))
