"""Values become JSON data, or an error says what in them does not."""

from __future__ import annotations

import enum
import json
from collections import Counter, OrderedDict, UserDict, deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypedDict, TypeVar
from uuid import UUID

import attrs
import numpy as np
import pytest

from synapse_core.errors import UnserializableError
from synapse_core.schema import Schema

T = TypeVar("T")


class Colour(enum.StrEnum):
    RED = "red"


class Point(NamedTuple):
    x: int
    y: int


class Table(TypedDict, total=False):
    rows: dict[int, str]


@attrs.frozen
class Item:
    path: Path
    sizes: dict[int, float] = attrs.Factory(dict)


@dataclass
class Bag:
    items: list[Item]
    table: Table | None = None


@attrs.define
class Box(Generic[T]):
    content: T


@attrs.define
class Holder:
    box: Box[dict[int, str]]


@attrs.define
class Tree:
    value: int
    children: list[Tree] = attrs.Factory(list)


@attrs.define
class Link:
    next: Any = None


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ({"a": 1, "b": [True, None, 0.5, "x"]}, {"a": 1, "b": [True, None, 0.5, "x"]}),
        ((1, 2), [1, 2]),
        ({"b", "a"}, ["a", "b"]),
        ({3, 1.5, 2}, [1.5, 2, 3]),
        (frozenset({Path("b"), Path("a")}), ["a", "b"]),
        ({Path(name) for name in "edcba"}, ["a", "b", "c", "d", "e"]),
        ({(2, "b"), (1, "c"), (1, "a")}, [[1, "a"], [1, "c"], [2, "b"]]),
        (deque([1]), [1]),
        (OrderedDict(a=1), {"a": 1}),
        (Counter("aa"), {"a": 2}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (UserDict(a=1), {"a": 1}),
        (b"\x00\xff", "AP8="),
        (Path("/a/b"), "/a/b"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (timedelta(seconds=90), 90.0),
        (timedelta.max, "P999999999DT86399.999999S"),
        (timedelta.min, "-P999999999DT0.000000S"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Decimal("0.10"), "0.10"),
        (Colour.RED, "red"),
        ({Colour.RED: Colour.RED}, {"red": "red"}),
        (Point(1, 2), [1, 2]),
        (np.float64(0.5), 0.5),
        (Item(Path("x"), {1: 0.5}), {"path": "x", "sizes": {"1": 0.5}}),
        (
            Bag([Item(Path("x"))], {"rows": {1: "a"}}),
            {"items": [{"path": "x", "sizes": {}}], "table": {"rows": {"1": "a"}}},
        ),
        (Holder(Box({1: "a"})), {"box": {"content": {"1": "a"}}}),
        ({"deep": {"model": Item(Path("x"))}}, {"deep": {"model": {"path": "x", "sizes": {}}}}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_values_become_json_data(value, data):
    """Models, collections and scalars become plain JSON data."""
    made = Schema().unstructure(value)
    assert made == data
    assert json.loads(json.dumps(made, allow_nan=False)) == made


def test_what_is_made_is_a_copy():
    """A later change of the value does not reach the data."""
    value: dict[str, Any] = {"a": [1], "b": {"c": 1}}
    data = Schema().unstructure(value)
    value["a"].append(2)
    value["b"]["c"] = 2
    assert data == {"a": [1], "b": {"c": 1}}


def wrong(value: Any) -> dict[str, str]:
    with pytest.raises(UnserializableError) as caught:
        Schema().unstructure(value, subject="result")
    assert str(caught.value).startswith("result: ")
    return {issue.path: issue.message for issue in caught.value.issues}


class Broken:
    @property
    def shape(self) -> Any:
        raise RuntimeError


def test_everything_that_is_no_json_is_named_at_once():
    """Every place is told, with its type, and where such things belong."""
    value = {"fn": wrong, "rows": [1, object(), {"x": complex(1)}], "item": Item(Path("a"), {1: float("nan")})}
    with pytest.raises(UnserializableError) as caught:
        Schema().unstructure(value)
    assert {issue.path: issue.found for issue in caught.value.issues} == {
        "fn": "function",
        "rows[1]": "object",
        "rows[2].x": "complex",
        "item.sizes.1": "float",
    }
    assert "save it as a file under ctx.work_dir" in str(caught.value)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_has_not(number):
    """NaN and the infinities are refused, alone and in lists, and files are not what is advised."""
    for value in (number, {"a": number}, [number], [[1.0, number]]):
        assert all("which JSON has no number for" in message for message in wrong(value).values())
    with pytest.raises(UnserializableError) as caught:
        Schema().unstructure(number)
    assert caught.value.hint is None


def test_ints_that_no_json_reader_takes():
    """An int of thousands of digits is refused."""
    assert "more than 300 digits" in wrong({"a": [10**400]})["a[0]"]


def test_numpy_is_told_of_by_name():
    """Arrays belong into files; a scalar has an ``item()``."""
    told = wrong({"a": np.zeros((2, 3)), "b": np.int64(3), "c": np.float32(1)})
    assert told["a"] == "is a numpy.ndarray of shape (2, 3), no JSON data"
    assert told["b"] == "is a numpy.int64, no JSON data; value.item() is"
    assert told["c"].endswith("value.item() is")


def test_keys_have_to_be_text():
    """An int key is refused where no model says that it can be read back."""
    assert "has a key of type int" in wrong({"a": {1: 2}})["a"]
    assert Schema().unstructure(Item(Path("x"), {1: 2.0}))["sizes"] == {"1": 2.0}


def test_keys_that_are_the_same_as_text():
    """Two keys that JSON could not tell apart are refused."""

    @attrs.define
    class Mixed:
        keys: dict[float | int, int]

    sizes: Any = {1: 1.0, "1": 2.0}
    assert wrong(Item(Path("x"), sizes))
    assert Schema().unstructure(Mixed({1: 1, 2.5: 2})) == {"keys": {"1": 1, "2.5": 2}}


def test_cycles_are_found():
    """A value that contains itself is refused at the place where it does, through lists, dicts and models."""
    loop: list[Any] = []
    loop.append({"again": loop})
    assert wrong({"a": loop}) == {"a[0].again": "refers back to itself"}
    link = Link()
    link.next = link
    assert wrong([link]) == {"[0].next": "refers back to itself"}


def test_values_nested_without_end():
    """A value that is nested too deeply is refused; one that is nested deeply is not."""
    deep: Any = 0
    for _ in range(150):
        deep = [deep]
    assert Schema().unstructure(deep) == deep
    for _ in range(5_000):
        deep = [deep]
    (message,) = wrong(deep).values()
    assert message == "is nested more than 200 deep"
    chain: Any = None
    for _ in range(5_000):
        chain = Link(chain)
    assert list(wrong(chain).values()) == ["is nested more than 200 deep"]


def test_what_is_written_can_be_read():
    """The deepest model that is written can be read back."""
    tree = Tree(0)
    for _ in range(99):
        tree = Tree(1, [tree])
    schema = Schema()
    assert schema.structure(json.loads(json.dumps(schema.unstructure(tree))), Tree) == tree
    with pytest.raises(UnserializableError):
        schema.unstructure(Tree(1, [Tree(2, [tree])]))


def test_values_that_break_when_they_are_read():
    """Whatever a value raises while it is read becomes the one error."""

    class BadMapping(UserDict):  # type: ignore[type-arg]
        def keys(self) -> Any:
            raise RuntimeError("gone")

    @attrs.define
    class Unset:
        value: int = attrs.field(init=True)

    unset = Unset.__new__(Unset)
    assert wrong({"a": BadMapping(b=1)})["a"] == "cannot be written as JSON data: RuntimeError: gone"
    assert wrong({"a": unset})["a"].startswith("cannot be written as JSON data: AttributeError")
    assert wrong({"a": Broken()})["a"].startswith("is a tests.Broken")


def test_very_many_wrong_values_make_a_short_error():
    """The first hundred are told."""
    assert len(wrong([wrong] * 100_000)) == 101


@attrs.define
class Metrics:
    loss: float
    path: Path


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ({"a": Path("x")}, {"a": "x"}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (Metrics(0.5, Path("x")), {"loss": 0.5, "path": "x"}),
        (Bag([]), {"items": [], "table": None}),
        (None, None),
        ([{"a": 1}], None),
        ("abc", None),
        (Point(1, 2), None),
        (object(), None),
    ],
    ids=str,
)
def test_only_mappings_and_models_merge(value, fields):
    """`merged` gives the fields of mappings and models as JSON data, and None for anything else."""
    schema = Schema()
    data = {"some": "data"} if fields is None else schema.unstructure(value)
    assert schema.merged(value, data) == fields


def test_fields_that_do_not_survive_do_not_merge():
    """A mapping with something in it that is no JSON data is an error that names the subject."""
    with pytest.raises(UnserializableError, match=r"result of 'train': 1 wrong field\n  fn: is a function"):
        Schema().unstructure({"fn": wrong}, subject="result of 'train'")
