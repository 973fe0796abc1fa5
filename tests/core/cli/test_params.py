"""``-p key=value``: text becomes what the action's model wants."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.cli.params import Wanted, read_params
from synapse_core.errors import SynapseError, ValidationError
from synapse_core.schema import Schema, Secret


class Colour(enum.Enum):
    RED = "red"


@attrs.frozen
class Layer:
    units: int = 1
    kind: str | None = None


@attrs.frozen
class Params:
    count: int
    rate: float = 0.1
    name: str = ""
    flag: bool = False
    path: Path = Path()
    colour: Colour = Colour.RED
    layer: Layer = Layer()
    maybe: Layer | None = None
    marked: Annotated[Layer, "marked"] = Layer()
    layers: list[Layer] = attrs.field(factory=list)
    table: Mapping[str, int] = attrs.field(factory=dict)
    anything: Any = None
    converted: tuple[str, ...] = attrs.field(default=(), converter=tuple)


@attrs.frozen
class Other:
    count: str
    more: list[int] = attrs.field(factory=list)


@attrs.frozen
class Hidden:
    pin: Annotated[int, Secret()] = 0
    keys: dict[str, int] = attrs.field(factory=dict, metadata={"secret": True})


@attrs.frozen
class Locks:
    door: Hidden = attrs.field(factory=Hidden)
    more: list[Hidden] = attrs.field(factory=list)
    within: Locks | None = None


WANTED = Wanted(Schema(), (Params,))


def read(*pairs: str, wanted: Wanted = WANTED) -> dict[str, Any]:
    return read_params(pairs, None, wanted)


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("count=3", {"count": 3}),
        ("rate=1e-3", {"rate": 0.001}),
        ("rate=3", {"rate": 3.0}),
        ("name=3", {"name": "3"}),
        ("name=a=b", {"name": "a=b"}),
        ("name=", {"name": ""}),
        ("flag=yes", {"flag": True}),
        ("path=x/y", {"path": "x/y"}),
        ("colour=red", {"colour": "red"}),
        ("layer.units=64", {"layer": {"units": 64}}),
        ("layer.kind=12", {"layer": {"kind": "12"}}),
        ("maybe.units=64", {"maybe": {"units": 64}}),
        ("marked.units=64", {"marked": {"units": 64}}),
        ('layers=[{"units": 2}]', {"layers": [{"units": 2}]}),
        ("table.a=5", {"table": {"a": 5}}),
        ("anything=[1, 2]", {"anything": [1, 2]}),
        ("anything=text", {"anything": "text"}),
        ('converted=["a"]', {"converted": ["a"]}),
        ("unknown=5", {"unknown": 5}),
        ("unknown.deep=x", {"unknown": {"deep": "x"}}),
    ],
)
def test_values_are_read_as_the_field_wants_them(pair: str, value: dict[str, Any]) -> None:
    """Numbers, booleans, text that looks like a number, nested fields, JSON; unknown keys as JSON or text."""
    assert read(pair) == value


def test_several_pairs_meet_in_one_model() -> None:
    """Keys that reach into the same field are put together; the last one of a key counts."""
    pairs = ("layer.units=1", "layer.kind=relu", "layer.units=2", "count=1")
    assert read(*pairs) == {"layer": {"units": 2, "kind": "relu"}, "count": 1}


def test_all_that_is_wrong_is_told_at_once() -> None:
    """Each wrong value by its key."""
    with pytest.raises(ValidationError) as caught:
        read("count=many", "layer.units=x", "rate=0.5")
    assert [issue.path for issue in caught.value.issues] == ["count", "layer.units"]


def test_what_else_is_wrong_is_told_beside_it() -> None:
    """A value that cannot be read hides neither a name nobody knows nor one that is missing; it is told once."""

    def check(params: Mapping[str, Any]) -> None:
        WANTED.schema.structure(params, Params, extra="forbid")

    with pytest.raises(ValidationError) as caught:
        read_params(["flag=maybe", "layers=x", "rats=1"], None, WANTED, check)
    assert [issue.path for issue in caught.value.issues] == ["flag", "layers", "rats", "count"]
    assert "flag: expected bool (true or false), got 'maybe'" in str(caught.value)


@pytest.mark.parametrize(
    "pair",
    [
        "pin=hunter2",
        "keys.a=hunter2",
        "keys=[hunter2",
        'door={"pin": hunter2}',
        'more=[{"pin": hunter2}]',
        'within.door={"pin": hunter2}',
        'within={"door": hunter2}',
    ],
)
def test_a_secret_that_cannot_be_read_is_not_shown(pair: str) -> None:
    """Its name and the type wanted are, as in any message of it; however deep it stands in what was typed."""
    with pytest.raises(ValidationError, match=r"expected .*, got str") as caught:
        read(pair, wanted=Wanted(Schema(), (Hidden, Locks)))
    assert "hunter2" not in repr((caught.value, caught.value.issues))


def test_actions_that_want_different_types() -> None:
    """In a pipeline a value is read as the first action takes it that can."""
    wanted = Wanted(Schema(), (Params, Other))
    assert read("count=3", "more=[1]", wanted=wanted) == {"count": 3, "more": [1]}
    assert read("count=three", wanted=wanted) == {"count": "three"}


def test_a_list_to_fan_out_over_is_a_list() -> None:
    """What a node with ``each`` runs over is JSON, whatever type its instances want an item to be."""
    wanted = Wanted(Schema(), (Params,), frozenset({"name"}))
    assert read('name=["a", "b"]', wanted=wanted) == {"name": ["a", "b"]}


def test_a_key_inside_a_value_is_an_error() -> None:
    """There is nothing inside a number."""
    with pytest.raises(SynapseError, match="'count' is 3, which has nothing inside"):
        read("count=3", "count.x=1")


def test_typed_params_go_over_those_of_a_file(tmp_path: Path) -> None:
    """Beside what is not typed, in nested models too."""
    file = tmp_path / "p.yaml"
    file.write_text("count: 1\nlayer:\n  units: 1\n  kind: relu\n")
    params = read_params(["layer.units=2"], str(file), WANTED)
    assert params == {"count": 1, "layer": {"units": 2, "kind": "relu"}}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("p.json", "{", "p.json"),
        ("p.json", "[1]", "expected keys with values, got list"),
        ("p.yaml", "a: [", "p.yaml"),
        ("p.toml", "a = ", "p.toml"),
        ("p.yaml", "", "got nothing"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, text: str, said: str) -> None:
    """The file is named, and what is wrong with it, on one line."""
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(SynapseError, match="--params") as caught:
        read_params([], str(file), WANTED)
    assert said in str(caught.value)
    assert "\n" not in caught.value.message


@given(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(), st.booleans())
def test_what_is_written_is_read_back(count: int, rate: float, name: str, flag: bool) -> None:
    """Any value comes through the command line as it is."""
    params = read(f"count={count}", f"rate={rate!r}", f"name={name}", f"flag={flag}")
    made = Schema().structure(params, Params)
    assert (made.count, made.rate, made.name, made.flag) == (count, rate, name, flag)
