import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moai_flow.cli.client.jsontext import Document

KEYS = st.text('ab"\\{}[], :é\n', max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
WRITTEN = st.sampled_from([None, 1, 2, 4, "\t"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('{\n  "a": 1\n}\n', '{\n  "a": 1,\n  "x": [\n    2\n  ]\n}\n', id="two spaces"),
        pytest.param('{\n\t"a": 1\n}', '{\n\t"a": 1,\n\t"x": [\n\t\t2\n\t]\n}', id="tabs, no final newline"),
        pytest.param('{"a": 1}', '{"a": 1, "x": [2]}', id="one line"),
        pytest.param('{\r\n "a": 1\r\n}', '{\r\n "a": 1,\r\n "x": [\r\n  2\r\n ]\r\n}', id="Windows newlines"),
        pytest.param("{}", '{\n  "x": [\n    2\n  ]\n}', id="empty"),
        pytest.param("\n{ }\n", '\n{\n  "x": [\n    2\n  ]\n}\n', id="empty with space"),
        pytest.param(
            '{\n  "a": [1,\n   2], "b":{}\n}',
            '{\n  "a": [1,\n   2], "b":{},\n  "x": [\n    2\n  ]\n}',
            id="written by hand",
        ),
    ],
)
def test_a_member_is_added_as_the_file_is_written(text: str, expected: str) -> None:
    """Indentation and newlines are the file's own, and what was there keeps its bytes."""
    document = Document(text)
    document.add((), "x", [2])
    assert document.text == expected
    document.remove(("x",))
    assert json.loads(document.text) == json.loads(text)


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), WRITTEN, VALUES)
def test_what_is_added_and_removed_leaves_no_trace(
    settings: dict[str, object], indent: int | str | None, value: object
) -> None:
    """Whatever the file and however it is written, other members keep their bytes."""
    text = json.dumps(settings, indent=indent, ensure_ascii=False)
    document = Document(text)
    document.add((), "new", value)
    assert document.read() == {**settings, "new": value}
    document.replace(("new",), [value])
    assert document.read() == {**settings, "new": [value]}
    document.remove(("new",))
    assert document.text == text


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), WRITTEN, st.data())
def test_any_member_can_be_removed(settings: dict[str, object], indent: int | str | None, data: st.DataObject) -> None:
    """First, middle or last: the rest is still the same JSON."""
    document = Document(json.dumps(settings, indent=indent))
    key = data.draw(st.sampled_from(list(settings)))
    document.remove((key,))
    assert document.read() == {name: value for name, value in settings.items() if name != key}


def test_of_members_with_one_name_the_last_counts() -> None:
    """As it does for whoever reads the file."""
    document = Document('{"a": [1], "a": [2]}')
    document.add(("a",), None, 3)
    assert document.text == '{"a": [1], "a": [2, 3]}'


@pytest.mark.parametrize("text", ["[]", "1", '"a"', "null"])
def test_only_an_object_is_a_document(text: str) -> None:
    """Anything else is a TypeError."""
    with pytest.raises(TypeError, match="must be an object"):
        Document(text)
