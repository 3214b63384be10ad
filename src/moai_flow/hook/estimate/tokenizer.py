"""How many tokens a text is before anything was learned, by the family of the model's tokenizer.

The tokenizers are not public, so a text is weighed by what it is made of: words, numbers and signs cost by the run,
lines and indents by the piece, runs of one character next to nothing. The weights were fitted to 780 results of real
sessions with Claude 4 to 4.6 (clients 1.0.89 to 2.1.63), each against the input by which the next request grew: the
median error of a result fell from 21% at one rate for everything to 9% on sessions kept back
(`benchmarks/estimator.py`).

All functions are pure and total.
"""

from __future__ import annotations

GENERIC = "generic"
"""Nothing is known of the tokenizer: 3.7 characters a token, as the request carries them."""

CLAUDE_4 = "claude-4"
"""Models before Opus 4.7."""

CLAUDE_4_7 = "claude-4.7"
"""Opus 4.7 and newer: the same text is more tokens: English about 30%, code 10 to 40%, CJK none."""

CHARACTERS_PER_TOKEN = 3.7
"""Generic rate of ASCII text, counted as the request carries it: a newline or a quote is two characters."""

WIDE_BYTES_PER_TOKEN = 2.0
"""Rate beyond ASCII, in the bytes of UTF-8 after a character's first: half a token for a Cyrillic
character (two bytes), one for a CJK character (three), one and a half for an emoji (four)."""

TYPICAL = {
    GENERIC: {"prose": 3.7, "code": 3.7, "json": 3.7, "wide": 1.0},
    CLAUDE_4: {"prose": 3.8, "code": 3.15, "json": 2.6, "wide": 1.0},
    CLAUDE_4_7: {"prose": 2.9, "code": 2.5, "json": 2.15, "wide": 1.0},
}
"""Characters a token, at the median of what was fitted."""

_DENSER = {"prose": 1.3, "code": 1.25, "json": 1.2}
"""Tokens of the newer family for one of the older, by kind of text; 1 beyond ASCII."""

_OLD_BEGINNINGS = (
    "claude-2",
    "claude-3",
    "claude-instant",
    "claude-haiku-4",
    "claude-sonnet-4",
    "claude-opus-4-0",
    "claude-opus-4-1",
    "claude-opus-4-2025",
    "claude-opus-4-5",
    "claude-opus-4-6",
)
_KNOWN_IDS = ("msg_01", "msg_bdrk_", "msg_vrtx_", "compaction:", "resumed-", "total-")
"""How the ids of messages begin that Anthropic's API, Bedrock and Vertex answer with; and the ids that stand for
something else than a message here."""

# Tokens of the older family: for each run of letters, digits or signs, for each letter and so on.
_WORD, _LETTER, _CAPITAL = 0.33, 0.13, 0.6
_NUMBER, _DIGIT = 1.9, 0.13
_SIGNS, _SIGN = 0.75, 0.13
_LINE, _INDENT = 1.2, 0.8
NUMBERED_LINE = 2.6
"""Tokens of the older family for the number that a Read puts in front of each line."""

# Of a long text, so many characters are looked at, in so many places.
_LOOKED_AT, _PLACES = 1 << 13, 16

# Runs of this many characters are cut, where they are more than one in so many of the text's bytes.
_RUN, _RARE = 4, 64
_MAX_RUNNING = 200


def _only(kept: bytes) -> bytes:
    """Return a table for `bytes.translate` that leaves these bytes and makes spaces of all others."""
    return bytes([byte if byte in kept else 32 for byte in range(256)])


_BEYOND = bytes(range(128, 256))
_CAPITALS, _DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"0123456789"
_LETTERS_ONLY = _only(_CAPITALS + _CAPITALS.lower())
_DIGITS_ONLY = _only(_DIGITS)
_SIGNS_ONLY = _only(b"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


def family(model: str, message: str = "") -> str:
    """Return the family of the tokenizer that counts a session's tokens.

    Args:
        model: the model's name; one that is not known here is taken for a new one.
        message: the id of a message that was answered, "" if there is none yet. A gateway or another provider may
            answer under Claude's names with a tokenizer of its own; its messages' ids are its own too.
    """
    if message and not message.startswith(_KNOWN_IDS):
        return GENERIC
    name = model[model.find("claude") :] if "claude" in model else model
    if name and not name.startswith("claude"):
        return GENERIC
    return CLAUDE_4 if name.startswith(_OLD_BEGINNINGS) else CLAUDE_4_7


def tokens(text: str, tokenizer: str, kind: str) -> float:
    """Return the tokens of a text of a kind ("prose", "code", "json" or "wide")."""
    if not text:
        return 0.0
    part, scale = _looked_at(text)
    part, data = _without_runs(part)
    beyond = (len(data) - len(part)) / WIDE_BYTES_PER_TOKEN
    if tokenizer == GENERIC:
        return scale * (_characters(data) / CHARACTERS_PER_TOKEN + beyond)
    words, letters = _runs(data, _LETTERS_ONLY)
    numbers, digits = _runs(data, _DIGITS_ONLY)
    groups, signs = _runs(data, _SIGNS_ONLY)
    found = (
        _WORD * words
        + _LETTER * letters
        + _CAPITAL * (len(data) - len(data.translate(None, _CAPITALS)))
        + _NUMBER * numbers
        + _DIGIT * digits
        + _SIGNS * groups
        + _SIGN * signs
        + _LINE * data.count(b"\n")
        + _INDENT * data.count(b"\n  ")
    )
    return scale * (found * denser(tokenizer, kind) + beyond)


def denser(tokenizer: str, kind: str) -> float:
    """Return the tokens of a family for one of the older Claude family."""
    return _DENSER.get(kind, 1.0) if tokenizer == CLAUDE_4_7 else 1.0


def beyond_ascii(text: str) -> int:
    """Return how many characters of a text are not ASCII."""
    return 0 if text.isascii() else len(text) - len(_ascii_of(text.encode("utf-8", "surrogatepass")))


def _ascii_of(data: bytes) -> bytes:
    return data.translate(None, _BEYOND)


def _characters(data: bytes) -> int:
    """Return the ASCII characters of a text as the request's JSON carries them."""
    count = data.count
    escapes = count(b"\n") + count(b'"') + count(b"\\") + count(b"\t") + count(b"\r") + 5 * count(b"\x1b")
    return len(_ascii_of(data)) + escapes


def _looked_at(text: str) -> tuple[str, float]:
    """Return the part of a text that is looked at, and how many times the text is longer."""
    # Beyond ASCII a character is up to four bytes, and the work goes by the byte.
    most = _LOOKED_AT if text.isascii() else _LOOKED_AT // 2
    if len(text) <= 2 * most:
        return text, 1.0
    stride, width = len(text) // _PLACES, most // _PLACES
    part = "".join([text[at : at + width] for at in range(0, stride * _PLACES, stride)])
    return part, len(text) / len(part)


def _without_runs(text: str) -> tuple[str, bytes]:
    """Return a text and its bytes with what repeats one character many times cut short.

    A rule of 80 dashes is a few tokens. Letters and digits do not repeat like that in what people read.
    """
    data = text.encode("utf-8", "surrogatepass")
    # Indents are separated from rules first: they are everywhere.
    solid = data.replace(b"        ", b" ").replace(b"    ", b" ")
    repeated = _repeated(solid, 1)
    if len(data) != len(text):
        repeated += _repeated(solid, 2) + _repeated(solid, 3)
    has_gaps = b" " * 64 in data
    if repeated * _RARE <= len(solid) and not has_gaps:
        return text, data
    running = [" "] if has_gaps else []
    if repeated * _RARE > len(solid):
        running += [sign for sign in set(text) if not sign.isalnum() and sign != " " and sign * _RUN in text]
    for sign in running[:_MAX_RUNNING]:
        # Each round makes the longest runs sixteen times shorter.
        for length in (16, 16, _RUN):
            text = text.replace(sign * length, sign)
    return text, text.encode("utf-8", "surrogatepass")


def _repeated(data: bytes, width: int) -> int:
    """Return the bytes that repeat the three characters before them, all of `width` bytes.

    As one large number shifted against itself: bytes that are zero in all three differences.
    """
    number = int.from_bytes(data, "little")
    shift = 8 * width
    differences = (number ^ number >> shift) | (number ^ number >> 2 * shift) | (number ^ number >> 3 * shift)
    return differences.to_bytes(len(data), "little").count(bytes(width)) * width


def _runs(data: bytes, only: bytes) -> tuple[int, int]:
    """Return the runs of some bytes, and the bytes in them."""
    runs = data.translate(only).split()
    return len(runs), sum(map(len, runs))
