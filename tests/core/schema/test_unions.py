"""Of several types the one that is meant is found, or it is said that it cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import attrs
import pytest

from synapse_core.errors import ValidationError
from synapse_core.schema import Schema


@attrs.frozen
class Sgd:
    rate: float
    momentum: float = 0.0


@attrs.frozen
class Adam:
    rate: float
    betas: tuple[float, float] = (0.9, 0.999)


@dataclass(frozen=True)
class Fixed:
    steps: int


@attrs.frozen
class Circle:
    kind: Literal["circle"]
    size: float


@attrs.frozen
class Square:
    kind: Literal["square"]
    size: float


@attrs.frozen
class Cube:
    kind: Literal["cube"]
    size: float
    depth: float


@attrs.frozen
class Metres:
    amount: float


@attrs.frozen
class Grams:
    amount: float


@attrs.frozen
class Weak:
    grams: float = 0.0


@attrs.frozen
class Named:
    amount: str


class Loose(TypedDict):
    loose: bool


Optimizer = Sgd | Adam | Fixed | None


@attrs.frozen
class Run:
    optimizer: Optimizer = None
    shapes: list[Circle | Square] = attrs.Factory(list)
    weight: Metres | Grams | Named | None = None


@pytest.mark.parametrize(
    ("data", "made"),
    [
        ({"rate": 1, "betas": [0, 1]}, Adam(1.0, (0.0, 1.0))),
        ({"rate": 1, "momentum": 0.5}, Sgd(1.0, 0.5)),
        ({"steps": 3}, Fixed(3)),
        (None, None),
        (Sgd(2.0), Sgd(2.0)),
        (Fixed(2), Fixed(2)),
    ],
)
def test_the_model_whose_fields_fit(data, made):
    """The keys tell which model is meant; instances are what they are."""
    assert Schema().structure({"optimizer": data}, Run).optimizer == made


def test_literals_tell_models_apart():
    """A Literal field decides before anything else, and errors are those of the model it names."""
    schema = Schema()
    shapes = [{"kind": "square", "size": 1}, {"kind": "circle", "size": 2}]
    assert schema.structure({"shapes": shapes}, Run).shapes == [Square("square", 1.0), Circle("circle", 2.0)]
    with pytest.raises(ValidationError) as caught:
        schema.structure({"shapes": [{"kind": "square", "size": "big"}]}, Run)
    assert [(i.path, i.message) for i in caught.value.issues] == [("shapes[0].size", "expected float, got str 'big'")]


def test_literals_weigh_more_than_what_is_missing():
    """Data that names a model is for that model, even where another would miss less of it."""
    with pytest.raises(ValidationError) as caught:
        Schema().structure({"kind": "cube", "size": 1}, Circle | Cube)
    assert [issue.path for issue in caught.value.issues] == ["depth"]


def test_models_alike_are_told_apart_by_their_types_or_by_name():
    """Models with the same fields: the one whose types fit, else the one that ``_type`` names, else an error."""
    schema = Schema()
    assert schema.structure({"weight": {"amount": "much"}}, Run).weight == Named("much")
    assert schema.structure({"weight": {"_type": "Grams", "amount": 1}}, Run).weight == Grams(1.0)
    with pytest.raises(ValidationError, match="weight: fits Metres and Grams alike; say which is meant"):
        schema.structure({"weight": {"amount": 1}}, Run)


@pytest.mark.parametrize("value", [Metres(1.0), Grams(1.0), Named("a"), None])
def test_models_alike_survive(value):
    """What is written says which of several models with the same fields it was; strictness takes it back too."""
    schema = Schema()
    data = schema.unstructure(Run(weight=value))
    assert schema.structure(data, Run, extra="forbid").weight == value


def test_only_models_alike_are_named():
    """No name is written where the fields tell."""
    assert Schema().unstructure(Run(optimizer=Sgd(1.0)))["optimizer"] == {"rate": 1.0, "momentum": 0.0}


def test_what_fits_nothing_is_told_of_the_nearest():
    """Wrong data for one of several models has that model's errors."""
    with pytest.raises(ValidationError) as caught:
        Schema().structure({"optimizer": {"steps": "x"}}, Run)
    assert [i.path for i in caught.value.issues] == ["optimizer.steps"]
    with pytest.raises(ValidationError, match="optimizer: expected Sgd or Adam or Fixed or None, got int 3"):
        Schema().structure({"optimizer": 3}, Run)


def test_models_beside_plain_mappings():
    """A dict that is no such model is a dict, where that is among the types."""
    wanted: Any = Sgd | dict[str, str]
    schema = Schema()
    assert schema.structure({"rate": 1.0}, wanted) == Sgd(1.0)
    assert schema.structure({"a": "b"}, wanted) == {"a": "b"}
    assert schema.structure({"rate": 1.0}, Sgd | dict) == Sgd(1.0)
    assert schema.structure({"a": "b"}, Weak | dict[str, str]) == {"a": "b"}
    assert schema.structure({"_type": "Grams", "amount": 1}, Metres | Grams | dict[str, Any]) == Grams(1.0)


def test_typed_dicts_in_unions():
    """A TypedDict is a model among others."""
    assert Schema().structure({"loose": True}, Loose | Sgd) == {"loose": True}
