"""Data becomes models, and nothing is coerced in silence."""

from __future__ import annotations

import enum
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path, PurePosixPath
from threading import Barrier, Thread
from types import MappingProxyType
from typing import Annotated, Any, Final, Generic, Literal, NamedTuple, NewType, NotRequired, TypedDict, TypeVar
from uuid import UUID

import attrs
import pytest
from attrs import validators

from synapse_core.errors import SynapseError, ValidationError
from synapse_core.schema import Schema, default_schema

T = TypeVar("T")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Shape(enum.Enum):
    SQUARE = (1, 1)
    WIDE = (2, 1)


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Name(str):
    __slots__ = ()


class Point(NamedTuple):
    x: int
    y: float = 0.0


class Options(TypedDict):
    depth: int
    label: NotRequired[str]


UserId = NewType("UserId", int)


@attrs.frozen
class Layer:
    units: int
    activation: str = "relu"


@dataclass
class Optimizer:
    rate: float = 0.1
    betas: tuple[float, float] = (0.9, 0.999)
    extra: dict[str, Any] = field(default_factory=dict)


@attrs.define
class Tree:
    value: int
    children: list[Tree] = attrs.Factory(list)


@attrs.frozen
class Box(Generic[T]):
    content: T
    spare: list[T] = attrs.Factory(list)


@attrs.frozen
class IntBox(Box[int]):
    label: str = ""


L = TypeVar("L", bound=Layer)


@attrs.define
class Stack(Generic[L]):
    layer: L


GOOD: list[tuple[Any, Any, Any]] = [
    (int, 3, 3),
    (int, 3.0, 3),
    (float, 3, 3.0),
    (float, 0.5, 0.5),
    (bool, True, True),
    (str, "a", "a"),
    (type(None), None, None),
    (Any, [1, {"a": object}], [1, {"a": object}]),
    (bytes, "AP8=", b"\x00\xff"),
    (Path, "/data/x", Path("/data/x")),
    (PurePosixPath, "x", PurePosixPath("x")),
    (datetime, "2026-11-21T10:00:00Z", datetime(2026, 11, 21, 10, tzinfo=UTC)),
    (date, "2026-11-21", date(2026, 11, 21)),
    (time, "10:30", time(10, 30)),
    (timedelta, 1.5, timedelta(seconds=1.5)),
    (timedelta, "P1DT2H3M4.5S", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
    (timedelta, "-PT1M", timedelta(minutes=-1)),
    (UUID, "12345678123456781234567812345678", UUID("12345678123456781234567812345678")),
    (Decimal, "0.10", Decimal("0.10")),
    (Decimal, 0.1, Decimal("0.1")),
    (Colour, "red", Colour.RED),
    (Level, 2, Level.HIGH),
    (Level, 2.0, Level.HIGH),
    (Shape, "WIDE", Shape.WIDE),
    (Access, 3, Access.READ | Access.WRITE),
    (Literal["a", 1] | None, 1, 1),
    (Literal[Colour.RED], "red", Colour.RED),
    (list[int], (1, 2.0), [1, 2]),
    (list, [1, "a"], [1, "a"]),
    (tuple[int, ...], [1, 2], (1, 2)),
    (tuple[int, str], [1, "a"], (1, "a")),
    (tuple[()], [], ()),
    (Sequence[int], [1], (1,)),
    (set[int], [1, 2, 2], {1, 2}),
    (frozenset[str], ["a"], frozenset("a")),
    (AbstractSet[int], [1], frozenset([1])),
    (deque[int], [1, 2], deque([1, 2])),
    (dict[str, int], {"a": 1}, {"a": 1}),
    (dict[int, str], {"1": "a", 2: "b"}, {1: "a", 2: "b"}),
    (dict[bool, int], {"true": 1}, {True: 1}),
    (dict[Colour, int], {"red": 1}, {Colour.RED: 1}),
    (dict[tuple[int, int], str], {"[1,2]": "a"}, {(1, 2): "a"}),
    (Mapping[str, int], {"a": 1}, {"a": 1}),
    (Counter[str], {"a": 2}, Counter({"a": 2})),
    (OrderedDict[str, int], {"a": 2}, OrderedDict(a=2)),
    (int | None, None, None),
    (int | str, "1", "1"),
    (int | str, 1, 1),
    (float | str, 1, 1.0),
    (bool | int, True, True),
    (bool | int, 1, 1),
    (Path | str, "x", "x"),
    (date | datetime, "2026-11-21T00:00:00+00:00", datetime(2026, 11, 21, tzinfo=UTC)),
    (list[int] | dict[str, int], {"a": 1}, {"a": 1}),
    (list[Layer] | None, [{"units": 1}], [Layer(1)]),
    (UserId, 4, UserId(4)),
    (Name, "n", Name("n")),
    (Final[int], 4, 4),
    (Annotated[int, "words"], 4, 4),
    (Point, [1], Point(1, 0.0)),
    (Point, [1, 2], Point(1, 2.0)),
    (Options, {"depth": 1, "other": 2}, {"depth": 1}),
    (Layer, {"units": 2}, Layer(2)),
    (Optimizer, {"rate": 1, "betas": [0, 1]}, Optimizer(1.0, (0.0, 1.0))),
    (Tree, {"value": 1, "children": [{"value": 2}]}, Tree(1, [Tree(2)])),
    (Box[str], {"content": "a", "spare": ["b"]}, Box("a", ["b"])),
    (Box[Layer], {"content": {"units": 1}}, Box(Layer(1))),
    (IntBox, {"content": 1, "label": "x"}, IntBox(1, [], "x")),
    (Box, {"content": {"any": "thing"}}, Box({"any": "thing"})),
]


@pytest.mark.parametrize(("wanted", "data", "made"), GOOD, ids=lambda value: str(value)[:40])
def test_good_data_is_taken(wanted, data, made):
    """Every supported type takes its JSON form, and the result is of the very type."""
    found = Schema().structure(data, wanted)
    assert found == made
    assert type(found) is type(made)


@pytest.mark.parametrize(("wanted", "made"), [(wanted, made) for wanted, _, made in GOOD], ids=str)
def test_values_already_made_pass(wanted, made):
    """A value that is of the wanted type already is taken as it is."""
    assert Schema().structure(made, wanted) == made


BAD: list[tuple[Any, Any, str]] = [
    (int, "3", "expected int, got str '3'"),
    (int, True, "expected int, got bool True"),
    (int, 3.5, "expected int, got float 3.5"),
    (int, None, "expected int, got None"),
    (int, float("nan"), "expected int, got float nan"),
    (float, "1.0", "expected float, got str '1.0'"),
    (float, False, "expected float, got bool False"),
    (float, 10**400, "expected float, got int 1000"),
    (bool, 1, "expected bool, got int 1"),
    (bool, "true", "expected bool, got str 'true'"),
    (str, 3, "expected str, got int 3"),
    (str, b"a", "expected str, got bytes b'a'"),
    (type(None), 0, "expected None, got int 0"),
    (bytes, "not base64!", "expected bytes (base64 text), got str 'not base64!'"),
    (Path, 3, "expected Path (text), got int 3"),
    (datetime, "yesterday", "expected datetime (ISO 8601 text), got str 'yesterday'"),
    (date, datetime(2026, 1, 1, tzinfo=UTC), "expected date (ISO 8601 text), got datetime.datetime"),
    (timedelta, "1 hour", "expected timedelta (seconds, or ISO 8601 text), got str '1 hour'"),
    (timedelta, "P", "expected timedelta"),
    (timedelta, 1e300, "expected timedelta"),
    (timedelta, True, "expected timedelta"),
    (UUID, "x", "expected UUID (text), got str 'x'"),
    (Decimal, "x", "expected Decimal (a number, or text), got str 'x'"),
    (Decimal, float("inf"), "expected Decimal"),
    (Colour, "rde", "expected one of 'red', 'blue', got str 'rde'; did you mean 'red'?"),
    (Colour, "RED", "expected one of 'red', 'blue', got str 'RED'"),
    (Level, True, "expected one of 1, 2, got bool True"),
    (Access, 8, "expected Access (the sum of its flags), got int 8"),
    (Access, True, "expected Access (the sum of its flags), got bool True"),
    (Literal["a", "b"], "c", "expected one of 'a', 'b', got str 'c'"),
    (Literal[1], True, "expected 1, got bool True"),
    (Literal[1], [], "expected 1, got list []"),
    (list[int], "12", "expected list[int], got str '12'"),
    (list[int], {"a": 1}, "expected list[int], got dict {'a': 1}"),
    (list, "ab", "expected list, got str 'ab'"),
    (set[int], 3, "expected set[int], got int 3"),
    (tuple[int, str], [1], "expected 2 items, got 1"),
    (tuple[()], [1], "expected 0 items, got 1"),
    (Point, [], "expected 1 to 2 items, got 0"),
    (Point, "ab", "expected Point, got str 'ab'"),
    (dict[str, int], [1], "expected dict[str, int], got list [1]"),
    (dict[int, int], {"a": 1}, "its key: expected int, got str 'a'"),
    (int | None, "a", "expected int or None, got str 'a'"),
    (int | str, [], "expected int or str, got list []"),
    (int | str, True, "expected int or str, got bool True"),
    (Layer, [], "expected Layer, got list []"),
    (Layer, "units", "expected Layer, got str 'units'"),
    (Optimizer, "rate", "expected Optimizer, got str 'rate'"),
    (Options, [], "expected Options, got list []"),
    (complex, 1, "expected complex (which cannot be made from data"),
]


@pytest.mark.parametrize(("wanted", "data", "message"), BAD, ids=lambda value: str(value)[:40])
def test_wrong_data_is_refused(wanted, data, message):
    """What is not of the wanted type is refused, and the message says what was expected and what was found."""
    with pytest.raises(ValidationError) as caught:
        Schema().structure(data, wanted)
    assert message in caught.value.issues[0].message


def test_collections_do_not_share_with_the_data():
    """A list or dict made is another than the one given, so that a later change of one does not reach the other."""
    given = {"a": [1]}
    made = Schema().structure(given, dict[str, list[int]])
    made["a"].append(2)
    assert given == {"a": [1]}


def test_defaultdict_keeps_its_factory():
    """A defaultdict makes its missing values as its annotation says."""
    made = Schema().structure({"a": [1]}, defaultdict[str, list[int]])
    assert made["a"] == [1]
    assert made["b"] == []


def test_no_model_takes_any_mapping():
    """None and dict stand for no model: any mapping passes, as a copy; anything else does not."""
    data = {"a": object}
    for model in (None, dict, dict[str, Any]):
        made = Schema().structure(data, model)
        assert made == data
        assert made is not data
        with pytest.raises(ValidationError, match=r"expected dict.*, got list \[\]"):
            Schema().structure([], model)  # type: ignore[arg-type]


def test_any_mapping_will_do_for_data():
    """Data need not be a dict."""
    assert Schema().structure(MappingProxyType({"units": 1}), Layer) == Layer(1)


def test_keys_are_the_names_of_arguments():
    """A private attribute is known by the name it has in ``__init__``, and an alias by the alias."""

    @attrs.define
    class Private:
        _depth: int
        width: int = attrs.field(alias="w")

    assert Schema().structure({"depth": 1, "w": 2}, Private) == Private(depth=1, w=2)
    assert Schema().unstructure(Private(depth=1, w=2)) == {"depth": 1, "w": 2}


def test_fields_without_init_are_left_alone():
    """A field the class fills in itself is neither taken nor wanted, and is not written."""

    @attrs.define
    class Square:
        side: int
        area: int = attrs.field(init=False)

        def __attrs_post_init__(self):
            self.area = self.side**2

    schema = Schema()
    made = schema.structure({"side": 3, "area": 1}, Square)
    assert made.area == 9
    assert schema.unstructure(made) == {"side": 3}


def sorted_layers(layers: list[Layer]) -> list[Layer]:
    return sorted(layers, key=lambda layer: layer.units)


def test_converters_of_fields_are_asked_where_the_type_does_not_fit():
    """An attrs converter runs on what the type took, and may take what the type does not."""

    @attrs.define
    class Params:
        rate: float = attrs.field(converter=float)
        layers: list[Layer] = attrs.field(converter=sorted_layers, factory=list)

    schema = Schema()
    data = {"rate": "0.5", "layers": [{"units": 2}, {"units": 1}]}
    assert schema.structure(data, Params) == Params(0.5, [Layer(1), Layer(2)])
    with pytest.raises(ValidationError, match="rate: expected float, got str 'fast'"):
        schema.structure({"rate": "fast"}, Params)
    with pytest.raises(ValidationError) as caught:
        schema.structure({"rate": "0.5", "layers": 3}, Params)
    assert [issue.path for issue in caught.value.issues] == ["layers"]


def test_converters_that_take_more_than_the_value():
    """Attrs' own Converter gets the instance and the field, as in a plain call; also while errors are explained."""

    def scaled(value: float, owner: Any, attribute: Any) -> float:
        return value * owner.factor if attribute.name == "rate" else value

    converter: Any = attrs.Converter(scaled, takes_self=True, takes_field=True)
    rate = attrs.field(type=float, converter=converter, validator=validators.le(10))
    Params = attrs.make_class("Params", {"factor": attrs.field(type=float), "rate": rate})  # noqa: N806

    schema = Schema()
    assert schema.structure({"factor": 2, "rate": 3}, Params).rate == 6
    with pytest.raises(ValidationError, match=r"rate: must be <= 10, got 12\.0"):
        schema.structure({"factor": 4, "rate": 3}, Params)


def test_annotations_as_text_keep_their_constraints():
    """``from __future__ import annotations`` takes nothing from dataclasses: Annotated still counts."""

    @dataclass
    class Params:
        epochs: Annotated[int, validators.ge(1)] = 1

    with pytest.raises(ValidationError, match="epochs: must be >= 1, got 0"):
        Schema().structure({"epochs": 0}, Params)


def test_models_inside_functions_may_contain_themselves():
    """A class can name itself wherever it is defined."""

    @dataclass
    class Node:
        value: int
        children: list[Node] = field(default_factory=list)

    @attrs.define
    class Leaf:
        value: int
        next: Leaf | None = None

    assert Schema().structure({"value": 1, "children": [{"value": 2}]}, Node) == Node(1, [Node(2)])
    assert Schema().structure({"value": 1, "next": {"value": 2}}, Leaf) == Leaf(1, Leaf(2))


def test_type_variables_stand_for_their_bound():
    """A generic model without arguments takes what its variables are bound to."""
    assert Schema().structure({"layer": {"units": 1}}, Stack) == Stack(Layer(1))
    with pytest.raises(ValidationError, match=r"layer\.units: is required \(int\)"):
        Schema().structure({"layer": {}}, Stack)


def test_a_name_that_cannot_be_found_is_told():
    """An annotation that names what is not there is an error that names the class and what to do."""

    @attrs.define
    class Broken:
        thing: Missing  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(
        SynapseError, match=r"fields of .*Broken cannot be read: name 'Missing' is not defined"
    ) as caught:
        Schema().structure({}, Broken)
    assert "importable at module level" in str(caught.value)


def test_structurer_gives_the_same():
    """`structurer` is `structure` for one model: same values, same errors."""
    schema = Schema()
    options: tuple[Any, ...] = ("ignore", "forbid")
    for extra in options:
        read = schema.structurer(Layer, subject="params", extra=extra)
        assert read({"units": 3}) == Layer(3)
        with pytest.raises(ValidationError) as caught:
            read({"units": "x", "depth": 1})
        with pytest.raises(ValidationError) as other:
            schema.structure({"units": "x", "depth": 1}, Layer, subject="params", extra=extra)
        assert str(caught.value) == str(other.value)


def test_many_threads_may_come_first():
    """A model that contains itself is ready for every thread at once, whoever is first."""
    schema, barrier = Schema(), Barrier(8)
    data = {"value": 1, "children": [{"value": 2, "children": []}]}
    made: list[Any] = []

    def run() -> None:
        barrier.wait()
        made.append(schema.structure(data, Tree))

    threads = [Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [Tree(1, [Tree(2)])] * 8


def test_the_default_schema_is_shared():
    """Whoever makes no schema shares one."""
    assert default_schema() is default_schema()


def test_handles_says_what_can_be_made():
    """Models and known types can be made from data, None stands for no model; other classes cannot."""
    schema = Schema()
    for wanted in (Layer, Optimizer, Options, Box[int], None, dict[str, int], int, Path, Layer | None):
        assert schema.handles(wanted), wanted
    for other in (complex, object.__subclasses__, Barrier):
        assert not schema.handles(other), other


@pytest.mark.parametrize("cls", [Layer, Optimizer, Options, Box[int], Tree])
def test_models_are_classes_with_fields(cls):
    """Attrs classes, dataclasses and TypedDicts are models, generic ones too."""
    assert Schema().is_model(cls)


@pytest.mark.parametrize("cls", [int, dict, dict[str, Any], None, Point, Colour, Layer(1), "Layer"])
def test_others_are_no_models(cls):
    """Scalars, dicts, tuples and instances are no models."""
    assert not Schema().is_model(cls)
