"""The estimator: total, fast, near the base rates, and learning."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from moai_flow.hook.estimate import image, rates, tokenizer

PROSE = "The window holds what the model reads on the next request, and no more than that. " * 20
CODE = "def total(items):\n    return sum(item.price * item.count for item in items if item.ok)\n" * 20
JSON = '{"name": "alpha", "tags": ["one", "two"], "size": 1520, "ok": true},\n' * 20
NUMBERS = "\n".join(str(n) for n in range(400))
WIDE = "窓には次の要求でモデルが読むものがすべて入っている。" * 20


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param(PROSE, "prose", id="english"),
        pytest.param("Größere Fenster kosten mehr, als man denkt, und füllen sich doch. " * 9, "prose", id="umlauts"),
        pytest.param(CODE, "code", id="python"),
        pytest.param("const f = (a) => { return a[0] ?? b; };\n" * 9, "code", id="javascript"),
        pytest.param(JSON, "json", id="json"),
        pytest.param(NUMBERS, "json", id="numbers"),
        pytest.param(WIDE, "wide", id="japanese"),
        pytest.param("-rw-r--r-- 1 root root 4821 2026-11-22 15:43 notes.txt\n" * 9, "json", id="listing"),
        pytest.param("Окно вмещает всё, что модель прочтёт. " * 9, "wide", id="russian"),
        pytest.param("", "prose", id="empty"),
    ],
)
def test_kinds_of_text_are_told_apart(text: str, kind: str) -> None:
    """A text is classified by what it is made of."""
    assert rates.classify(text) == kind


def test_base_rate_of_prose_is_about_three_and_a_half_characters() -> None:
    """Nothing learned: a prompt costs its characters / 3.7 and a small frame."""
    kind, tokens = rates.prompt(PROSE, {})
    assert kind == "prose"
    assert tokens == pytest.approx(len(PROSE) / 3.7, rel=0.05)


def test_base_rate_of_wide_text_is_about_one_character() -> None:
    """Nothing learned: a CJK character is a token."""
    assert rates.reply(WIDE, {})[1] == pytest.approx(len(WIDE), rel=0.05)


def test_base_rate_beyond_ascii_follows_the_bytes() -> None:
    """A Cyrillic letter, of two bytes in UTF-8, is half a token."""
    assert rates.reply("ж" * 2_000, {})[1] == pytest.approx(1_000, rel=0.05)


@pytest.mark.parametrize(
    ("tool", "response", "seen_characters"),
    [
        pytest.param("Bash", {"stdout": "x" * 900, "stderr": "x" * 90}, 990, id="stdout and stderr"),
        pytest.param("Bash", {"stdout": "x" * 30_000, "persistedOutputPath": "/f"}, 2_250, id="output kept in a file"),
        pytest.param("mcp__a__b", [{"type": "text", "text": "x" * 60_000}], 2_250, id="result kept in a file"),
        pytest.param(
            "Read",
            {"type": "text", "file": {"content": "x" * 99 + "\n", "startLine": 99, "numLines": 2}},
            100 + 1 + 5 + 4,
            id="numbered lines",
        ),
        pytest.param("Read", {"type": "file_unchanged", "file": {"filePath": "/f"}}, 110, id="unchanged file"),
        pytest.param("Grep", {"mode": "content", "content": "x" * 500, "filenames": []}, 540, id="matches"),
        pytest.param("Glob", {"filenames": ["x" * 99] * 4}, 4 * 99 + 6 + 20, id="file names"),
        pytest.param("WebFetch", {"result": "x" * 700, "bytes": 90_000}, 700, id="what was fetched"),
        pytest.param(
            "Agent",
            {"status": "completed", "content": [{"type": "text", "text": "x" * 300}], "prompt": "x" * 9_000},
            530,
            id="an agent's report",
        ),
        pytest.param("Agent", {"status": "async_launched", "prompt": "x" * 9_000}, 650, id="background agent"),
        pytest.param("TodoWrite", {"newTodos": ["x" * 900]}, 160, id="to-do list"),
        pytest.param("unknown", {"answer": "x" * 500}, 500 + 14, id="any other tool"),
        pytest.param("Bash", {"output": "x" * 500}, 500 + 14, id="a shell's answer in another form"),
        pytest.param("Read", {"content": "x" * 500}, 500 + 15, id="a file in another form"),
        pytest.param("Grep", {"output": "x" * 500}, 500 + 14, id="matches in another form"),
        pytest.param("Grep", {"content": "x" * 500}, 540, id="matches without a mode"),
        pytest.param("WebFetch", {"answer": "x" * 500}, 500 + 14, id="what was fetched in another form"),
    ],
)
def test_only_what_the_model_sees_is_counted(tool: str, response: Any, seen_characters: int) -> None:
    """A response costs the text that the client makes of it, as the request's JSON carries it, and a frame."""
    expected = seen_characters / tokenizer.CHARACTERS_PER_TOKEN + rates.RESULT_TOKENS
    assert rates.response(tool, response, {})[1] == pytest.approx(expected, abs=1)


def test_long_error_loses_its_middle() -> None:
    """The client shows 10,000 characters of an error."""
    assert rates.failure("x" * 90_000, {}) == rates.failure("x" * 10_000, {})


ODD_VALUES: list[Any] = [
    None,
    True,
    float("nan"),
    float("inf"),
    -1,
    10**6000,
    "",
    "\ud800 lone surrogate",
    [],
    [None, 1, "a", [[]]],
    {},
    {"type": "text"},
    {"file": None},
    {"type": "image", "file": {"base64": "!!"}},
    {"type": "image", "file": {"dimensions": {"displayWidth": float("nan"), "displayHeight": 10**400}}},
    {"type": "text", "file": {"content": "a", "startLine": 10**6000}},
    {"type": "parts", "file": {}, "pages": [{"base64": 5}, None]},
    {"stdout": 5, "stderr": None},
    {"stdout": "x", "isImage": True},
    {"filenames": [1, None]},
    {"status": "completed", "content": 3},
    {"status": ["completed"]},
    {"content": [{"type": "image"}, {"type": "image", "source": {"data": "/9j/"}}]},
    {"mode": [], "results": float("nan")},
]
TOOLS = [
    "Agent",
    "Bash",
    "Edit",
    "Glob",
    "Grep",
    "Read",
    "Task",
    "TodoWrite",
    "WebFetch",
    "WebSearch",
    "Write",
    "mcp__x__y",
]


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("value", ODD_VALUES, ids=range(len(ODD_VALUES)))
def test_any_json_value_gives_a_count(tool: str, value: Any) -> None:
    """Every function takes every JSON value of every type and returns a kind and a sane count."""
    for kind, tokens in (
        rates.response(tool, value, {}),
        rates.failure(value, {}),
        rates.call(value, {}),
        rates.prompt(value, {}),
        rates.reply(value, {}),
    ):
        assert kind in rates.KINDS
        assert 0 <= tokens < 10_000


def test_deep_nesting_gives_a_count() -> None:
    """A value nested deeper than the interpreter's stack is counted as nothing but its frame."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert rates.response("mcp__x__y", deep, {})[1] < 100
    while deep:
        deep = deep.pop()


def test_write_costs_a_sentence_and_not_the_file() -> None:
    """The model is told that the file was written; it knows the content from its own call."""
    response = {"type": "create", "filePath": "/project/a.py", "content": CODE}
    assert rates.response("Write", response, {})[1] < 60
    assert rates.call({"file_path": "/project/a.py", "content": CODE}, {})[1] > 400


def test_learning_reaches_the_real_rate_in_a_few_settlements() -> None:
    """Three settlements of a few hundred tokens bring the estimate to within 5%."""
    factors: rates.Factors = {}
    for _ in range(3):
        kind, tokens = rates.reply(JSON * 3, factors)
        factors = rates.learn(factors, [(kind, tokens)], 1600)
    assert rates.reply(JSON * 3, factors)[1] == pytest.approx(1600, rel=0.05)


def test_growth_that_nobody_claimed_teaches_nothing() -> None:
    """A skill of 8,000 tokens that came with a prompt of 200 says nothing about the rate of prose."""
    assert rates.learn({"prose": 0.9}, [("prose", 200)], 8_000) == {"prose": 0.9}


def test_factors_stay_within_bounds() -> None:
    """However often a measurement disagrees, a factor stays usable."""
    factors: rates.Factors = {}
    for _ in range(50):
        factors = rates.learn(factors, [("code", 1_000)], 400)
    assert all(rates.LOWEST <= value <= rates.HIGHEST for value in factors.values())


def test_growth_above_the_claims_is_believed_less_than_growth_below() -> None:
    """What nobody claimed only ever adds, so a rate rises slowlier than it falls."""
    claims = [("prose", 2_000)]
    up = rates.learn({}, claims, 3_000)["prose"] - 1
    down = 1 - rates.learn({}, claims, 1_000)["prose"]
    assert 0 < up < down


def test_kinds_of_text_learn_from_each_other_and_images_do_not() -> None:
    """A session that has only read prose knows something about code, and nothing about pictures."""
    factors = rates.learn({}, [("prose", 2_000)], 1_600)
    assert factors["prose"] < factors["code"] < 1
    assert "image" not in factors


def test_characters_per_token_are_what_was_learned() -> None:
    """A factor of a half means twice as many characters to a token."""
    found = rates.characters_per_token({"prose": 0.5, "wide": 0.5})
    assert found == {"prose": 7.4, "code": 3.7, "json": 3.7, "wide": 2.0}


def png(width: int, height: int) -> str:
    """Return the base64 of a PNG's beginning."""
    header = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return base64.b64encode(header + bytes(3_000)).decode()


def test_image_costs_its_size_and_not_its_base64() -> None:
    """A small picture costs width * height / 750, a large one the API's most."""
    small = {"type": "image", "file": {"base64": png(300, 250), "type": "image/png"}}
    kind, tokens = rates.response("Read", small, {})
    assert kind == "image"
    assert tokens == pytest.approx(100, abs=20)
    assert image.tokens(png(4000, 3000)) == image.MAX


def base64_of(header: bytes) -> str:
    return base64.b64encode(header + bytes(99)).decode()


@pytest.mark.parametrize(
    ("data", "size"),
    [
        pytest.param(png(640, 480), (640, 480), id="png"),
        pytest.param(base64_of(b"GIF89a\x80\x02\xe0\x01"), (640, 480), id="gif"),
        pytest.param(
            base64_of(b"\xff\xd8\xff\xe1\x40\x00" + bytes(0x3FFE) + b"\xff\xc2\x00\x11\x08\x01\xe0\x02\x80"),
            (640, 480),
            id="jpeg after 16 KB of metadata",
        ),
        pytest.param(base64_of(b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\x7f\x02\0\xdf\x01\0"), (640, 480), id="webp"),
        pytest.param(base64_of(b"RIFF\0\0\0\0WEBPVP8 " + bytes(10) + b"\x80\x02\xe0\x01"), (640, 480), id="lossy webp"),
        pytest.param(
            base64_of(b"RIFF\0\0\0\0WEBPVP8L" + bytes(5) + (639 | 479 << 14).to_bytes(4, "little")),
            (640, 480),
            id="lossless webp",
        ),
        pytest.param(base64_of(b"BM"), (0, 0), id="unknown format"),
        pytest.param("/9j/4AAQ", (0, 0), id="cut jpeg"),
        pytest.param("not base64 at all!", (0, 0), id="not base64"),
        pytest.param("é" * 80, (0, 0), id="not ASCII"),
    ],
)
def test_size_of_an_image_is_read_from_its_header(data: str, size: tuple[int, int]) -> None:
    """Width and height, without decoding the picture."""
    assert image.size(data) == size


CONTENT = "value = compute(first, second)\n" * 100
EDIT = {
    "filePath": "/project/a.py",
    "structuredPatch": [{"newStart": 10, "newLines": 7, "lines": [" value = compute(first, second)"] * 7}],
}


@pytest.mark.parametrize(
    ("tool", "response", "client", "least", "most"),
    [
        pytest.param("Edit", EDIT, "2.1.14", 150, 400, id="an old edit shows the lines around"),
        pytest.param("Edit", EDIT, "2.1.16", 30, 70, id="a newer edit is a sentence"),
        pytest.param("Edit", EDIT, "", 30, 70, id="an unknown client is a new one"),
        pytest.param("Edit", EDIT, "dev", 30, 70, id="a version that is none"),
        pytest.param("Write", {"type": "update", "content": CONTENT}, "2.1.37", 1_000, 2_000, id="a file written over"),
        pytest.param("Write", {"type": "create", "content": CONTENT}, "2.1.37", 30, 70, id="a new file"),
        pytest.param("Write", {"type": "update", "content": CONTENT}, "2.1.90", 30, 70, id="written over, later"),
        pytest.param("Bash", {"stdout": CONTENT * 12}, "2.1.19", 400, 800, id="a long output is kept in a file"),
        pytest.param("Bash", {"stdout": CONTENT * 12}, "2.0.76", 9_000, 13_000, id="an older client keeps none"),
        pytest.param("Grep", {"content": CONTENT * 7}, "2.1.330", 400, 800, id="20,000 characters of matches"),
        pytest.param(
            "Read",
            {"type": "text", "file": {"content": CONTENT * 18, "startLine": 1}},
            "2.1.63",
            400,
            800,
            id="a large file, as 2.1.62 to 2.1.71 kept it",
        ),
        pytest.param(
            "Read",
            {"type": "text", "file": {"content": CONTENT * 18, "startLine": 1}},
            "2.1.90",
            18_000,
            30_000,
            id="a large file, later",
        ),
    ],
)
def test_what_is_shown_depends_on_the_client(tool: str, response: Any, client: str, least: int, most: int) -> None:
    """Limits and forms changed from version to version."""
    assert least <= rates.response(tool, response, {}, client=client)[1] <= most


def test_an_old_client_adds_a_reminder_to_a_read() -> None:
    """About 75 tokens, whatever the file's size."""
    response = {"type": "text", "file": {"content": "", "startLine": 1}}
    small = {"type": "text", "file": {"content": "x\n", "startLine": 1}}
    assert rates.response("Read", response, {}, client="2.1.63") == rates.response("Read", response, {})
    added = rates.response("Read", small, {}, client="2.1.63")[1] - rates.response("Read", small, {})[1]
    assert 75 <= added <= 110


@pytest.mark.parametrize("hunks", [None, 5, [5], [{}], [{"lines": 5}], [{"lines": ["-x"]}], [{"lines": [5, "+x"]}]])
def test_a_patch_of_another_form_counts_as_nothing_or_a_line(hunks: Any) -> None:
    """A damaged patch neither raises nor costs much."""
    assert rates.response("Edit", {"structuredPatch": hunks}, {}, client="2.1.1")[1] < 120
