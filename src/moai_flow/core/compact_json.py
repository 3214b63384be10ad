"""JSON at the price of the C accelerator alone.

`import json` doubles the start of an interpreter (it brings `re` and `enum`). The accelerator that it wraps
costs nothing measurable, so it is used directly, and `json` itself wherever the accelerator is missing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

accelerator: Any  # type checkers only know it the way `json` calls it
try:
    import _json
except ImportError:  # an interpreter without it
    accelerator = None
else:
    accelerator = _json

WHITESPACE = " \t\n\r"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


class _ScannerContext:
    """What the accelerator reads its settings from; the names are its own."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_refuse_constant)
    memo: dict[str, str] = {}  # noqa: RUF012 - the accelerator wants the attribute, it is never filled


def _refuse_value(value: object) -> NoReturn:
    raise TypeError(f"{type(value).__name__} is not a JSON value")


_scan = _encode = None
if accelerator is not None:
    _scan = accelerator.make_scanner(_ScannerContext())
    # markers, default, encoder, indent, key separator, item separator, sort_keys, skipkeys, allow_nan
    _encode = accelerator.make_encoder(
        None, _refuse_value, accelerator.encode_basestring_ascii, None, ":", ",", *(False, False, False)
    )


def _decode_slowly(text: str) -> Any:
    import json

    return json.loads(text, parse_constant=_refuse_constant)


def weight(data: bytes) -> int:
    """Return an upper bound of the bytes of memory that a JSON document takes decoded, its text included.

    A character takes up to four bytes, and stands in memory twice, once a single one is beyond ASCII. The rest was
    measured: what lists, objects, members and elements take on Python 3.10 to 3.13, whichever takes the most.
    """
    text = 3 if data.isascii() and b"\\u" not in data else 9
    count = data.count
    return text * len(data) + 90 * count(b"[") + 100 * count(b"{") + 150 * count(b":") + 70 * count(b",")


def decode(text: str) -> Any:
    """Return the value of a JSON document.

    Raises:
        ValueError: the text is not one JSON value, or holds NaN or an infinity.
        RecursionError: it is nested too deeply.
    """
    if _scan is None:
        return _decode_slowly(text)
    stripped = text.strip(WHITESPACE)
    try:
        value, end = _scan(stripped, 0)
    except (StopIteration, SystemError):
        # Some releases of the accelerator look for json.decoder's exception and, where that is not imported,
        # fail without any. `json` itself says what is wrong.
        return _decode_slowly(text)
    if end != len(stripped):
        raise ValueError(f"something follows the JSON value at character {end}")
    return value


def encode(value: Any) -> str:
    """Return the value as compact JSON, in ASCII.

    Raises:
        ValueError: the value holds NaN or an infinity.
        TypeError: the value holds something JSON has no form for.
    """
    if _encode is None:
        import json

        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    return "".join(_encode(value, 0))
