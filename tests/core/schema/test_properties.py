"""What holds for every model, not only for those somebody thought of."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from synapse_core.errors import UnserializableError, ValidationError
from synapse_core.schema import Schema, parse_text
from synapse_core.schema.problems import path_text
from tests.core.schema.generated import ODD_VALUES, RULED, described, models


def refusal(error_type: Any, call: Callable[..., Any], *args: Any) -> Any:
    """The error of a call, or None."""
    try:
        call(*args)
    except error_type as error:
        return error
    return None


SLOW = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)


@SLOW
@given(models(), st.data())
def test_what_is_written_reads_back(case, data):
    """structure(unstructure(x)) == x, through JSON text, by the fast way and by the slow."""
    schema = Schema()
    value = data.draw(case.values)
    text = json.dumps(schema.unstructure(value), allow_nan=False)
    assert schema.structure(json.loads(text), case.wanted, extra="forbid") == value
    assert schema._explain(json.loads(text), case.wanted, "forbid", "value") == value


@SLOW
@given(models(), st.data())
def test_every_wrong_field_is_named_at_once(case, data):
    """However many fields are broken, each is one issue at its path, and nothing else is."""
    schema = Schema()
    broken, paths = case.spoil(data, schema.unstructure(data.draw(case.values)))
    error = refusal(ValidationError, schema.structure, broken, case.wanted)
    assert error is not None, broken
    assert sorted(issue.path for issue in error.issues) == sorted(map(path_text, paths))
    assert all(issue.message for issue in error.issues)


@SLOW
@given(described(), st.data())
def test_the_json_schema_says_what_is_taken(model, data):
    """What the schema accepts is accepted, and what it refuses is refused."""
    cls, values = model
    schema = Schema()
    said = schema.json_schema(cls)
    Draft202012Validator.check_schema(said)
    assert json.loads(json.dumps(said)) == said
    value = data.draw(values)
    taken = refusal(ValidationError, schema.structure, value, cls) is None
    assert Draft202012Validator(said).is_valid(value) == taken


@pytest.mark.parametrize(("wanted", "validator"), [row[:2] for row in RULED], ids=str)
def test_the_json_schema_of_every_rule(wanted, validator):
    """The same, for each kind of constraint and each odd value."""
    cls = attrs.make_class("M", {"f": attrs.field(type=wanted, validator=validator)})
    schema = Schema()
    said = Draft202012Validator(schema.json_schema(cls))
    for odd in ODD_VALUES:
        taken = refusal(ValidationError, schema.structure, {"f": odd}, cls) is None
        assert said.is_valid({"f": odd}) == taken, odd


@SLOW
@given(models())
def test_every_model_can_be_described(case):
    """Any model has a valid JSON Schema and a form that is JSON data."""
    schema = Schema()
    Draft202012Validator.check_schema(schema.json_schema(case.wanted))
    nodes = schema.ui_schema(case.wanted)
    assert json.loads(json.dumps(nodes)) == nodes
    assert [node["name"] for node in nodes] == [field.name for field in schema.fields(case.wanted)]


@SLOW
@given(models(), st.data())
def test_fields_say_what_is_required(case, data):
    """Leaving a required field out is an error at that field."""
    schema = Schema()
    whole = schema.unstructure(data.draw(case.values))
    for field in schema.fields(case.wanted):
        part = {name: value for name, value in whole.items() if name != field.name}
        error = refusal(ValidationError, schema.structure, part, case.wanted)
        assert [issue.path for issue in error.issues] == [field.name]


@SLOW
@given(models(), st.data())
def test_one_line_for_a_field(case, data):
    """JSON text typed for any field is read as the JSON it is, or left as text where text will do."""
    schema = Schema()
    whole = schema.unstructure(data.draw(case.values))
    typed = {
        field.name: parse_text(value if isinstance(value := whole[field.name], str) else json.dumps(value), field.type)
        for field in schema.fields(case.wanted)
    }
    schema.structure(typed, case.wanted)


class Hostile:
    """An object that fights back."""

    def __init__(self, how: int) -> None:
        self.how = how

    def __repr__(self) -> str:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return self.how

    def __iter__(self) -> Any:
        raise ValueError

    def __getattr__(self, name: str) -> Any:
        raise KeyError(name)


HASHABLE = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers()
ANYTHING = st.recursive(
    HASHABLE
    | st.functions()
    | st.dates()
    | st.decimals()
    | st.builds(object)
    | st.builds(Hostile, st.integers(0, 3))
    | st.builds(pow, st.just(10), st.just(5000))
    | st.sampled_from([int, ValueError("x"), ..., NotImplemented, range(3), memoryview(b"a")]),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(HASHABLE | st.builds(Hostile, st.integers(0, 3)), inner)
        | st.sets(HASHABLE)
        | st.frozensets(HASHABLE)
    ),
    max_leaves=8,
)


@SLOW
@given(ANYTHING)
def test_unstructure_gives_json_or_one_error(value):
    """Whatever it is given, unstructure gives JSON data or raises UnserializableError."""
    schema = Schema()
    error = refusal(UnserializableError, schema.unstructure, value)
    if error is None:
        data = schema.unstructure(value)
        assert json.loads(json.dumps(data, allow_nan=False)) == data
    else:
        assert error.issues
        assert str(error)


@SLOW
@given(ANYTHING, models())
def test_structure_gives_the_model_or_one_error(value, case):
    """Whatever it is given, structure gives an instance or raises ValidationError."""
    schema = Schema()
    error = refusal(ValidationError, schema.structure, value, case.wanted)
    assert error.issues if error is not None else isinstance(schema.structure(value, case.wanted), case.wanted)
