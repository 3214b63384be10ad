"""Made-up content of several kinds, the same at every run."""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

_WORDS = (  # noqa: SIM905 - as literals it would be eighty lines
    "the a of and to in that it was for on with as his they at be this from have or by one had not but what "
    "all were when we there can an your which their said if do will each about how up out them then she many "
    "some so these would other into has more her two like him see time could no make than first been its who "
    "now people my made over did down only way find use may water long little very after words called just "
    "where most know harbour lantern orchard granite meridian ledger window occupancy thunder quarry violin "
    "apparatus nevertheless circumstances unquestionably correspondence extraordinary manufacturing"
).split()
_NAMES = (  # noqa: SIM905 - the same
    "order customer invoice shipment ledger window budget parser handler cache session token swarm planner "
    "router adapter payload record batch counter worker queue policy quota"
).split()
_CJK = {
    "zh": (
        "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就"
        "分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经"
    ),
    "ja": (
        "のにはをたがでとしれさいるもなからこととしてますですという日本"
        "人年大十二本中長出三時行見月分後前生五間上東四今金九入学高円子外"
    ),
    "ko": (
        "이가는을를의에서와과도로으로하다있다없다그것사람우리나라말"
        "일때년한국어말씀시간생각마음문제경우이야기세계학교사회정부"
    ),
}


def prose(random: Random, characters: int) -> str:
    """Return English-looking paragraphs."""
    out: list[str] = []
    size = 0
    while size < characters:
        words = [random.choice(_WORDS) for _ in range(random.randint(5, 22))]
        sentence = " ".join(words).capitalize() + random.choice((". ", ". ", "? ", "; and yet: ", ".\n\n"))
        out.append(sentence)
        size += len(sentence)
    return "".join(out)[:characters]


def cjk(random: Random, characters: int, language: str = "zh") -> str:
    """Return text of Chinese, Japanese or Korean characters ("zh", "ja", "ko")."""
    letters = _CJK[language]
    out: list[str] = []
    while len(out) < characters:
        out += [random.choice(letters) for _ in range(random.randint(4, 24))]
        out.append(random.choice("、,。。\n"))
    return "".join(out[:characters])


def code(random: Random, functions: int) -> str:
    """Return a Python module."""
    parts = ['"""Helpers."""\n\nfrom __future__ import annotations\n']
    for number in range(functions):
        name, other = random.choice(_NAMES), random.choice(_NAMES)
        value = random.randint(2, 9999)
        parts.append(
            f"\n\ndef {name}_{other}_{number}({other}: dict[str, int], *, limit: int = {value}) -> int:\n"
            f'    """Return the {name} of a {other}."""\n'
            f'    total = sum(value for key, value in {other}.items() if not key.startswith("_"))\n'
            f"    if total > limit:\n"
            f'        raise ValueError(f"{name}: {{total}} is more than {{limit}}")\n'
            f'    return total - {other}.get("{name}_{number}", {random.randint(0, 99)})\n'
        )
    return "".join(parts)


def data(random: Random, records: int, *, indent: int | None = 2) -> str:
    """Return a JSON document."""
    rows = [
        {
            "id": f"{random.getrandbits(64):016x}",
            "name": f"{random.choice(_NAMES)}-{number}",
            "amount": round(random.uniform(0, 10_000), 2),
            "tags": [random.choice(_NAMES) for _ in range(random.randint(0, 4))],
            "active": random.random() > 0.5,
            "parent": None if number % 3 else number // 3,
        }
        for number in range(records)
    ]
    return json.dumps({"rows": rows}, indent=indent)


def png(random: Random, width: int, height: int) -> bytes:
    """Return a picture: a gradient with a few blocks, so that it packs small."""
    red, green = random.randint(0, 255), random.randint(0, 255)
    row = b"".join(bytes((red, green, (x * 255) // width)) for x in range(width))
    rows = b"".join(b"\0" + (row if y % 32 < 24 else row[::-1]) for y in range(height))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
