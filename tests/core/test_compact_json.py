"""JSON through the accelerator says what `json` says."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moai_flow.core import compact_json

TEXTS = st.text(string.printable + "äß漢\u2028\U0001f600\x00\x7f")
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(params=["accelerated", "plain"])
def without(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run with the accelerator and as on an interpreter that lacks it."""
    if request.param == "plain":
        monkeypatch.setattr(compact_json, "_scan", None)
        monkeypatch.setattr(compact_json, "_encode", None)


@given(VALUES)
def test_encodes_and_decodes_like_json(value: object) -> None:
    """The same text, the same value."""
    text = compact_json.encode(value)
    assert text == json.dumps(value, separators=(",", ":"))
    assert compact_json.decode(text) == json.loads(text)
    assert compact_json.decode(f" \n{json.dumps(value, indent=2, ensure_ascii=False)}\t") == value


@pytest.mark.usefixtures("without")
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("{", id="cut"),
        pytest.param("[1,]", id="a comma too many"),
        pytest.param("{} {}", id="two values"),
        pytest.param("NaN", id="NaN"),
        pytest.param("[Infinity]", id="an infinity"),
        pytest.param("-Infinity", id="a negative infinity"),
        pytest.param('"\n"', id="a line end in a string"),
        pytest.param("\N{NO-BREAK SPACE}1", id="space that JSON does not know"),
        pytest.param("'a'", id="wrong quotes"),
    ],
)
def test_refuses_what_is_not_json(text: str) -> None:
    """Text that is not one JSON value is a ValueError."""
    with pytest.raises(ValueError):
        compact_json.decode(text)


@pytest.mark.usefixtures("without")
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_refuses_figures_that_json_lacks(value: float) -> None:
    """NaN and the infinities have no form."""
    with pytest.raises(ValueError):
        compact_json.encode([value])


@pytest.mark.usefixtures("without")
def test_refuses_things_that_json_lacks() -> None:
    """Other objects have no form."""
    with pytest.raises(TypeError):
        compact_json.encode({"a": object()})


@pytest.mark.usefixtures("without")
def test_deep_nesting_is_an_error_of_ours() -> None:
    """A text made to overflow the stack is refused, not fatal."""
    with pytest.raises((RecursionError, ValueError)):
        compact_json.decode("[" * 200_000)


@pytest.mark.usefixtures("without")
def test_compact_ascii() -> None:
    """No spaces, nothing beyond ASCII."""
    assert compact_json.encode({"ä": [1, 2.5, None, True, "x"]}) == '{"\\u00e4":[1,2.5,null,true,"x"]}'
