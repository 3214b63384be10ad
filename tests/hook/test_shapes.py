"""Shapes of real transcripts, constructed: the main window in the hooks, and in a session played again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from support.transcript import Transcript, boundary, message

from moai_flow.replay.play import play

if TYPE_CHECKING:
    from support.harness import Session

    from moai_flow.core.window import Window

Record = dict[str, Any]

SUMMARY = "What was done, and what is left to do. " * 400


class Old(Transcript):
    """A main transcript as older clients write it: the figures are those of single requests."""

    version = "2.1.90"

    def add(self, record: Record) -> Record:
        """Write a record, on the one before unless that was forgotten."""
        return self.append({"version": self.version, **record})

    def forget(self) -> None:
        """Let the next record hang on nothing."""
        self._parent = None

    def asks(self, content: Any = "Do it.", **fields: Any) -> Record:
        """Write what a person submitted."""
        return self.add({"type": "user", "message": {"role": "user", "content": content}, **fields})

    def answers(self, read: int, output: int = 100, *, more: Record | None = None, **fields: Any) -> Record:
        """Write a message of the model that read so many tokens."""
        counted = {"input_tokens": 10, "cache_read_input_tokens": read - 10, "output_tokens": output, **(more or {})}
        identity = fields.pop("identity", f"msg_01{self.records:04}")
        given = {"model": self.model, "uuid": f"u-{identity}", **fields}
        return self.add(message(identity, counted=counted, **given))

    def compacts(self, before: int, after: int | None = None) -> Record:
        """Write the boundary of a compaction, with what is left where the client tells it."""
        return self.add(boundary(after, before=before, uuid=f"b{self.records}"))


@pytest.fixture
def transcript(session: Session) -> Old:
    return Old(session.transcript, model="claude-sonnet-4-6")


def main_window(session: Session) -> Window:
    """Return the main window after a prompt's hook has run, without the prompt itself."""
    session.event("UserPromptSubmit", prompt="", prompt_id="p")
    window = session.ledger.windows["main"]
    for identity in [identity for identity in window.pending if identity.startswith("prompt")]:
        del window.pending[identity]
    return window


def begun(session: Session, transcript: Old, first: int = 20_000, full: int = 160_000) -> None:
    """Let a session begin with a first request and fill its window."""
    transcript.asks()
    transcript.answers(first)
    session.event("UserPromptSubmit", prompt="Do it.", prompt_id="p0")
    transcript.asks("Go on.")
    transcript.answers(full)
    session.event("Stop")


def test_a_compaction_that_does_not_tell_what_is_left_is_estimated(session: Session, transcript: Old) -> None:
    """The first request of the session and the summary stand for it, marked as an estimate; it was 0, measured."""
    begun(session, transcript)
    transcript.compacts(160_000)
    transcript.asks(SUMMARY, isCompactSummary=True)
    window = main_window(session)
    assert window.tokens == pytest.approx(20_000 + len(SUMMARY) / 3.6, abs=10)
    assert not window.is_exact


def test_a_compaction_whose_summary_is_not_written_yet_is_estimated_too(session: Session, transcript: Old) -> None:
    """SessionStart(compact) may run before the summary is in the file: a usual one stands for it, then the real one."""
    begun(session, transcript)
    transcript.compacts(160_000)
    session.event("SessionStart", source="compact")
    assert session.ledger.windows["main"].tokens == pytest.approx(24_700, abs=10)
    transcript.asks(SUMMARY, isCompactSummary=True)
    assert main_window(session).tokens == pytest.approx(20_000 + len(SUMMARY) / 3.6, abs=10)


def test_what_a_compaction_leaves_is_without_the_systems_prompt(session: Session, transcript: Old) -> None:
    """`postTokens` leaves out what every request carries: the first read comes on top until the next reply."""
    begun(session, transcript)
    transcript.compacts(160_000, 3_000)
    window = main_window(session)
    assert (window.tokens, window.is_exact) == (23_000, False)
    transcript.answers(24_100)
    session.event("Stop")
    window = session.ledger.windows["main"]
    assert (window.tokens, window.is_exact) == (24_200, True)


def test_the_second_compaction_knows_what_came_back_after_the_first(session: Session, transcript: Old) -> None:
    """What a request carries beside the summary is measured after each compaction."""
    begun(session, transcript)
    transcript.compacts(160_000, 3_000)
    session.event("SessionStart", source="compact")
    transcript.answers(31_000)
    session.event("Stop")
    transcript.compacts(160_000, 4_000)
    assert main_window(session).tokens == 28_000 + 4_000


def test_a_session_that_began_large_does_not_come_back_whole(session: Session, transcript: Old) -> None:
    """A resumed session's first request holds its history: at most 40% of what was there comes back."""
    begun(session, transcript, first=150_000)
    transcript.compacts(160_000, 3_000)
    assert main_window(session).tokens == 64_000 + 3_000


def test_a_reply_whose_usage_was_never_written_is_estimated(session: Session, transcript: Old) -> None:
    """`output_tokens` of a message that never ended is what the stream began with: the content is counted."""
    transcript.asks()
    text = "The window holds what the model reads on the next request, and no more than that. " * 30
    transcript.answers(50_000, 2, stop=None, content=[{"type": "text", "text": text}])
    window = main_window(session)
    assert window.tokens == pytest.approx(50_000 + len(text) / 4.5, rel=0.005)
    assert not window.is_exact


def test_a_placeholder_teaches_nothing(session: Session, transcript: Old) -> None:
    """The next request holds a reply of unknown size: its growth says nothing of the results' rates."""
    begun(session, transcript, full=50_000)
    session.event("UserPromptSubmit", prompt="words and words " * 400, prompt_id="p1")
    transcript.asks("x")
    call = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "x" * 900}}
    transcript.answers(52_000, 3, stop=None, content=[call])
    session.event("PostToolUse", tool_name="Bash", tool_use_id="toolu_1", tool_input={}, tool_response="words " * 900)
    learned = dict(session.ledger.session.factors)
    transcript.answers(58_000, 500, identity="msg_01next")
    session.event("Stop")
    assert session.ledger.session.factors == learned


def test_a_context_cleared_inside_a_session_empties_the_window(session: Session, transcript: Old) -> None:
    """A plan was accepted with a cleared context: the next record hangs on nothing, the session is the same."""
    begun(session, transcript)
    transcript.forget()
    transcript.asks("Implement the following plan: " + "step " * 400)
    session.event("PostToolUse", tool_name="Read", tool_use_id="toolu_9", tool_input={}, tool_response="")
    window = session.ledger.windows["main"]
    assert 20_000 < window.tokens < 21_500
    assert not window.is_exact


def test_an_old_clients_summary_without_a_boundary_is_a_compaction(session: Session, transcript: Old) -> None:
    """1.0.89 wrote no boundary: the summary hangs on nothing."""
    begun(session, transcript)
    transcript.forget()
    transcript.asks(SUMMARY, isCompactSummary=True)
    assert main_window(session).tokens == pytest.approx(20_000 + len(SUMMARY) / 3.6, abs=10)


def test_a_window_that_shrinks_without_a_boundary_follows_the_reply(session: Session, transcript: Old) -> None:
    """The client trimmed old results: the measured figure falls, and nothing is learned of it."""
    begun(session, transcript)
    learned = dict(session.ledger.session.factors)
    session.event("UserPromptSubmit", prompt="words " * 400, prompt_id="p1")
    transcript.asks("x")
    transcript.answers(110_000)
    session.event("Stop")
    ledger = session.ledger
    assert (ledger.windows["main"].tokens, ledger.total_consumed) == (110_100, 110_100)
    assert ledger.session.factors == learned


@pytest.mark.parametrize(
    ("model", "forgets"),
    [
        pytest.param("claude-sonnet-4-5-20250929", True, id="Sonnet 4.5 drops them"),
        pytest.param("claude-sonnet-4-6", False, id="Sonnet 4.6 keeps them"),
    ],
)
def test_thoughts_that_a_model_drops_leave_at_the_next_prompt(session: Session, model: str, *, forgets: bool) -> None:
    """The last turn's thoughts are gone when the next prompt is read."""
    transcript = Old(session.transcript, model=model)
    thoughts = "Perhaps the figure is right, and perhaps it is not; so let us look again. " * 60
    transcript.asks()
    transcript.answers(50_000, 1_100, content=[{"type": "thinking", "thinking": thoughts}])
    session.event("Stop")
    fell = 51_100 - main_window(session).tokens
    assert fell == (pytest.approx(len(thoughts) / 4.4, rel=0.1) if forgets else 0)


def test_lines_with_an_id_of_their_own_are_one_message(session: Session, transcript: Old) -> None:
    """2.1.45 gave each line of a request its `uuid` as the message's id: the request's id holds them together."""
    transcript.asks()
    for number in (1, 2):
        call = {"type": "tool_use", "id": f"toolu_{number}", "name": "Bash", "input": {}}
        uuid = f"line-{number}"
        transcript.answers(40_000, 150, content=[call], stop="tool_use", identity=uuid, uuid=uuid, requestId="req_011")
    for number in (1, 2):
        session.event(
            "PostToolUse",
            tool_name="Bash",
            tool_use_id=f"toolu_{number}",
            tool_input={},
            tool_response={"stdout": "a line of words\n" * 200, "stderr": ""},
        )
    window = session.ledger.windows["main"]
    assert sum(one.role == "result" for one in window.pending.values()) == 2
    assert window.tokens > 40_150 + 1_200


@pytest.mark.parametrize(
    ("iterations", "expected"),
    [
        pytest.param([("message", 61_000), ("message", 65_000)], 65_300, id="the last request is the window"),
        pytest.param([("message", 65_000), ("advisor_message", 3_000)], 65_300, id="an adviser reads something else"),
        pytest.param([("message", 65_000), ("compaction", 9_000)], 65_300, id="a compaction too"),
        pytest.param([("fallback_message", 65_000)], 65_300, id="another model in its place"),
        pytest.param([("message", 65_000), ("message", 0)], 188_600, id="one that read nothing"),
        pytest.param([("message", 65_000), ("new_kind", 9_000)], 188_600, id="an unknown kind"),
        pytest.param([], 188_600, id="none"),
        pytest.param("many", 188_600, id="no list"),
    ],
)
def test_several_requests_of_one_message_are_not_one_window(
    session: Session, transcript: Old, iterations: Any, expected: int
) -> None:
    """A server's tool lets the API ask several times: the usage sums them, the window is the last."""
    requests = iterations
    if isinstance(iterations, list):
        requests = [{"type": kind, "input_tokens": read, "output_tokens": 300} for kind, read in iterations]
    transcript.asks()
    transcript.answers(188_300, 300, more={"iterations": requests})
    assert main_window(session).tokens == expected


def test_side_chains_in_the_main_file_are_not_the_main_window(session: Session, transcript: Old) -> None:
    """1.0.x wrote a subagent's records into the main file, its first one hanging on nothing."""
    begun(session, transcript, full=60_000)
    transcript.forget()
    transcript.asks("Search for it.", isSidechain=True)
    transcript.answers(9_000, isSidechain=True)
    assert main_window(session).tokens == 60_100


def test_a_providers_usage_that_flips_teaches_nothing(session: Session) -> None:
    """MiniMax counts 16,000 tokens of a cache or does not: the figure follows, the rates do not."""
    transcript = Old(session.transcript, model="MiniMax-M2")
    begun(session, transcript, full=60_000)
    for number, read in enumerate((44_200, 60_400, 44_600, 60_800)):
        session.event("UserPromptSubmit", prompt="words " * 300, prompt_id=f"p{number}")
        transcript.asks("x")
        transcript.answers(read, identity=f"flip-{number}")
        session.event("Stop")
        assert session.ledger.windows["main"].tokens == read + 100
    assert all(0.8 < factor < 1.25 for factor in session.ledger.session.factors.values())


def test_a_turn_without_a_prompt_event_is_not_taken_for_its_predecessor(session: Session, transcript: Old) -> None:
    """A teammate's message began the turn, its reply is not in the file yet: it is estimated, and CRITICAL is said."""
    session.configure(total_budget=200_000)
    transcript.asks()
    session.event("UserPromptSubmit", prompt="Do it.", prompt_id="p0")
    transcript.answers(170_000, 100, content=[{"type": "text", "text": "The first reply."}])
    session.event("Stop", last_assistant_message="The first reply.")
    said = session.event("Stop", last_assistant_message="The second reply, which is longer. " * 1_400)
    window = session.ledger.windows["main"]
    assert window.tokens > 180_000
    assert not window.is_exact
    assert "CRITICAL" in said["systemMessage"]


def test_the_same_reply_twice_counts_once(session: Session, transcript: Old) -> None:
    """A hook that is registered twice runs twice at the end of a turn whose reply is in the file."""
    transcript.asks()
    session.event("UserPromptSubmit", prompt="Do it.", prompt_id="p0")
    transcript.answers(50_000, 100, content=[{"type": "text", "text": "The reply."}])
    for _ in range(2):
        session.event("Stop", last_assistant_message="The reply.")
        assert session.ledger.windows["main"].is_exact


def test_helpers_that_summarize_are_not_counted(session: Session, transcript: Old) -> None:
    """`agent-acompact-*` copies the history that it summarizes, whatever type its events carry."""
    begun(session, transcript)
    session.event("SubagentStart", agent_id="acompact-1f", agent_type="agent")
    session.measured(150_000, "acompact-1f", ended=True)
    session.event("SubagentStop", agent_id="acompact-1f", agent_type="agent")
    assert list(session.ledger.windows) == ["main"]
    (last,) = list(play(session.transcript))[-1:]
    assert list(last.ledger.windows) == ["main"]


def test_a_switch_of_the_model_carries_the_figure_and_the_size(session: Session, transcript: Old) -> None:
    """PostModelSwitch tells what the window holds for the new model; the transcript's older figure does not return."""
    begun(session, transcript, full=100_000)
    session.event("PostModelSwitch", to_model="claude-opus-5-5", context_tokens=128_000)
    window = main_window(session)
    assert (window.tokens, session.ledger.session.window_size) == (128_000, 1_000_000)
    transcript.answers(129_000, identity="msg_01switched")
    session.event("Stop")
    assert session.ledger.windows["main"].tokens == 129_100


class TestReplay:
    """The same shapes in a session played again from its transcripts."""

    def test_a_prompt_with_an_image_is_a_prompt(self, transcript: Old) -> None:
        """Its record is a list of blocks: the hook was given the text."""
        image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
        transcript.asks([{"type": "text", "text": "What is this?"}, image])
        transcript.answers(20_000)
        prompts = [step.payload["prompt"] for step in play(transcript.path) if "prompt" in step.payload]
        assert prompts == ["What is this?"]

    def test_a_cleared_context_raises_no_alarm(self, transcript: Old) -> None:
        """The record that begins anew is read: no step shows the window full that was just emptied."""
        transcript.asks()
        transcript.answers(20_000)
        transcript.asks("Go on.")
        transcript.answers(170_000)
        transcript.forget()
        transcript.asks("Implement the following plan.")
        transcript.answers(24_000)
        steps = [step.occupancy for step in play(transcript.path)]
        assert steps[-2:] == [170_100, 24_100]

    def test_a_compaction_without_a_figure_is_estimated(self, transcript: Old) -> None:
        """The step of the compaction shows at least the first request, and never an empty window."""
        transcript.asks()
        transcript.answers(20_000)
        transcript.asks("Go on.")
        transcript.answers(160_000)
        transcript.compacts(160_000)
        transcript.asks(SUMMARY, isCompactSummary=True)
        transcript.answers(25_000)
        steps = list(play(transcript.path))
        (compaction,) = [step for step in steps if step.payload.get("source") == "compact"]
        assert 20_000 < compaction.occupancy <= 25_100
        assert steps[-1].occupancy == 25_100


def drawn(session: Session, tokens: int) -> str:
    """Let the client draw the status line with its own figure; return the line."""
    usage = {"input_tokens": tokens - 10, "output_tokens": 10}
    return session.status_line(context_window={"context_window_size": 200_000, "current_usage": usage})


def test_after_a_rewind_the_clients_own_figure_is_kept(session: Session, transcript: Old) -> None:
    """No hook runs and the transcript stays as it is: the status line alone tells, and the hooks believe it."""
    begun(session, transcript, full=150_450)
    os.utime(session.transcript, (session.now - 60, session.now - 60))
    assert "14,477" in drawn(session, 14_477)
    window = main_window(session)
    assert (window.tokens, window.is_exact) == (14_477, True)
    transcript.answers(15_500, identity="msg_01rewound")
    session.event("Stop")
    assert session.ledger.windows["main"].tokens == 15_600


def test_a_line_that_is_drawn_late_is_not_a_rewind(session: Session, transcript: Old) -> None:
    """An older figure while the transcript is being written is shown at most, not kept."""
    begun(session, transcript, full=150_450)
    os.utime(session.transcript, (session.now, session.now))
    drawn(session, 14_477)
    assert main_window(session).tokens == 150_550
