"""Models are described: their fields, their JSON Schema, their form."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NotRequired, TypedDict, TypeVar

import attrs
import pytest
from attrs import NOTHING, validators

from synapse_core.schema import Field, Help, Schema, Secret, Title, fields, is_model, type_name

T = TypeVar("T")


class Colour(enum.Enum):
    RED = "red"
    DARK_BLUE = "blue"


@attrs.frozen
class Layer:
    """One layer."""

    units: int = attrs.field(validator=validators.ge(1))


@attrs.define
class Params:
    """What the training needs.

    Everything else has a default.
    """

    data: Path
    epochs: int = attrs.field(
        default=10, validator=[validators.ge(1), validators.le(1024)], metadata={"description": "passes", "title": "Ep"}
    )
    rate: Annotated[float, validators.gt(0), Help("step size"), Title("Learning rate")] = 0.1
    layers: list[Layer] = attrs.Factory(list)
    mode: Literal["fast", "exact"] = "fast"
    colour: Colour | None = None
    token: str = attrs.field(default="hunter2", metadata={"secret": True, "help": "your token"})
    seed: Annotated[int | None, "where to begin"] = None
    made: datetime = attrs.Factory(lambda: datetime.now().astimezone())


@dataclass
class Loader:
    workers: int = field(default=2, metadata={"description": "threads"})
    shuffle: bool = True
    names: tuple[str, ...] = field(default_factory=tuple)
    key: Annotated[str, Secret()] = "hunter2"


class Row(TypedDict):
    name: Annotated[str, "what it is called"]
    size: NotRequired[int]


@attrs.define
class Tree:
    value: int
    children: list[Tree] = attrs.Factory(list)


@attrs.define
class Box(Generic[T]):
    content: T


def test_fields_of_an_attrs_class():
    """Names, resolved types, what is required, defaults, and what is said of them."""
    found = {each.name: each for each in fields(Params)}
    assert list(found) == ["data", "epochs", "rate", "layers", "mode", "colour", "token", "seed", "made"]
    assert found["data"] == Field("data", Path, attribute="data")
    assert found["data"].default is NOTHING
    assert (found["epochs"].default, found["epochs"].description, found["epochs"].title) == (10, "passes", "Ep")
    assert (found["rate"].description, found["rate"].title) == ("step size", "Learning rate")
    assert (found["layers"].type, found["layers"].default) == (list[Layer], [])
    assert (found["token"].secret, found["token"].description) == (True, "your token")
    assert found["seed"].description == "where to begin"
    assert (found["made"].required, found["made"].default) == (False, NOTHING)


def test_fields_of_other_kinds():
    """Dataclasses and TypedDicts have fields as well; what is no model has none."""
    assert [(f.name, f.required, f.secret) for f in fields(Loader)] == [
        ("workers", False, False),
        ("shuffle", False, False),
        ("names", False, False),
        ("key", False, True),
    ]
    assert [(f.name, f.required, f.description) for f in fields(Row)] == [
        ("name", True, "what it is called"),
        ("size", False, ""),
    ]
    assert [f.type for f in fields(Box[int])] == [int]
    assert [fields(model) for model in (None, dict, dict[str, Any], int)] == [()] * 4
    assert is_model(Row)


def test_a_required_key_of_a_typed_dict_that_may_be_missing():
    """Only required keys are missed."""
    assert Schema().structure({"name": "a"}, Row) == {"name": "a"}


def test_the_json_schema_of_a_model():
    """Types, constraints, defaults, words, and nested models by reference; secrets without defaults."""
    assert Schema().json_schema(Params) == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Params",
        "type": "object",
        "description": "What the training needs.\n\nEverything else has a default.",
        "properties": {
            "data": {"type": "string", "format": "path"},
            "epochs": {
                "type": "integer",
                "minimum": 1,
                "maximum": 1024,
                "title": "Ep",
                "description": "passes",
                "default": 10,
            },
            "rate": {
                "type": "number",
                "exclusiveMinimum": 0,
                "title": "Learning rate",
                "description": "step size",
                "default": 0.1,
            },
            "layers": {"type": "array", "items": {"$ref": "#/$defs/Layer"}, "default": []},
            "mode": {"enum": ["fast", "exact"], "default": "fast"},
            "colour": {"anyOf": [{"title": "Colour", "enum": ["red", "blue"]}, {"type": "null"}], "default": None},
            "token": {"type": "string", "description": "your token", "writeOnly": True},
            "seed": {
                "anyOf": [{"type": "integer"}, {"type": "null"}],
                "description": "where to begin",
                "default": None,
            },
            "made": {"type": "string", "format": "date-time"},
        },
        "required": ["data"],
        "$defs": {
            "Layer": {
                "title": "Layer",
                "description": "One layer.",
                "type": "object",
                "properties": {"units": {"type": "integer", "minimum": 1}},
                "required": ["units"],
            }
        },
    }


def test_models_within_themselves():
    """A model that contains itself is referred to, as the root and as a part."""
    schema = Schema()
    assert schema.json_schema(Tree)["properties"]["children"]["items"] == {"$ref": "#"}
    part = schema.json_schema(list[Tree])
    assert part["items"] == {"$ref": "#/$defs/Tree"}
    assert part["$defs"]["Tree"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}


def test_two_models_of_one_name():
    """Models of the same name have definitions of their own."""
    one, other = attrs.make_class("Same", {"a": attrs.field(type=int)}), attrs.make_class("Same", ["b"])
    described = Schema().json_schema(tuple[one, other, Box[one], Box[other]])  # type: ignore[valid-type]
    assert list(described["$defs"]) == ["Same", "Same_2", "Box_Same", "Box_Same_2"]
    assert described["$defs"]["Box_Same_2"]["properties"]["content"] == {"$ref": "#/$defs/Same_2"}


def test_types_that_are_the_same_in_json():
    """A union of types with one JSON form is no union in JSON."""
    described = Schema().json_schema(list[int] | tuple[int, ...])
    assert (described["type"], described["items"]) == ("array", {"type": "integer"})


def test_the_schema_of_no_model():
    """None stands for any mapping."""
    assert Schema().json_schema(None) == {"$schema": Schema().json_schema(int)["$schema"], "type": "object"}


def test_a_dataclass_has_no_made_up_description():
    """The signature that a dataclass gets for a docstring is no description."""
    assert "description" not in Schema().json_schema(Loader)


def nodes(model: Any) -> dict[str, dict[str, Any]]:
    return {node["name"]: node for node in Schema().ui_schema(model)}


def test_the_form_of_a_model():
    """Each field is an input of its kind, with label, default, help, rules and options."""
    made = nodes(Params)
    assert made["data"] == {
        "$formkit": "text",
        "name": "data",
        "label": "Data",
        "required": True,
        "validation": "required",
    }
    assert made["epochs"] == {
        "$formkit": "number",
        "name": "epochs",
        "label": "Ep",
        "help": "passes",
        "number": True,
        "step": 1,
        "min": 1,
        "max": 1024,
        "value": 10,
        "required": False,
        "validation": "min:1|max:1024|number",
    }
    assert made["mode"]["options"] == [{"label": "fast", "value": "fast"}, {"label": "exact", "value": "exact"}]
    assert (made["mode"]["$formkit"], made["mode"]["value"]) == ("select", "fast")
    assert made["colour"]["options"] == [
        {"label": "(none)", "value": None},
        {"label": "Red", "value": "red"},
        {"label": "Dark Blue", "value": "blue"},
    ]
    assert made["token"]["$formkit"] == "password"
    assert "value" not in made["token"]
    assert made["made"]["$formkit"] == "datetime-local"


def test_nested_models_are_groups_and_lists():
    """A list of models is a list of groups; one that contains itself ends as JSON text."""
    (group,) = nodes(Params)["layers"]["children"]
    assert nodes(Params)["layers"]["$formkit"] == "list"
    assert (group["$formkit"], group["index"]) == ("group", "$index")
    assert group["children"][0]["validation"] == "required|min:1|number"
    (child,) = nodes(Tree)["children"]["children"]
    assert (child["$formkit"], child["format"]) == ("textarea", "json")


@attrs.define
class Inputs:
    flag: bool
    size: int = attrs.field(validator=[validators.gt(0), validators.lt(10)])
    share: float = attrs.field(validator=validators.gt(0))
    name: Annotated[str, validators.min_len(2), validators.max_len(8)] = attrs.field(
        validator=validators.matches_re("[a-z]+")
    )
    code: str = attrs.field(validator=validators.matches_re("a|b"))
    port: int | None = attrs.field(validator=validators.optional(validators.in_([80, 443])))
    many: list[Colour]
    few: list[str] = attrs.field(validator=validators.min_len(1))
    any_of: int | str
    table: dict[str, int]
    day: date
    note: str = attrs.field(metadata={"ui": {"$formkit": "textarea", "rows": 5}})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("flag", {"$formkit": "checkbox", "value": False, "required": True}),
        ("size", {"min": 1, "max": 9, "step": 1, "validation": "required|min:1|max:9|number"}),
        ("share", {"min": 0, "step": "any", "validation": "required|min:0|number"}),
        ("name", {"$formkit": "text", "validation": "required|length:2,8|matches:/^(?:[a-z]+)$/"}),
        ("code", {"validation": "required"}),
        ("port", {"$formkit": "select"}),
        ("many", {"$formkit": "select", "multiple": True}),
        ("few", {"$formkit": "list", "validation": "min:1"}),
        ("any_of", {"$formkit": "text", "label": "Any Of"}),
        ("table", {"$formkit": "textarea", "format": "json"}),
        ("day", {"$formkit": "date"}),
        ("note", {"$formkit": "textarea", "rows": 5}),
    ],
)
def test_kinds_of_inputs(name, expected):
    """Each kind of field has the input that suits it."""
    assert expected.items() <= nodes(Inputs)[name].items()


def test_checkboxes_have_no_rules():
    """An unticked box is an answer, not a missing one."""
    assert "validation" not in nodes(Inputs)["flag"]


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        (int, "int"),
        (int | None, "int or None"),
        (list[Layer], "list[Layer]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (dict[str, list[int]], "dict[str, list[int]]"),
        (Literal["a", 1], "'a' or 1"),
        (Annotated[int, "words"], "int"),
        (Box[int], "Box[int]"),
        (Any, "anything"),
        (None, "None"),
        (Colour, "Colour"),
    ],
)
def test_types_have_names(wanted, name):
    """Types are named as people say them."""
    assert type_name(wanted) == name
