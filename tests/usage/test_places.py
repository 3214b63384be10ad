from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from support.billing import reply, write

from moai_flow.usage.places import choose, find_transcripts, folder_name, project_folders, read_agent_type, read_head

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("there", "environment", "expected"),
    [
        pytest.param(["home/.claude"], {}, ["home/.claude"], id="the home folder's"),
        pytest.param(
            ["home/.claude", "home/.config/claude"], {}, ["home/.config/claude", "home/.claude"], id="both places"
        ),
        pytest.param(["home/.claude", "x/claude"], {"XDG_CONFIG_HOME": "{}/x"}, ["x/claude", "home/.claude"], id="XDG"),
        pytest.param(["home/.claude", "a"], {"CLAUDE_CONFIG_DIR": "{}/a"}, ["a"], id="the chosen one instead"),
        pytest.param(["a", "b"], {"CLAUDE_CONFIG_DIR": "{}/a, {}/b ,{}/a,"}, ["a", "b"], id="several, each once"),
        pytest.param([], {}, [], id="none"),
        pytest.param(["home/.claude"], {"CLAUDE_CONFIG_DIR": "{}/missing"}, [], id="the chosen one is missing"),
    ],
)
def test_projects_are_where_the_client_keeps_them(
    tmp_path: Path, there: list[str], environment: dict[str, str], expected: list[str]
) -> None:
    """`CLAUDE_CONFIG_DIR`, which may name several folders, else both places that clients have used."""
    for name in there:
        (tmp_path / name / "projects").mkdir(parents=True)
    environ = {name: value.replace("{}", str(tmp_path)) for name, value in environment.items()}
    found = project_folders({"HOME": str(tmp_path / "home"), **environ})
    assert found == [str((tmp_path / name / "projects").resolve()) for name in expected]


def test_transcripts_are_told_apart_by_where_they_lie(tmp_path: Path) -> None:
    """A main window's, an agent's, a workflow agent's, and an agent's beside the sessions (clients 2.0)."""
    for name in (
        "-p/s1.jsonl",
        "-p/s1/subagents/agent-a1.jsonl",
        "-p/s1/subagents/workflows/wf_1/agent-a2.jsonl",
        "-p/agent-a3.jsonl",
        "-p/notes.txt",
        "loose.jsonl",
    ):
        write(tmp_path / name, reply())
    found = {(one.folder, one.session, one.agent) for one in find_transcripts([str(tmp_path)])}
    assert found == {("-p", "s1", ""), ("-p", "s1", "a1"), ("-p", "s1", "a2"), ("-p", "", "a3")}


def test_transcripts_are_chosen_by_session_project_and_time(tmp_path: Path) -> None:
    """By how the session's id begins, by the project's folder, by when they were written last."""
    for name in ("-home-p/s1.jsonl", "-home-p/s1/subagents/agent-a1.jsonl", "-home-p/s2.jsonl", "-q/s3.jsonl"):
        write(tmp_path / name, reply())
    os.utime(tmp_path / "-q/s3.jsonl", (1_000, 1_000))
    found = find_transcripts([str(tmp_path)])
    assert [one.agent for one in choose(found, session="s1")] == ["", "a1"]
    assert {one.session for one in choose(found, project="/home/p")} == {"s1", "s2"}
    assert {one.session for one in choose(found, since=2_000)} == {"s1", "s2"}
    assert choose(found) == found


def test_links_are_not_followed(tmp_path: Path) -> None:
    """What they lead to is found where it is, or is somebody else's."""
    outside = tmp_path / "outside"
    write(outside / "s1.jsonl", reply())
    projects = tmp_path / "projects"
    (projects / "-p").mkdir(parents=True)
    (projects / "-linked").symlink_to(outside)
    (projects / "-p" / "s1.jsonl").symlink_to(outside / "s1.jsonl")
    assert find_transcripts([str(projects)]) == []


def test_a_folder_that_cannot_be_listed_is_left_out(tmp_path: Path) -> None:
    """It may vanish while it is looked at."""
    assert find_transcripts([str(tmp_path / "missing")]) == []


def test_the_beginning_of_a_transcript_names_session_and_project(tmp_path: Path) -> None:
    """The first records have neither."""
    path = write(tmp_path / "s1.jsonl", {"type": "summary"}, {"sessionId": "s1"}, {"sessionId": "s2", "cwd": "/p"})
    assert read_head(str(path)) == ("s1", "/p")
    assert read_head(str(tmp_path / "missing")) == ("", "")


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ('{"agentType": "backend"}', "backend"),
        ('{"agentType": "alice", "spawnedAgentType": "backend"}', "backend"),
        ("[]", ""),
        ("{", ""),
        (None, ""),
    ],
)
def test_the_note_beside_an_agents_transcript_names_its_type(tmp_path: Path, note: str | None, expected: str) -> None:
    """A teammate's note has its name and its type."""
    if note is not None:
        (tmp_path / "agent-a1.meta.json").write_text(note)
    assert read_agent_type(str(tmp_path / "agent-a1.jsonl")) == expected


def test_the_folders_name_is_made_of_the_projects() -> None:
    """As the client does it: every character but letters and digits is a dash."""
    assert folder_name("/home/dev/my.project_é") == "-home-dev-my-project--"
