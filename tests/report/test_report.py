"""`token-budget report`: as text, as JSON, as a page in a browser."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import sys
import zlib
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from support.harness import LAUNCHER, Session
from support.transcript import Transcript
from support.workday import workday

from moai_flow.analysis import get_recommendations
from moai_flow.analysis.collect import collect
from moai_flow.analysis.trace import Point
from moai_flow.replay.play import play
from moai_flow.report import charts
from moai_flow.report.document import document
from moai_flow.report.page import page
from moai_flow.report.text import lines

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = "</title></svg><script>alert(1)</script>\x1b[31m\u202e\"'&.json"


@pytest.fixture
def day(session: Session) -> Session:
    """Two sessions of one afternoon, with the ledgers that the hooks kept of them."""
    session.configure(
        swarms={"backend": {"limit": 40_000, "agents": ["backend*"], "paths": ["services/**"]}}, total_budget=180_000
    )
    sessions = [session.beside(path.stem) for path in workday(session.projects, str(session.project))]
    for one in sessions:
        one.event("Stop")
    return sessions[-1]


def report(session: Session, *arguments: str) -> str:
    return session.start([sys.executable, "-m", "moai_flow.cli", "report", *arguments])


def test_the_text_says_where_the_tokens_went(day: Session) -> None:
    """Sessions, tools, files, swarms, the biggest results, and what could be done."""
    text = report(day, "--days", "9000")
    for line in (
        r"2 sessions, ",
        r"  0f3c7a52 .* highest +\d+,\d+ of 180,000 .* compacted by itself \d+,\d+ to \d+,\d+$",
        r"  51d20e9b .* after /clear",
        r"  Read +242,420 +22x  █{20}",
        r"  data.json +72,030 +3x  █{20}",
        r"  backend  0f3c7a52 +\d\d,\d{3} ",
        r"     24,010  Read       data.json",
        r"  - Read of data.json cost 24,010 tokens three times: read a part.",
    ):
        assert re.search(f"(?m)^{line}", text), line


def test_one_session_is_the_latest_or_the_named_one(day: Session) -> None:
    """As for the other commands."""
    assert "51d20e9b" in report(day)
    named = report(day, "--session", "0f3c")
    assert "0f3c7a52" in named
    assert "51d20e9b" not in named


def test_json_has_the_same_figures(day: Session) -> None:
    """For a program, with the evidence of each recommendation."""
    found = json.loads(report(day, "--days", "9000", "--json"))
    assert found["version"] == 1
    assert [one["session_id"] for one in found["sessions"]] == ["0f3c7a52-first", "51d20e9b-second"]
    assert found["sessions"][1]["after_clear"] is True
    assert found["by_tool"][0] == {
        "name": "Read",
        "tokens": 242_420,
        "count": 22,
        "largest": 24_010,
        "measured": True,
    }
    first = next(one for one in found["recommendations"] if one["kind"] == "repeated_read")
    assert first["evidence"]["tokens"] == [24_010] * 3


def test_the_library_gives_the_same_recommendations(day: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """One engine for the command and for a program."""
    for name, value in day.env.items():
        monkeypatch.setenv(name, value)
    found = [one.text for one in get_recommendations(days=9_000)]
    told = json.loads(report(day, "--days", "9000", "--json"))["recommendations"]
    assert found == [one["text"] for one in told]
    assert found


def test_the_ledgers_stay_as_they_are(day: Session) -> None:
    """A report reads: it neither changes a ledger nor makes an old session look like a recent one."""
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in day.state.rglob("*.json")}
    report(day, "--days", "9000")
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in day.state.rglob("*.json")} == before


def test_a_session_without_a_transcript_is_left_out(day: Session) -> None:
    """The client deletes transcripts after a while."""
    day.transcript.unlink()
    assert "1 session," in report(day, "--days", "9000")


def test_the_slash_command_prints_the_report_of_this_session(day: Session) -> None:
    """Without anything installed."""
    day.env["PATH"] = "/usr/bin:/bin"
    text = day.start([LAUNCHER, "command", sys.executable, "--", "report", "0f3c7a52-first", ""])
    assert text.startswith("1 session, ")
    assert "- Read of data.json cost 24,010 tokens three times: read a part." in text


@pytest.fixture
def hostile(tmp_path: Path) -> str:
    """The page of a session whose every name is meant to break it."""
    transcript = workday(tmp_path, "/home/me/app")[0]
    story = Transcript(tmp_path / "bad.jsonl", cwd=HOSTILE)
    story.prompt(HOSTILE)
    story.call("Read", {"file_path": HOSTILE}, 30_000)
    story.call(f"mcp__{HOSTILE}", {"query": HOSTILE}, 3_000)
    story.end_turn()
    return page([collect(play(path), path.stem) for path in (transcript, story.path)])


def test_nothing_of_a_session_becomes_markup(hostile: str) -> None:
    """Names of files and commands are somebody else's text."""
    assert "<script" not in hostile
    assert hostile.count("&lt;script&gt;alert(1)") >= 4
    assert hostile.count("</title></svg>") == 0


def test_the_page_needs_no_network(hostile: str) -> None:
    """No address, no script, nothing to load; a browser would not be let load anything either."""
    assert not re.search(r"""(src=|href|url\(|@import|https?://(?!example\.org))""", hostile)
    assert "default-src 'none'" in hostile


def test_every_drawing_is_well_formed(hostile: str) -> None:
    """And each tells in words what it shows."""
    drawings = re.findall(r"<svg.*?</svg>", hostile, flags=re.DOTALL)
    assert len(drawings) == 4
    for drawing in drawings:
        assert ET.fromstring(drawing).get("aria-label")  # noqa: S314 - made here


def test_the_areas_stack_up_to_the_occupancy(tmp_path: Path) -> None:
    """Where one swarm's area ends the next begins, and the last ends at the window's occupancy."""
    trace = collect(play(workday(tmp_path, "/p")[1]), "s")
    drawing = ET.fromstring(charts.occupancy([trace], ["main"]))  # noqa: S314 - made here
    (area,) = drawing.iter("polygon")
    heights = [float(pair.split(",")[1]) for pair in area.attrib["points"].split()]
    scale = charts.Scale(len(trace.points), int(trace.total_budget * 1.02))
    assert heights[: len(trace.points)] == [scale.y(point.occupancy) for point in trace.points]
    assert set(heights[len(trace.points) :]) == {scale.y(0)}


def test_many_points_are_thinned_without_losing_the_highest() -> None:
    """A session of thousands of steps stays a small page that shows its peak."""
    points = [charts_point(number) for number in range(5_000)]
    points[3_333] = charts_point(9_999_999)
    drawn = charts._sampled(points, len(points))
    assert len(drawn) <= charts.MAX_POINTS + 2
    assert {0, 3_333, 4_999} <= set(drawn)


def charts_point(occupancy: int) -> Any:
    return Point(0.0, occupancy, {"main": occupancy})


def test_an_empty_document_is_no_error() -> None:
    """Nothing to tell is told."""
    assert list(lines(document([]), style=lambda text, _: text)) == ["No session with a transcript was found."]


def colours(png: bytes) -> set[tuple[int, int, int]]:
    """Return the colours of a picture as a browser writes it: 8 bits a channel, not interlaced."""
    place, data, width, channels = 8, b"", 0, 0
    while place < len(png):
        size, kind = struct.unpack(">I4s", png[place : place + 8])
        body = png[place + 8 : place + 8 + size]
        if kind == b"IHDR":
            width, channels = struct.unpack(">I", body[:4])[0], 4 if body[9] == 6 else 3
        data += body if kind == b"IDAT" else b""
        place += size + 12
    raw, row, found = zlib.decompress(data), bytearray(width * channels), set()
    for start in range(0, len(raw), width * channels + 1):
        line = bytearray(raw[start + 1 : start + 1 + width * channels])
        for index in range(len(line)):
            left = line[index - channels] if index >= channels else 0
            corner = row[index - channels] if index >= channels else 0
            line[index] = (line[index] + guess(raw[start], left, row[index], corner)) & 255
        row = line
        found |= set(zip(line[0::channels], line[1::channels], line[2::channels], strict=True))
    return found


def guess(kind: int, left: int, above: int, corner: int) -> int:
    """Return what a PNG's filter expects at a byte."""
    if kind == 4:
        base = left + above - corner
        return min((left, above, corner), key=lambda value: abs(base - value))
    return (0, left, above, (left + above) // 2)[kind]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize(
    ("scheme", "background", "bar"),
    [
        pytest.param("1", (255, 255, 255), (0x3B, 0x6F, 0xD4), id="light"),
        pytest.param("0", (0x0D, 0x11, 0x17), (0x5B, 0x8F, 0xF0), id="dark"),
    ],
)
def test_a_browser_draws_it(
    day: Session, tmp_path: Path, scheme: str, background: tuple[int, int, int], bar: tuple[int, int, int]
) -> None:
    """In the colours of the person's scheme: background, bars, both thresholds."""
    file, picture = tmp_path / "report.html", tmp_path / "report.png"
    assert "2 sessions; open it in a browser" in report(day, "--days", "9000", "--html", str(file))
    flags = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    flags += "--disable-component-update --disable-sync --hide-scrollbars --window-size=700,1100"
    subprocess.run(
        [
            str(CHROMIUM),
            "--headless",
            *flags.split(),
            f"--blink-settings=preferredColorScheme={scheme}",
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--screenshot={picture}",
            file.as_uri(),
        ],
        capture_output=True,
        timeout=60,
        check=True,
    )
    found = colours(picture.read_bytes())
    assert {background, bar} <= found
