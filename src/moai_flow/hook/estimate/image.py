"""Tokens of an image or a document, from the header of its base64.

Formula: https://docs.claude.com/en/docs/build-with-claude/vision - width * height / 750 tokens, after the API
has scaled the image down to a long edge of 1,568 pixels and about 1,600 tokens.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PIXELS_PER_TOKEN = 750
LONGEST_EDGE = 1568
MAX = 1_600
"""Tokens that one image costs at most."""

_HEADER = 1 << 17
"""Characters of base64 that are looked at: a JPEG's size comes after its metadata (64 KB a segment)."""

_WIDEST = 1_000_000
"""Pixels that no image is wide or high, whatever its header says."""

_SEGMENT = 0xFF
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a JPEG segment: every segment's first byte, and the frames, which hold the size."""

_PAGE_BYTES = 50_000
_PAGE_TOKENS = 2_000
_MAX_PAGES = 100


def tokens(data: Any) -> int:
    """Return the tokens of an image given as base64; the most it can cost if its size is not found."""
    if not isinstance(data, str) or not data:
        return 0
    width, height = size(data)
    return from_size(width, height) or MAX


def shown_tokens(dimensions: Any) -> int:
    """Return the tokens of an image from the client's own record of its size, 0 if there is none."""
    if not isinstance(dimensions, dict):
        return 0
    for prefix in ("display", "original"):
        width, height = dimensions.get(prefix + "Width"), dimensions.get(prefix + "Height")
        if isinstance(width, (int, float)) and isinstance(height, (int, float)):
            return from_size(width, height)
    return 0


def document_tokens(data: Any) -> int:
    """Return the tokens of a PDF, guessed from its size: a page is an image and its text."""
    if not isinstance(data, str):
        return 0
    pages = len(data) * 3 // 4 // _PAGE_BYTES + 1
    return min(pages, _MAX_PAGES) * _PAGE_TOKENS


def from_size(width: float, height: float) -> int:
    """Return the tokens of an image of so many pixels, 0 if these are no sizes."""
    # Written so that NaN is refused too.
    if not (0 < width < _WIDEST and 0 < height < _WIDEST):
        return 0
    scale = min(1.0, LONGEST_EDGE / max(width, height))
    return min(MAX, int(width * scale * height * scale / PIXELS_PER_TOKEN) + 1)


def size(data: str) -> tuple[int, int]:
    """Return width and height in pixels from the base64 of a PNG, JPEG, GIF or WebP, else (0, 0)."""
    # Imported here: images are rare and the hook's path is not.
    from binascii import Error, a2b_base64

    try:
        head = a2b_base64(data[:64])
        if head.startswith(b"\xff\xd8"):
            return _jpeg(a2b_base64(data[: min(_HEADER, len(data) & ~3)]))
    except (Error, ValueError):
        return 0, 0
    if head.startswith(b"\x89PNG"):
        return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if head.startswith(b"GIF8"):
        return int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return _webp(head)
    return 0, 0


def _jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(data) and data[at] == _SEGMENT:
        if data[at + 1] in _FRAMES:
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0, 0


def _webp(head: bytes) -> tuple[int, int]:
    form = head[12:16]
    if form == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if form == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8 ":
        return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF
    return 0, 0
