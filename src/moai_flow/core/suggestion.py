"""The word that was probably meant. Pure, and imported only where a mistake is reported.

`difflib` does more and costs a hook as much as all of its own modules together.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_LENGTH = 40
"""Characters of a word for which a suggestion is looked for."""

_SHARE = 3
"""One letter in so many may be wrong."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word with the fewest letters added, left out, changed or swapped; "" where none is near."""
    if not 1 < len(word) <= MAX_LENGTH:
        return ""
    best, found = len(word) // _SHARE + 1, ""
    for candidate in known:
        if abs(len(candidate) - len(word)) < best:
            steps = distance(word, candidate)
            if steps < best:
                best, found = steps, candidate
    return found


def distance(one: str, other: str) -> int:
    """Return how many letters to add, leave out, change or swap with their neighbour to make one word the other.

    The restricted edit distance of Damerau and Levenshtein.
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, its in enumerate(other, 1):
            steps = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != its))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == its:
                steps = min(steps, last[j - 2] + 1)
            row.append(steps)
    return row[-1]
