"""Globs on agents' types and on files."""

from __future__ import annotations

import fnmatch
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moai_flow.hook.attribution import matches


@pytest.mark.parametrize(
    ("name", "glob", "expected"),
    [
        pytest.param("backend", "backend", True, id="the same"),
        pytest.param("backend", "Backend", False, id="another case"),
        pytest.param("backend-api", "backend*", True, id="a star at the end"),
        pytest.param("my-backend-api", "*backend*", True, id="stars around"),
        pytest.param("backend", "back?nd", True, id="one character"),
        pytest.param("backnd", "back?nd", False, id="a question mark is not nothing"),
        pytest.param("services/api/app.py", "services/**", True, id="anything below"),
        pytest.param("services", "services/**", True, id="the folder itself"),
        pytest.param("services2/app.py", "services/**", False, id="not a folder that begins alike"),
        pytest.param("services/app.py", "services/*", True, id="directly in it"),
        pytest.param("services/api/app.py", "services/*", False, id="a star stays in its folder"),
        pytest.param("a/b/c/test_x.py", "**/test_*.py", True, id="in any folder"),
        pytest.param("test_x.py", "**/test_*.py", True, id="in no folder"),
        pytest.param("a/x/b/y/c", "a/**/b/**/c", True, id="two of them"),
        pytest.param("a/x/b/y/d", "a/**/b/**/c", False, id="two of them, another end"),
        pytest.param("anything/at/all", "**", True, id="everything"),
        pytest.param("", "", True, id="nothing is nothing"),
        pytest.param("x", "", False, id="nothing is not something"),
    ],
)
def test_a_glob_matches_whole_names(name: str, glob: str, *, expected: bool) -> None:
    """A glob says which names are meant, from beginning to end."""
    assert matches(name, glob) is expected


@given(st.text("ab*?", max_size=12), st.text("ab", max_size=12))
def test_within_one_name_it_is_what_shells_do(glob: str, name: str) -> None:
    """Without folders, `*` and `?` mean what they mean elsewhere."""
    if "**" not in glob:
        assert matches(name, glob) is fnmatch.fnmatchcase(name, glob)


def test_a_hostile_glob_costs_little() -> None:
    """Many stars do not make it exponential."""
    started = time.perf_counter()
    assert not matches("a" * 250, "a*" * 120 + "b")
    assert not matches("/".join("a" * 60), "/".join(["**", "a"] * 60) + "/b")
    assert time.perf_counter() - started < 5
