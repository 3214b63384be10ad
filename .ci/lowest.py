"""Prints the lowest versions that pyproject.toml admits, as a constraints file for pip: lowest.py pyproject.toml.

Of everything that the tests install: the dependencies, and the extra `test`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

REQUIREMENT = re.compile(r'^\s*"([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*>=\s*([0-9.]+)[^"]*",?\s*$')


def lowest(text: str) -> list[str]:
    """Return `name==version` for each requirement with a minimum, the tables of the build and of tools apart."""
    project = text[text.index("[project]") : text.index("[project.scripts]")]
    return [f"{found[1]}=={found[2]}" for line in project.splitlines() if (found := REQUIREMENT.match(line))]


if __name__ == "__main__":
    print("\n".join(lowest(Path(sys.argv[1]).read_text(encoding="utf-8"))))  # noqa: T201
