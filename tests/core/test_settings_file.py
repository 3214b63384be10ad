"""One parser of settings files: what it takes, and the words for what it does not."""

from __future__ import annotations

import pytest

from moai_flow.core.settings_file import line_of, parse


@pytest.mark.parametrize(("keys", "line"), [(["a"], 2), (["a", "b"], 3), (["c"], 5), (["nope"], 1), (["a", "nope"], 2)])
def test_a_key_has_a_line(keys: list[str], line: int) -> None:
    """The last key that is found in order."""
    assert line_of('{\n"a": {\n"b": 1\n},\n"c": 2}', *keys) == line


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param(b'{"token_budget":\n{"a": }}', "f:2:7: not JSON (Expecting value)", id="value missing"),
        pytest.param(b'\n\n{"a": }', "f:3:7: not JSON (Expecting value)", id="blanks before it"),
        pytest.param(b'{"a": 1}\n{}', "f: not JSON (something follows the JSON value at character 8)", id="two values"),
        pytest.param(b'{"a":\n"\xff"}', "f:2: not JSON (not UTF-8)", id="not UTF-8"),
        pytest.param(b"", "f:1:1: not JSON (Expecting value)", id="empty"),
        pytest.param(b'{"a": 1,\n"token_budget": []}', "f:2: token_budget: must be an object, not []", id="a list"),
    ],
)
def test_what_is_wrong_is_said_with_the_line(data: bytes, problem: str) -> None:
    """The words are the hooks', the library's and `doctor`'s."""
    assert parse(data, "f") == ({}, problem)


def test_a_byte_order_mark_is_no_part_of_it() -> None:
    """Editors on Windows write one."""
    section, problem = parse(b'\xef\xbb\xbf{"token_budget": {"notify": "model"}}', "f")
    assert (section, problem) == ({"notify": "model"}, "")
