from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.billing import lines, prompt, reply

from moai_flow.usage.messages import Batch, read_lines, seconds_of
from moai_flow.usage.progress import Progress


def read(*records: dict[str, Any], is_agent: bool = False) -> Batch:
    return read_lines(lines(*records), Progress(), is_agent=is_agent)


def billed(*records: dict[str, Any]) -> list[tuple[int, ...]]:
    """Return requests, input, writes (5 min, 1 h), reads and output of each message."""
    return [message.usage.as_tuple() for message in read(*records).messages.values()]


FULL = (1, 10, 0, 2_000, 3_000, 50)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param([reply(), reply()], [FULL], id="the lines of one message repeat its usage"),
        pytest.param([reply(output=1), reply()], [FULL], id="an early line has a placeholder"),
        pytest.param([reply(), reply(output=1)], [FULL], id="the fullest line is not the last"),
        pytest.param([reply(), reply("msg_2", "req_2")], [FULL, FULL], id="two messages"),
        pytest.param([reply(), reply("msg_2")], [FULL, FULL], id="two messages of one request's id"),
        pytest.param([reply(), reply(request="req_2")], [FULL, FULL], id="one message's id in two requests"),
        pytest.param([reply(request=None), reply(request=None)], [FULL], id="no request's id"),
        pytest.param(
            [reply("u1", uuid="u1"), reply("u2", uuid="u2")], [FULL], id="each line's own id stands for the message's"
        ),
        pytest.param([reply(None), reply(None)], [FULL], id="no message's id"),
        pytest.param([reply(model="<synthetic>")], [], id="the client's own error"),
        pytest.param([reply(type="user")], [], id="not a reply"),
        pytest.param([reply(usage={"input_tokens": 0})], [], id="nothing was billed"),
        pytest.param([reply(usage={"input_tokens": -5, "output_tokens": 7})], [(1, 0, 0, 0, 0, 7)], id="below zero"),
        pytest.param([reply(usage={"input_tokens": "9", "output_tokens": 7})], [(1, 0, 0, 0, 0, 7)], id="not a number"),
        pytest.param([reply(usage={"input_tokens": 1 << 60, "output_tokens": 7})], [(1, 0, 0, 0, 0, 7)], id="absurd"),
    ],
)
def test_each_message_is_billed_once(records: list[dict[str, Any]], expected: list[tuple[int, ...]]) -> None:
    """A message is known by its id and its request's; its fullest line is what was billed."""
    assert billed(*records) == expected


@pytest.mark.parametrize(
    ("stated", "five_minutes", "hour"),
    [
        pytest.param({"cache_creation_input_tokens": 2_000}, 2_000, 0, id="no lifetime is told"),
        pytest.param(
            {
                "cache_creation_input_tokens": 2_000,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            },
            2_000,
            0,
            id="lifetimes of zero",
        ),
        pytest.param(
            {
                "cache_creation_input_tokens": 2_000,
                "cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 1_500},
            },
            500,
            1_500,
            id="both lifetimes",
        ),
        pytest.param(
            {"cache_creation_input_tokens": 2_000, "cache_creation": {"ephemeral_1h_input_tokens": 1_500}},
            500,
            1_500,
            id="a part is untold",
        ),
        pytest.param(
            {"cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 1_500}},
            500,
            1_500,
            id="no sum",
        ),
    ],
)
def test_a_cache_write_of_untold_lifetime_is_of_five_minutes(
    stated: dict[str, Any], five_minutes: int, hour: int
) -> None:
    """Writes to the cache have two prices; five minutes is the API's default."""
    (message,) = read(reply(usage={**stated, "output_tokens": 1})).messages.values()
    assert (message.usage.cache_write_5m, message.usage.cache_write_1h) == (five_minutes, hour)


def test_the_top_level_stands_for_the_iterations_it_sums_up() -> None:
    """Iterations of the message itself are parts of the top level."""
    iterations = [{"type": "message", "input_tokens": 5, "output_tokens": 25}] * 2
    assert billed(reply(usage={"input_tokens": 10, "output_tokens": 50, "iterations": iterations})) == [
        (1, 10, 0, 0, 0, 50)
    ]


@pytest.mark.parametrize(
    ("kind", "model", "expected"),
    [
        ("advisor_message", "claude-haiku-4-5", "claude-haiku-4-5"),
        ("compaction", None, "claude-opus-5-5"),
    ],
)
def test_iterations_that_the_top_level_leaves_out_are_added(kind: str, model: str | None, expected: str) -> None:
    """An advisor and a compaction inside the request are billed beside it, once, and are no requests of their own."""
    iteration = {"type": kind, "model": model, "input_tokens": 7, "output_tokens": 9}
    record = reply(usage={"input_tokens": 10, "output_tokens": 50, "iterations": [iteration]})
    messages = list(read(record, record).messages.values())
    assert [(message.model, message.usage.as_tuple()) for message in messages] == [
        ("claude-opus-5-5", (1, 10, 0, 0, 0, 50)),
        (expected, (0, 7, 0, 0, 0, 9)),
    ]


def test_a_message_belongs_to_the_last_prompt_before_it() -> None:
    """The prompt's id stands in the person's record, not in the reply's; it holds over the parts of a reading."""
    progress = Progress()
    first = read_lines(lines(prompt("p1"), reply(), prompt("p2")), progress)
    second = read_lines(lines(reply("msg_2"), prompt("p3"), reply("msg_3")), progress)
    found = [message.prompt for batch in (first, second) for message in batch.messages.values()]
    assert found == ["p1", "p2", "p3"]


def test_names_inside_of_texts_are_no_records() -> None:
    """What somebody wrote about usage is text: its quotes are escaped."""
    said = '"promptId":"px","usage":{"input_tokens":99},"type":"assistant"'
    record = {"promptId": "p1", "type": "user", "message": {"role": "user", "content": said}}
    batch = read(record, reply(content=[{"type": "text", "text": said}]))
    assert [(message.prompt, message.usage.as_tuple()) for message in batch.messages.values()] == [("p1", FULL)]


def test_records_may_be_written_with_spaces() -> None:
    """A tool that rewrites a transcript may format it."""
    data = b"".join(json.dumps(record).encode() + b"\n" for record in (prompt("p1"), reply()))
    (message,) = read_lines(data, Progress()).messages.values()
    assert (message.prompt, message.usage.as_tuple()) == ("p1", FULL)


def test_a_report_of_an_agents_progress_tells_the_agents_message() -> None:
    """Clients 2.1 repeat an agent's messages in the main transcript; the agent's own file counts them."""
    inner = reply(timestamp=None)
    report = {"type": "progress", "timestamp": "2026-11-22T15:01:09Z", "data": {"agentId": "a1", "message": inner}}
    (message,) = read(report).messages.values()
    assert (message.agent, message.is_mirror, message.usage.as_tuple()) == ("a1", True, FULL)
    assert message.at == int(datetime(2026, 11, 22, 15, 1, 9, tzinfo=timezone.utc).timestamp())


@pytest.mark.parametrize(
    ("record", "agent"),
    [(reply(isSidechain=True), "sidechain"), (reply(isSidechain=True, agentId="a1"), "a1"), (reply(), "")],
)
def test_a_side_chain_in_a_main_transcript_is_an_agents(record: dict[str, Any], agent: str) -> None:
    """Clients 1.0 wrote agents' records into the main transcript."""
    (message,) = read(record).messages.values()
    assert message.agent == agent


def test_an_agents_type_is_told_by_the_call_and_its_result() -> None:
    """Clients that name no type in an agent's records asked for it in the call."""
    call = {"type": "tool_use", "id": "toolu_1", "name": "Task", "input": {"subagent_type": "backend"}}
    block = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "done"}
    result = {
        "type": "user",
        "message": {"role": "user", "content": [block]},
        "toolUseResult": {"status": "completed", "agentId": "a1"},
    }
    progress = Progress()
    assert read_lines(lines(reply(content=[call])), progress).agent_types == {}
    assert read_lines(lines(result), Progress.from_list(progress.to_list())).agent_types == {"a1": "backend"}


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"assistant","message":{"usage":',
        b'{"type":"assistant","message":{"usage":[]}}',
        b'{"type":"assistant","message":"usage"}',
        b'["usage","assistant"]',
        b'{"type":"assistant","message":' + b"[" * 100_000 + b'"usage"',
        b'{"type":"assistant","usage":"' + b"x" * 5_000_000 + b'"}',
        b'"usage""assistant"\xff\xfe',
    ],
    ids=["half", "list", "text", "array", "deep", "large", "bytes"],
)
def test_lines_that_say_nothing_are_left_out(line: bytes) -> None:
    """A transcript is somebody else's: whatever stands in it, the next line counts."""
    batch = read_lines(line + b"\n" + lines(reply()), Progress())
    assert [message.usage.as_tuple() for message in batch.messages.values()] == [FULL]


def test_half_a_character_in_a_name_does_no_harm() -> None:
    """JSON can tell a lone surrogate, which no database takes."""
    data = lines(reply()).replace(b"claude-opus-5-5", rb"claude-\ud800")
    (message,) = read_lines(data, Progress()).messages.values()
    assert message.model.encode()


@given(st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2999, 12, 31)))  # noqa: DTZ001 - the zone is added
def test_times_are_read_as_the_library_reads_them(moment: datetime) -> None:
    """The hook reads a record's time without the modules that know calendars."""
    moment = moment.replace(tzinfo=timezone.utc, microsecond=0)
    assert seconds_of(moment.isoformat().replace("+00:00", "Z")) == int(moment.timestamp())


@pytest.mark.parametrize(
    ("written", "expected"),
    [("2026-11-22T15:01:08+02:00", 1795352468), ("2026-11-22T15:01:08Z", 1795359668), ("soon", 0), (None, 0)],
)
def test_a_times_zone_counts(written: str | None, expected: int) -> None:
    """The client writes UTC; other tools may not."""
    assert seconds_of(written) == expected
