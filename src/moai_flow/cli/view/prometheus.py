"""Prometheus' text format, version 0.0.4. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Family:
    """A gauge with its samples.

    Args:
        name: its name.
        said: what it measures.
    """

    __slots__ = ("_name", "_said", "_samples")

    def __init__(self, name: str, said: str) -> None:
        self._name = name
        self._said = said
        self._samples: list[tuple[dict[str, str], int]] = []

    def add(self, value: int, **labels: str) -> None:
        """Add a sample."""
        self._samples.append((labels, value))

    def lines(self) -> list[str]:
        """Return its lines, none without a sample."""
        if not self._samples:
            return []
        said = self._said.replace("\\", r"\\").replace("\n", r"\n")
        head = [f"# HELP {self._name} {said}", f"# TYPE {self._name} gauge"]
        return head + [f"{self._name}{_labels(labels)} {value}" for labels, value in self._samples]


def text_of(families: Iterable[Family]) -> str:
    """Return the families as the text that a scraper reads."""
    return "".join([f"{line}\n" for family in families for line in family.lines()])


def _labels(labels: dict[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join([f'{name}="{_escaped(value)}"' for name, value in labels.items()]) + "}"


def _escaped(value: str) -> str:
    text = value.encode("utf-8", "replace").decode("utf-8")
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
