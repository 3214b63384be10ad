"""Globs, without `re`: `*` and `?` within one name, `**` over any number of folders."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def matches(name: str, glob: str) -> bool:
    """Return whether `glob` matches the whole `name`; both use `/` between folders."""
    return _match(name.split("/"), glob.split("/"), "**", _name)


def _name(name: str, glob: str) -> bool:
    return _match(name, glob, "*", _character)


def _character(character: str, sign: str) -> bool:
    return sign in ("?", character)


def _match(items: Sequence[str], signs: Sequence[str], star: str, fits: Callable[[str, str], bool]) -> bool:
    """Match a sequence sign by sign, where `star` stands for any number of items.

    Only the last star needs another try, so the cost is items times signs, however hostile the glob.
    """
    item = sign = 0
    retry_sign, retry_item = -1, 0
    while item < len(items):
        if sign < len(signs) and signs[sign] == star:
            retry_sign, retry_item = sign, item
            sign += 1
        elif sign < len(signs) and fits(items[item], signs[sign]):
            item += 1
            sign += 1
        elif retry_sign >= 0:
            retry_item += 1
            item, sign = retry_item, retry_sign + 1
        else:
            return False
    return all(rest == star for rest in signs[sign:])
