"""`text_encoder` writes what `json.dumps` does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.schema.json_text import text_encoder

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)


@given(values, st.booleans(), st.booleans())
def test_the_text_is_that_of_json(value: Any, ensure_ascii: bool, sort_keys: bool) -> None:
    """Whatever the value, and however it is asked for."""
    encode = text_encoder(ensure_ascii=ensure_ascii, sort_keys=sort_keys)
    same = json.dumps(value, ensure_ascii=ensure_ascii, sort_keys=sort_keys, separators=(",", ":"))
    assert encode(value) == same


def test_what_is_no_json_data_is_refused_or_stood_for() -> None:
    """As by `json.dumps`; data that contains itself ends, too."""
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(TypeError, match="not JSON serializable"):
        text_encoder()({"x": object()})
    with pytest.raises(ValueError, match="Out of range"):
        text_encoder(allow_nan=False)([float("nan")])
    with pytest.raises(RecursionError):
        text_encoder()(circle)
    assert text_encoder(lambda _: "stand-in")([object()]) == '["stand-in"]'
