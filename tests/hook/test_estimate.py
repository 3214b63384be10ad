"""The estimator: total, fast, near the base rates, and learning."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from moai_flow.hook import estimate, image

PROSE = "The window holds what the model reads on the next request, and no more than that. " * 20
CODE = "def total(items):\n    return sum(item.price * item.count for item in items if item.ok)\n" * 20
JSON = '{"name": "alpha", "tags": ["one", "two"], "size": 1520, "ok": true},\n' * 20
NUMBERS = "\n".join(str(n) for n in range(400))
WIDE = "窓には次の要求でモデルが読むものがすべて入っている。" * 20


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param(PROSE, "prose", id="english"),
        pytest.param(
            "Größere Fenster kosten mehr, als man denkt, und füllen sich doch. " * 9, "prose", id="umlauts"
        ),
        pytest.param(CODE, "code", id="python"),
        pytest.param("const f = (a) => { return a[0] ?? b; };\n" * 9, "code", id="javascript"),
        pytest.param(JSON, "json", id="json"),
        pytest.param(NUMBERS, "json", id="numbers"),
        pytest.param(WIDE, "wide", id="japanese"),
        pytest.param("Окно вмещает всё, что модель прочтёт. " * 9, "wide", id="russian"),
        pytest.param("", "prose", id="empty"),
    ],
)
def test_kinds_of_text_are_told_apart(text: str, kind: str) -> None:
    """A text is classified by what it is made of."""
    assert estimate.classify(text) == kind


def test_base_rate_of_prose_is_about_three_and_a_half_characters() -> None:
    """Nothing learned: a prompt costs its characters / 3.5 and a small frame."""
    kind, tokens = estimate.prompt(PROSE, {})
    assert kind == "prose"
    assert tokens == pytest.approx(len(PROSE) / 3.5, rel=0.05)


def test_base_rate_of_wide_text_is_about_one_character() -> None:
    """Nothing learned: a CJK character is a token."""
    assert estimate.reply(WIDE, {})[1] == pytest.approx(len(WIDE), rel=0.05)


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
        estimate.response(tool, value, {}),
        estimate.failure(value, {}),
        estimate.call(value, {}),
        estimate.prompt(value, {}),
        estimate.reply(value, {}),
    ):
        assert kind in estimate.KINDS
        assert 0 <= tokens < 10_000


def test_deep_nesting_gives_a_count() -> None:
    """A value nested deeper than the interpreter's stack is counted as nothing but its frame."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert estimate.response("mcp__x__y", deep, {})[1] < 100
    while deep:
        deep = deep.pop()


def test_write_costs_a_sentence_and_not_the_file() -> None:
    """The model is told that the file was written; it knows the content from its own call."""
    response = {"type": "create", "filePath": "/project/a.py", "content": CODE}
    assert estimate.response("Write", response, {})[1] < 60
    assert estimate.call({"file_path": "/project/a.py", "content": CODE}, {})[1] > 400


def test_learning_reaches_the_real_rate_in_a_few_settlements() -> None:
    """Three settlements of a few hundred tokens bring the estimate to within 5%."""
    factors: estimate.Factors = {}
    for _ in range(3):
        kind, tokens = estimate.reply(JSON * 3, factors)
        factors = estimate.learn(factors, [(kind, tokens)], 1600)
    assert estimate.reply(JSON * 3, factors)[1] == pytest.approx(1600, rel=0.05)


def test_growth_that_nobody_claimed_teaches_nothing() -> None:
    """A skill of 8,000 tokens that came with a prompt of 200 says nothing about the rate of prose."""
    assert estimate.learn({"prose": 0.9}, [("prose", 200)], 8_000) == {"prose": 0.9}


def test_factors_stay_within_bounds() -> None:
    """However often a measurement disagrees, a factor stays usable."""
    factors: estimate.Factors = {}
    for _ in range(50):
        factors = estimate.learn(factors, [("code", 1_000)], 400)
    assert all(estimate.LOWEST <= value <= estimate.HIGHEST for value in factors.values())


def png(width: int, height: int) -> str:
    """Return the base64 of a PNG's beginning."""
    header = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return base64.b64encode(header + bytes(3_000)).decode()


def test_image_costs_its_size_and_not_its_base64() -> None:
    """A small picture costs width * height / 750, a large one the API's most."""
    small = {"type": "image", "file": {"base64": png(300, 250), "type": "image/png"}}
    kind, tokens = estimate.response("Read", small, {})
    assert kind == "image"
    assert tokens == pytest.approx(100, abs=20)
    assert image.tokens(png(4000, 3000)) == image.MOST
