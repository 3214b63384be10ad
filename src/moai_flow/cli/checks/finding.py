"""What a check found, and what to do about it."""

from __future__ import annotations

from typing import NamedTuple

OK, WARNING, BROKEN = "ok", "warning", "broken"


class Finding(NamedTuple):
    """One line of the report.

    Attributes:
        check: the subject.
        level: "ok", "warning" (it works, but not as well as it could) or "broken".
        text: what was found, and where.
        advice: what to do about it, "" where there is nothing to do.
    """

    check: str
    level: str
    text: str
    advice: str = ""
