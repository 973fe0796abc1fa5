"""Equal data has one text and one hash."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.errors import UnserializableError
from synapse_core.schema import canonical_json, inputs_hash

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def test_one_text():
    """Keys are sorted, nothing is spaced, everything is ASCII."""
    assert canonical_json({"b": [1, 2.5, None], "a": "é"}) == '{"a":"\\u00e9","b":[1,2.5,null]}'


def test_the_hash_is_a_sha256():
    """The hash is that of the text, so that it can be made elsewhere."""
    assert inputs_hash({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


@given(JSON)
def test_order_does_not_matter_and_nothing_is_lost(value):
    """The text reads back as the data, and does not depend on the order of keys."""

    def turned(data):
        if isinstance(data, dict):
            return {key: turned(data[key]) for key in reversed(data)}
        return [turned(item) for item in data] if isinstance(data, list) else data

    assert json.loads(canonical_json(value)) == value
    assert canonical_json(turned(value)) == canonical_json(value)
    assert inputs_hash(turned(value)) == inputs_hash(value)


@pytest.mark.parametrize("value", [float("nan"), object(), {"a": {1, 2}}])
def test_what_is_no_json_data(value):
    """What was not unstructured is refused."""
    with pytest.raises(UnserializableError, match="is no JSON data"):
        canonical_json(value)


def test_data_that_contains_itself():
    """Endless data is refused as well."""
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(UnserializableError):
        inputs_hash(loop)
