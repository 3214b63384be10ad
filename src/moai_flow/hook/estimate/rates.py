"""Tokens that something adds to a window, estimated until a measurement replaces the estimate.

A base rate for each kind of text, corrected by a factor that is learned from every settlement. All functions
are pure and total: any JSON value gives a non-negative count.
"""

from __future__ import annotations

from moai_flow.hook.estimate import tokenizer, visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

KINDS: tuple[str, ...] = ("prose", "code", "json", "wide", "image")
"""Kinds of content that are counted at a rate of their own. ``wide``: text mostly beyond ASCII, such as CJK;
``json``: data and other dense text, whether JSON, tables, numbers or logs."""

Factors = dict[str, float]
"""Learned correction by kind. Missing is 1.0; a factor multiplies the base estimate."""

PROMPT_TOKENS = 10
RESULT_TOKENS = 18
CALL_TOKENS = 40
REPLY_TOKENS = 4
"""Tokens of the frame around a prompt, a tool's result, a tool call and a reply."""

AWAITED_TOKENS = 100
"""Tokens of a result that has not come yet: most are larger, but by how much is unknown."""

LOWEST, HIGHEST = 0.4, 2.5
"""Bounds of a factor."""

# Characters that are looked at of each of three places to classify a text.
_SAMPLE = 400

# Shares of a text's characters from which it is one kind or another.
_DIGIT_SHARE = 0.12
_QUOTE_SHARE = 0.06
_SYMBOL_SHARE = 0.05
_SPACE_SHARE = 0.1

# How `learn` weighs a settlement: tokens that usually come along unclaimed, how far the kinds of text follow
# each other, and the most of an error that is believed at once. Upwards it is less, because what is
# not claimed (a reminder, a file that was mentioned) only ever adds.
_NOISE = 700.0
_KINSHIP = 0.5
_STEP_UP, _STEP_DOWN = 0.35, 0.6


def classify(text: str) -> str:
    """Return the kind of a text, judged by samples from its beginning, middle and end."""
    if len(text) > 3 * _SAMPLE:
        middle = len(text) // 2
        text = text[:_SAMPLE] + text[middle : middle + _SAMPLE] + text[-_SAMPLE:]
    length = len(text) or 1
    # Wide where that is most of the tokens: one for a character of it, one for 3.7 of the rest.
    if not text.isascii() and tokenizer.beyond_ascii(text) * (tokenizer.CHARACTERS_PER_TOKEN + 1) > length:
        return "wide"
    count = text.count
    if sum(map(count, "0123456789")) > _DIGIT_SHARE * length:
        return "json"
    quotes = count('"')
    if quotes > _QUOTE_SHARE * length and count(":") + count(",") > quotes // 4:
        return "json"
    if quotes + sum(map(count, "(){}[]<>=;_/\\$|*#&")) + 2 * count("\n  ") > _SYMBOL_SHARE * length:
        return "code" if count(" ") > _SPACE_SHARE * length else "json"
    return "prose"


def prompt(text: str, factors: Factors, family: str = tokenizer.GENERIC) -> tuple[str, int]:
    """Return kind and tokens of a prompt that a person submitted."""
    return _estimate(visible.of_content(text), PROMPT_TOKENS, factors, family)


def response(
    tool: str,
    tool_response: Any,
    factors: Factors,
    *,
    family: str = tokenizer.GENERIC,
    client: str = "",
    is_kept_short: bool = True,
) -> tuple[str, int]:
    """Return kind and tokens of what the model will see as the result of a tool call.

    Args:
        tool: The tool's name.
        tool_response: What it answered.
        factors: Learned corrections.
        family: The tokenizer's, as `tokenizer.family` tells it.
        client: The client's version, "" for a new one.
        is_kept_short: Whether a client stands between, which keeps what is too long in a file.
    """
    view = visible.of_response(tool, tool_response, client=client, is_kept_short=is_kept_short)
    return _estimate(view, RESULT_TOKENS, factors, family)


def failure(error: Any, factors: Factors, family: str = tokenizer.GENERIC) -> tuple[str, int]:
    """Return kind and tokens of what the model will see of a tool call that failed."""
    return _estimate(visible.of_error(error), RESULT_TOKENS, factors, family)


def call(tool_input: Any, factors: Factors, family: str = tokenizer.GENERIC) -> tuple[str, int]:
    """Return kind and tokens of the assistant's message that made a tool call, without its thoughts."""
    return _estimate(visible.Seen([visible.dump(tool_input)]), CALL_TOKENS, factors, family)


def reply(text: str, factors: Factors, family: str = tokenizer.GENERIC) -> tuple[str, int]:
    """Return kind and tokens of the assistant's last message."""
    return _estimate(visible.of_content(text), REPLY_TOKENS, factors, family)


def learn(factors: Factors, claims: list[tuple[str, int]], growth: int) -> Factors:
    """Return new factors after a measurement has shown what estimates turned out to be.

    Normalized least mean squares (Widrow and Hoff): the error is divided over the kinds by their share, and
    believed the more, the larger the claims are against what usually comes unclaimed. All text is spelled by
    one tokenizer, so a kind that was not claimed follows the others part of the way.

    Args:
        factors: The factors that the claims were made with.
        claims: Kind and estimated tokens of everything that the measurement covered.
        growth: Input tokens by which the window grew.
    """
    base: dict[str, float] = {}
    for kind, tokens in claims:
        if kind in KINDS and tokens > 0:
            base[kind] = base.get(kind, 0.0) + tokens / factor_of(factors, kind)
    claimed = sum(factor_of(factors, kind) * tokens for kind, tokens in base.items())
    # Growth far beyond the claims is somebody else's: a file that was mentioned, a skill that was loaded.
    if claimed <= 0 or not claimed / HIGHEST <= growth <= claimed * HIGHEST:
        return dict(factors)
    error = max(-_STEP_DOWN * claimed, min(_STEP_UP * claimed, growth - claimed))
    text = sum(tokens for kind, tokens in base.items() if kind != "image")
    weight = sum(tokens * _reach(kind, base, text) for kind, tokens in base.items()) + _NOISE**2
    learned = dict(factors)
    for kind in KINDS:
        step = error * _reach(kind, base, text) / weight
        if step:
            learned[kind] = min(HIGHEST, max(LOWEST, factor_of(factors, kind) + step))
    return learned


def characters_per_token(factors: Factors, family: str = tokenizer.GENERIC) -> dict[str, float]:
    """Return about how many characters make a token, by kind of text, as learned so far."""
    return {kind: rate / factor_of(factors, kind) for kind, rate in tokenizer.TYPICAL[family].items()}


def _reach(kind: str, base: dict[str, float], text: float) -> float:
    own = base.get(kind, 0.0)
    return own if kind == "image" else own + _KINSHIP * (text - own)


def factor_of(factors: Factors, kind: str) -> float:
    """Return the learned factor of a kind, 1.0 where nothing was learned."""
    return min(HIGHEST, max(LOWEST, factors.get(kind, 1.0)))


def _estimate(view: visible.Seen, frame: int, factors: Factors, family: str) -> tuple[str, int]:
    longest = max(view.texts, key=len, default="")
    kind = "prose" if view.extra > len(longest) else classify(longest)
    found = sum([tokenizer.tokens(text, family, kind) for text in view.texts])
    words = view.extra
    if family == tokenizer.GENERIC:
        words += view.line_characters
    else:
        found += view.lines * tokenizer.NUMBERED_LINE
    found += words / tokenizer.TYPICAL[family]["prose"] + frame
    if view.image_tokens > found:
        kind = "image"
    return kind, int((found + view.image_tokens) * factor_of(factors, kind) + 0.5)
