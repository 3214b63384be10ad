"""Numbers of tokens as people write them."""

from __future__ import annotations

from moai_flow.core.setting_checks import MAX_TOKENS

_MULTIPLES = {"K": 1_000, "M": 1_000_000}
_MAX_DIGITS = 20
_GROUP = 3


def read_tokens(written: str) -> int:
    """Return the number of tokens that is meant by 60000, 60,000, 60_000, 60K or 1.5M.

    A comma stands between groups of three digits only: 60,5K is neither 605,000 nor 60,500.

    Raises:
        ValueError: it is no number, or out of range; the message says so.
    """
    text = written.strip().upper().replace("_", "")
    if "," in text:
        text = _without_commas(text)
    multiple = _MULTIPLES.get(text[-1:], 1)
    number = text[:-1] if multiple > 1 else text
    whole, point, part = number.partition(".")
    digits = whole + part
    is_number = digits.isascii() and digits.isdigit() and whole and bool(point) == bool(part)
    if not is_number or (point and multiple == 1) or len(digits) > _MAX_DIGITS:
        raise ValueError(f"{written!r} is not a number of tokens (60000, 60,000 or 60K)")
    tokens: int = int(digits) * multiple // 10 ** len(part)
    if not 0 < tokens <= MAX_TOKENS:
        raise ValueError(f"must be at least 1 token and at most {MAX_TOKENS:,}")
    return tokens


def _without_commas(text: str) -> str:
    """Return a number without its commas, "" where one does not stand between groups of three digits."""
    end = text[-1:] if text[-1:] in _MULTIPLES else ""
    whole, point, part = text.removesuffix(end).partition(".")
    first, *groups = whole.split(",")
    is_grouped = 1 <= len(first) <= _GROUP and all(len(group) == _GROUP for group in groups)
    return "".join([first, *groups, point, part, end]) if is_grouped else ""
