"""What a report claims is true: a test for each claim that was once false on real sessions."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.transcript import CHARACTERS_PER_TOKEN, Transcript, Transcripts

from moai_flow.analysis import totals
from moai_flow.analysis.collect import collect
from moai_flow.analysis.recommend import recommend
from moai_flow.analysis.secrets import MAX_CHARACTERS, mask
from moai_flow.analysis.targets import asked_of, target_of
from moai_flow.analysis.trace import AgentUse, Result, Trace
from moai_flow.replay.play import play
from moai_flow.report.document import document
from moai_flow.report.page import page
from moai_flow.report.text import lines

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = "/home/me/app"


@pytest.fixture
def story(tmp_path: Path) -> Transcript:
    return Transcript(tmp_path / "0f3c7a52.jsonl", cwd=PROJECT)


def traced(story: Transcript) -> Trace:
    return collect(play(story.path), story.path.stem)


def text_of(*traces: Trace) -> str:
    return "\n".join(lines(document(traces), style=lambda text, _: text))


def over_estimated(story: Transcript) -> None:
    """Let a Read seem to bring 90,000 tokens of which 5,000 are measured: the client showed a part of it."""
    text = "ab " * (90_000 * CHARACTERS_PER_TOKEN // 3)
    content = {"type": "text", "file": {"filePath": f"{PROJECT}/big.log", "content": text, "startLine": 1}}
    story.call("Read", {"file_path": f"{PROJECT}/big.log"}, 5_000, content)


def test_the_highest_occupancy_is_a_measured_one(story: Transcript) -> None:
    """A Read that was estimated too high never was in the window: not in the figure, not in the chart."""
    story.prompt("Look.")
    over_estimated(story)
    story.call("Bash", {"command": "ls"}, 100)
    story.end_turn()
    trace = traced(story)
    assert trace.measured
    assert trace.highest < 30_000
    assert max(point.occupancy for point in trace.points) == trace.highest
    assert all(sum(point.shares.values()) == point.occupancy for point in trace.points)


def test_a_highest_figure_that_was_never_measured_carries_a_mark(story: Transcript) -> None:
    """A session that ended before the first reply has estimates alone."""
    story.prompt("word " * 4_000)
    trace = traced(story)
    assert not trace.measured
    assert f" ~{trace.highest:,} of" in text_of(trace)
    assert f"~{trace.highest:,}</div>" in page([trace])


def copied(story: Transcript, agent: str, agent_type: str = "") -> None:
    """Let an agent's transcript begin with a copy of the main window's history, as the client's helpers do."""
    place = story.path.with_suffix("") / "subagents" / f"agent-{agent}.jsonl"
    place.parent.mkdir(parents=True, exist_ok=True)
    records = [json.loads(line) for line in story.path.read_text().splitlines()]
    marked = [{**record, "isSidechain": True, "attributionAgent": agent_type or None} for record in records]
    place.write_text("".join(json.dumps(record) + "\n" for record in marked))


@pytest.mark.parametrize(
    ("agent", "agent_type"),
    [
        pytest.param("acompact-3f2a", "", id="a compaction's helper"),
        pytest.param("acompact-3f2a", "general-purpose", id="a compaction's helper that names a type"),
        pytest.param("a5d81f", "", id="an agent without a type"),
        pytest.param("a5d81f", "fork", id="a forked agent"),
    ],
)
def test_a_result_that_was_copied_into_an_agents_file_counts_once(
    story: Transcript, agent: str, agent_type: str
) -> None:
    """Thirteen Reads are thirteen Reads, however many files repeat them."""
    for number in range(13):
        story.call("Read", {"file_path": f"{PROJECT}/part{number}.py"}, 1_000)
    story.end_turn()
    before = totals.by_tool([traced(story)])
    copied(story, agent, agent_type)
    trace = traced(story)
    assert [(total.name, total.count) for total in totals.by_tool([trace])] == [("Read", 13)]
    assert totals.by_tool([trace]) == before
    assert set(trace.agents) == ({"a5d81f"} if agent_type == "fork" else set())


def test_a_result_that_a_forked_session_repeats_counts_once(story: Transcript, tmp_path: Path) -> None:
    """The session it was made in keeps it; what the fork read itself is the fork's."""
    story.call("Read", {"file_path": f"{PROJECT}/a.py"}, 3_000)
    story.end_turn()
    shutil.copy(story.path, tmp_path / "51d20e9b.jsonl")
    fork = Transcript(tmp_path / "51d20e9b.jsonl", cwd=PROJECT, began=story.now + timedelta(minutes=1))
    fork.call("Read", {"file_path": f"{PROJECT}/b.py"}, 2_000)
    fork.end_turn()
    found = totals.without_copies([traced(fork), traced(story)])
    assert [(total.name, total.count) for total in totals.by_file(found)] == [("a.py", 1), ("b.py", 1)]
    assert [[result.target for result in trace.results] for trace in found] == [["a.py"], ["b.py"]]


@pytest.mark.parametrize(
    "left", [pytest.param(None, id="the client does not tell"), pytest.param(9_000, id="the client tells")]
)
def test_what_a_compaction_took_is_what_the_next_reply_no_longer_read(story: Transcript, left: int | None) -> None:
    """Not "to 0": clients to 2.1.104 leave `postTokens` out, and what they tell leaves the system's prompt out."""
    story.call("Read", {"file_path": f"{PROJECT}/a.py"}, 143_000)
    story.end_turn()
    before = story.occupancy
    story.compact(left)
    story.occupancy = 21_639
    story.call("Bash", {"command": "ls"}, 100)
    story.end_turn()
    trace = traced(story)
    (mark,) = trace.marks
    assert mark.after == 21_699
    assert abs(mark.before - before) < 500
    assert mark.measured
    assert f"compacted by itself {mark.before:,} to 21,699" in text_of(trace)
    (advice,) = [one for one in recommend([trace]) if one.kind == "automatic_compaction"]
    assert advice.tokens == mark.before - 21_699


def test_a_compaction_after_which_nothing_was_measured_carries_a_mark(story: Transcript) -> None:
    """The session ended there: what was left is an estimate."""
    story.call("Read", {"file_path": f"{PROJECT}/a.py"}, 50_000)
    story.end_turn()
    story.compact(9_000, automatic=True)
    trace = traced(story)
    assert not trace.marks[0].measured
    assert f"compacted by itself ~{trace.marks[0].before:,}" in text_of(trace)


def test_a_compaction_inside_an_agent_is_none_of_the_main_window(story: Transcript, tmp_path: Path) -> None:
    """Its file has a boundary of its own."""
    story.prompt("Look.")
    story.end_turn()
    agent = Transcripts(tmp_path, story.session, PROJECT, began=story.now).window("a1", "backend")
    agent.call("Read", {"file_path": f"{PROJECT}/a.py"}, 50_000)
    agent.compact(9_000, automatic=True)
    agent.end_turn()
    assert traced(story).marks == []


@pytest.mark.parametrize(
    ("agent", "agent_type", "expected"),
    [
        pytest.param("acompact-3f2a", "general-purpose", [], id="a compaction's helper"),
        pytest.param("aprompt_suggestion-77", "", [], id="a helper that suggests prompts"),
        pytest.param("a5d81f", "", [], id="an agent without a type"),
        pytest.param("a5d81f", "backend", ["large_result"], id="a person's agent"),
    ],
)
def test_advice_is_never_about_the_clients_own_helpers(agent: str, agent_type: str, expected: list[str]) -> None:
    """There is nothing that anybody could do about them."""
    result = Result(0.0, "Read", "big.log", is_part=False, swarm="agent", agent=agent, tokens=90_000, measured=True)
    trace = Trace("s", total_budget=200_000, results=[result], agents={agent: AgentUse(agent, agent_type, "agent")})
    assert [one.kind for one in recommend([trace])] == expected


def test_a_swarms_row_says_which_session_it_is_of(tmp_path: Path) -> None:
    """Two sessions have a swarm of the same name each."""
    traces = []
    for name in ("0f3c7a52", "51d20e9b"):
        session = Transcripts(tmp_path, name, PROJECT)
        session.main.prompt("Look.")
        session.main.end_turn()
        agent = session.window(f"a{name}", "backend")
        agent.call("Read", {"file_path": f"{PROJECT}/{name}.py"}, 9_000)
        agent.end_turn()
        traces.append(traced(session.main))
    text, html = text_of(*traces), page(traces)
    for name in ("0f3c7a52", "51d20e9b"):
        assert f"  backend  {name}  " in text
        assert f"<small>session {name}</small>" in html


def test_commands_that_begin_alike_are_not_the_same(story: Transcript) -> None:
    """What is cut off when it is shown still tells them apart."""
    long = "python -m tool " + "--verbose " * 12
    for name in ("a", "b"):
        story.call("Bash", {"command": long + name}, 6_000)
    story.end_turn()
    trace = traced(story)
    assert len({result.target for result in trace.results}) == 1
    assert not [one for one in recommend([trace]) if one.kind == "repeated_command"]
    assert asked_of({"command": long + "a"}) != asked_of({"command": long + "b"})


SECRETS = [
    pytest.param("API_KEY=hunter2 make", "API_KEY=*** make", id="a variable before a command"),
    pytest.param('export DATABASE_URL="postgres://u:hunter2@h/d"', "export DATABASE_URL=***", id="exported, quoted"),
    pytest.param("docker run -e TOKEN=hunter2 image", "docker run -e TOKEN=*** image", id="a container's variable"),
    pytest.param("X=$(cat hunter2 file) run", "X=*** run", id="from a command"),
    pytest.param("gh auth login --token hunter2", "gh auth login --token ***", id="an option"),
    pytest.param("tool --api-key='hunter 2' x", "tool --api-key=*** x", id="an option with a sign"),
    pytest.param('curl -H "Authorization: Bearer hunter2" u', 'curl -H "Authorization: ***" u', id="a header"),
    pytest.param("curl -H 'X-Api-Key: hunter2' u", "curl -H 'X-Api-Key: ***' u", id="another header"),
    pytest.param("curl -u me:hunter2 u", "curl -u *** u", id="a user with a password"),
    pytest.param("git clone https://me:hunter2@h/x.git", "git clone https://***@h/x.git", id="an address"),
    pytest.param("https://h/x?a=1&access_token=hunter2", "https://h/x?a=1&access_token=***", id="a query"),
    pytest.param('{"password": "hunter2"}', '{"password": ***}', id="JSON"),
    pytest.param("mysql -u root -phunter2 db", "mysql -u *** -p*** db", id="a short option"),
    pytest.param("echo sk-ant-api03-hunter2hunter2", "echo ***", id="Anthropic"),
    pytest.param("echo ghp_hunter2hunter2hunter2", "echo ***", id="GitHub"),
    pytest.param("echo AKIAHUNTER2HUNTER2", "echo ***", id="AWS"),
    pytest.param("echo xoxb-hunter2-hunter2", "echo ***", id="Slack"),
    pytest.param("echo eyJhunter2hunter2.eyJhunter2.abc", "echo ***", id="a web token"),
    pytest.param("echo '-----BEGIN RSA PRIVATE KEY----- hunter2", "echo '***", id="a private key"),
]


@pytest.mark.parametrize(("command", "shown"), SECRETS)
def test_secrets_in_commands_are_masked(command: str, shown: str) -> None:
    """People share reports; where a secret stood still shows."""
    assert target_of({"command": command}, "") == shown


@pytest.mark.parametrize(
    "command",
    [
        "pytest -q tests/test_token.py -k session",
        "grep -rn token src --include=*.py",
        "git log --author=me --format=%h",
        "git commit -m 'Session: keep the order'",
        "jq '.a == 1' file.json",
        "curl -H 'Accept: text/html' https://example.org/a",
        "cat src/auth/session.py",
    ],
)
def test_what_is_no_secret_stays(command: str) -> None:
    """A report that masks everything says nothing."""
    assert target_of({"command": command}, "") == command


def test_no_secret_of_a_session_reaches_the_page(story: Transcript) -> None:
    """Nor the text, nor the advice, nor JSON; a secret beyond what is shown does not either."""
    for parameter in SECRETS:
        story.call("Bash", {"command": str(parameter.values[0])}, 12_000)
    story.end_turn()
    trace = traced(story)
    assert len(trace.results) == len(SECRETS)
    for shown in (page([trace]), text_of(trace), json.dumps(document([trace]))):
        assert "unter2" not in shown.lower()


@pytest.mark.parametrize("text", ["a" * 10_000, "token" * 2_000, "-" * 9_000 + "token ", "A_" * 5_000, '"\\' * 5_000])
def test_masking_costs_little_whatever_the_line(text: str) -> None:
    """Only so much of a line is looked at as a report could show."""
    assert len(mask(text)) <= MAX_CHARACTERS
