"""Tokens of a text before anything was learned: by what it is made of, and by the family of the tokenizer."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moai_flow.hook.estimate import rates, tokenizer

FAMILIES = (tokenizer.GENERIC, tokenizer.CLAUDE_4, tokenizer.CLAUDE_4_7)
PROSE = "The window holds what the model reads on the next request, and no more than that. " * 20
CODE = "def total(items):\n    return sum(item.price * item.count for item in items if item.ok)\n" * 20
WIDE = "窓には次の要求でモデルが読むものがすべて入っている。" * 20


@pytest.mark.parametrize(
    ("model", "message", "family"),
    [
        pytest.param("claude-sonnet-4-5-20250929", "msg_01a", tokenizer.CLAUDE_4, id="Sonnet 4.5"),
        pytest.param("claude-opus-4-6", "msg_01a", tokenizer.CLAUDE_4, id="Opus 4.6"),
        pytest.param("claude-opus-4-20250514", "msg_01a", tokenizer.CLAUDE_4, id="Opus 4"),
        pytest.param("claude-haiku-4-5-20251001", "msg_01a", tokenizer.CLAUDE_4, id="Haiku 4.5"),
        pytest.param("claude-3-5-haiku-20241022", "msg_01a", tokenizer.CLAUDE_4, id="Claude 3"),
        pytest.param("us.anthropic.claude-sonnet-4-6-v1:0", "msg_bdrk_01a", tokenizer.CLAUDE_4, id="on Bedrock"),
        pytest.param("claude-opus-4-7", "msg_01a", tokenizer.CLAUDE_4_7, id="Opus 4.7"),
        pytest.param("claude-opus-5-5[1m]", "msg_01a", tokenizer.CLAUDE_4_7, id="Opus 5.5"),
        pytest.param("claude-something-9", "msg_01a", tokenizer.CLAUDE_4_7, id="an unknown one takes the newest"),
        pytest.param("", "", tokenizer.CLAUDE_4_7, id="nothing is known yet"),
        pytest.param("claude-opus-4-7", "", tokenizer.CLAUDE_4_7, id="nothing was answered yet"),
        pytest.param("claude-opus-4-7", "chatcmpl-77", tokenizer.GENERIC, id="a gateway under Claude's name"),
        pytest.param("glm-4.6", "msg_01a", tokenizer.GENERIC, id="another provider's model"),
    ],
)
def test_the_models_name_and_the_answers_id_tell_the_family(model: str, message: str, family: str) -> None:
    """The name tells, unless the answer came from somebody else's API."""
    assert tokenizer.family(model, message) == family


@pytest.mark.parametrize(
    ("text", "kind", "low", "high"),
    [
        pytest.param(PROSE, "prose", 1.25, 1.35, id="English"),
        pytest.param(CODE, "code", 1.1, 1.4, id="code"),
        pytest.param(WIDE, "wide", 1.0, 1.0, id="CJK"),
    ],
)
def test_the_newer_family_takes_more_tokens(text: str, kind: str, low: float, high: float) -> None:
    """English about 30% more, code 10 to 40%, CJK the same."""
    older = tokenizer.tokens(text, tokenizer.CLAUDE_4, kind)
    newer = tokenizer.tokens(text, tokenizer.CLAUDE_4_7, kind)
    assert low <= newer / older <= high


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("sign", ["-", "=", "*", "─", "═", "█", "·", " "])
def test_a_run_of_one_sign_is_next_to_nothing(sign: str, family: str) -> None:
    """A rule of 2,000 signs between two words is less than twenty tokens."""
    text = f"above {sign * 2_000} below"
    assert tokenizer.tokens(text, family, rates.classify(text)) < 20


@pytest.mark.parametrize("family", FAMILIES[1:])
def test_an_indent_costs_the_same_however_deep(family: str) -> None:
    """Four columns or forty: one piece."""
    shallow, deep = ("\n".join(f"{' ' * depth}value_{n} = {n}" for n in range(50)) for depth in (4, 40))
    assert tokenizer.tokens(deep, family, "code") == pytest.approx(tokenizer.tokens(shallow, family, "code"), rel=0.02)


@pytest.mark.parametrize("text", [CODE * 40, PROSE * 40, WIDE * 100], ids=["code", "prose", "wide"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_long_text_is_looked_at_in_places(text: str, family: str) -> None:
    """What is seen of it stands for the rest, to 3%."""
    kind = rates.classify(text)
    part = text[: 1 << 12]
    whole = tokenizer.tokens(part, family, kind) * len(text) / len(part)
    assert tokenizer.tokens(text, family, kind) == pytest.approx(whole, rel=0.03)


@given(text=st.text(max_size=400), family=st.sampled_from(FAMILIES), kind=st.sampled_from(rates.KINDS))
def test_any_text_has_a_count(text: str, family: str, kind: str) -> None:
    """Never negative, and never more than four tokens a character."""
    assert 0 <= tokenizer.tokens(text, family, kind) <= 4 * len(text)


@pytest.mark.parametrize("text", ["\x00" * 500_000, "🦀" * 200_000, "─│" * 200_000, "\ud800" * 99_999])
def test_hostile_texts_take_no_time(text: str) -> None:
    """A text of one character, or of two in turn, is looked at as fast as any."""
    begun = time.process_time()
    tokenizer.tokens(text, tokenizer.CLAUDE_4, "wide")
    assert time.process_time() - begun < 0.2
