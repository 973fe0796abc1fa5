"""Every wrong field is named at once, where it is, what it is, and what it should be; secrets are never shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict

import attrs
import pytest
from attrs import validators

from synapse_core.errors import FieldIssue, ValidationError
from synapse_core.schema import Schema, Secret


@attrs.frozen
class Layer:
    units: int = attrs.field(validator=validators.ge(1))
    kind: str = attrs.field(default="dense", validator=validators.in_(["dense", "conv"]))


@attrs.frozen
class Params:
    epochs: int = attrs.field(validator=[validators.ge(1), validators.le(1024)])
    layers: list[Layer]
    names: dict[str, Layer] = attrs.Factory(dict)
    rate: Annotated[float, validators.gt(0)] = 0.1
    tags: list[str] = attrs.field(factory=list, validator=validators.deep_iterable(validators.min_len(2)))
    note: str | None = attrs.field(default=None, validator=validators.optional(validators.matches_re("[a-z]+")))


def wrong(data: Any, model: Any = Params, **options: Any) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        Schema().structure(data, model, **options)
    issues = {issue.path: issue.message for issue in caught.value.issues}
    assert len(issues) == len(caught.value.issues)
    return issues


def test_all_at_once():
    """Types, missing fields and broken rules, at every depth, come in one error."""
    data = {
        "layers": [{"units": 0}, {"kind": "dense"}, "x", {"units": "a", "kind": "dens"}],
        "names": {"a b": {"units": 1.5}},
        "rate": -1,
        "tags": ["ok", "x"],
        "note": "ABC",
    }
    assert wrong(data) == {
        "epochs": "is required (int)",
        "layers[0].units": "must be >= 1, got 0",
        "layers[1].units": "is required (int)",
        "layers[2]": "expected Layer, got str 'x'",
        "layers[3].units": "expected int, got str 'a'",
        "layers[3].kind": "must be one of 'dense', 'conv', got 'dens'",
        "names['a b'].units": "expected int, got float 1.5",
        "rate": "must be > 0, got -1.0",
        "tags[1]": "must have at least 2 characters, got 1",
        "note": "must match '[a-z]+', got 'ABC'",
    }


def test_issues_carry_the_types():
    """An issue has the type found and the type wanted, for programs; the text has the subject, for people."""
    with pytest.raises(ValidationError) as caught:
        Schema().structure({"epochs": "3", "layers": []}, Params, subject="params of action 'train'")
    assert caught.value.issues == (FieldIssue("epochs", "expected int, got str '3'", "str", "int"),)
    assert str(caught.value) == "params of action 'train': 1 wrong field\n  epochs: expected int, got str '3'"


def test_unknown_keys_are_ignored_or_named():
    """Unknown keys are left out; where they are forbidden each is wrong, at any depth, with the nearest known name."""
    data = {"epochs": 1, "layers": [{"units": 1, "knid": "dense"}], "laers": 1}
    assert Schema().structure(data, Params) == Params(1, [Layer(1)])
    issues = wrong(data, extra="forbid")
    assert issues["laers"].startswith("no field 'laers'; did you mean 'layers'?")
    assert issues["layers[0].knid"].startswith("no field 'knid'; did you mean 'kind'?")


def test_a_missing_field_sees_its_misspelling():
    """A required field that is missing names the key that may have been meant."""
    assert wrong({"epoch": 1, "layers": []}) == {"epochs": "is required (int); is 'epoch' meant to be it?"}


def test_nothing_is_shown_at_length():
    """A huge value is shown short, whatever its type."""
    for value in ("x" * 10**6, ["y" * 1000] * 10**5, {f"k{i}": "z" * 100 for i in range(10**4)}, 10**5000):
        (message,) = wrong({"value": value}, Single).values()
        assert len(message) < 200


@attrs.frozen
class Single:
    value: bool


def test_a_value_that_cannot_be_shown():
    """A value whose repr raises is still told of."""

    class Unshowable:
        def __repr__(self) -> str:
            raise RuntimeError

    assert wrong({"value": Unshowable()}, Single)["value"].startswith("expected bool, got tests.Unshowable <Unshow")


def test_a_million_wrong_items_make_a_short_error():
    """Of very many wrong fields the first hundred are told."""
    with pytest.raises(ValidationError) as caught:
        Schema().structure({"a": ["x"] * 10**6}, dict[str, list[int]])
    assert len(caught.value.issues) == 101
    assert "not shown" in str(caught.value)


@attrs.frozen
class Login:
    user: str
    token: str = attrs.field(metadata={"secret": True}, validator=validators.min_len(8))
    pins: Annotated[list[int], Secret()] = attrs.Factory(list)

    def __attrs_post_init__(self) -> None:
        if self.user == "nobody":
            raise ValueError(f"{self.token} is not nobody's")


@attrs.frozen
class Outer:
    login: Login | None

    def __attrs_post_init__(self) -> None:
        raise ValueError(f"no good: {self.login}")


@dataclass
class Account:
    key: int = field(metadata={"secret": True})


class Keys(TypedDict):
    key: Annotated[int, Secret]


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (Login, {"user": "a", "token": 12345678}),
        (Login, {"user": "a", "token": "1234567"}),
        (Login, {"user": "a", "token": ["12345678"]}),
        (Login, {"user": "a", "token": "abcdefgh", "pins": ["12345678"]}),
        (Login, {"user": "nobody", "token": "12345678"}),
        (Account, {"key": "12345678"}),
        (Keys, {"key": "12345678"}),
        (list[Account], [{"key": "12345678"}]),
        (Outer, {"login": {"user": "a", "token": "12345678"}}),
        (Outer, {"login": Login("a", "12345678")}),
        (Outer | None, {"login": {"user": "a", "token": "abcdefgh", "pins": [12345678]}}),
        (Outer, {"login": {"user": "a", "token": "12345678\n"}}),
        (dict[str, Outer], {"x": {"login": {"user": "a", "token": "12345678"}}}),
    ],
)
def test_secrets_are_never_shown(model, data):
    """No message has any part of a secret field's value, whatever is wrong with it or with the model."""
    with pytest.raises(ValidationError) as caught:
        Schema().structure(data, model)
    assert "1234567" not in str(caught.value)
    assert caught.value.issues
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


def test_secrets_still_say_what_is_wrong():
    """Of a secret the type found and wanted are told."""
    assert wrong({"user": "a", "token": 1}, Login) == {"token": "expected str, got int"}


def test_secret_defaults_are_not_in_a_fields_repr():
    """Printing fields shows no defaults."""
    model = attrs.make_class("C", {"p": attrs.field(type=str, default="hunter2")})
    assert "hunter2" not in repr(Schema().fields(model))


@attrs.define
class Range:
    low: int
    high: int = attrs.field()

    @high.validator
    def _above(self, attribute: Any, value: int) -> None:
        if value < self.low:
            raise ValueError("must be above low")


def test_a_models_own_validators_speak():
    """A validator that looks at other fields says what it says, at its field."""
    assert wrong({"low": 3, "high": 1}, Range) == {"high": "must be above low"}
    assert wrong({"low": "x", "high": 1}, Range) == {"low": "expected int, got str 'x'"}


def test_what_the_model_itself_raises_is_told():
    """An error of ``__attrs_post_init__`` or ``__post_init__`` is one at the model."""

    @dataclass
    class Even:
        number: int

        def __post_init__(self) -> None:
            if self.number % 2:
                raise ValueError("the number is odd")

    assert wrong(
        {"evens": [{"number": 2}, {"number": 3}]}, attrs.make_class("Evens", {"evens": attrs.field(type=list[Even])})
    ) == {"evens[1]": "the number is odd"}


def test_every_validator_of_attrs_is_understood():
    """Each of attrs' validators breaks with its own words at its own place."""

    @attrs.define
    class All:
        a: int = attrs.field(default=1, validator=validators.lt(5))
        b: Any = attrs.field(default="", validator=validators.instance_of(str))
        c: dict[str, int] = attrs.field(
            factory=dict, validator=validators.deep_mapping(validators.max_len(2), validators.le(3))
        )
        d: int = attrs.field(default=1, validator=validators.not_(validators.in_([3])))
        e: int = attrs.field(default=1, validator=validators.or_(validators.in_([1]), validators.ge(10)))
        f: list[int] = attrs.field(factory=list, validator=validators.max_len(1))

    data = {"a": 5, "b": 2, "c": {"key": 4}, "d": 3, "e": 5, "f": [1, 2]}
    with pytest.raises(ValidationError) as caught:
        Schema().structure(data, All)
    told = [(issue.path, issue.message) for issue in caught.value.issues]
    assert ("a", "must be < 5, got 5") in told
    assert ("b", "must be str, got 2") in told
    assert ("c.key", "must have at most 2 characters, got 3") in told
    assert ("c.key", "must be <= 3, got 4") in told
    assert {"d", "e"} <= {path for path, _ in told}
    assert ("f", "must have at most 1 items, got 2") in told


def test_constraints_of_annotated_types_are_kept():
    """Objects of the shape of annotated-types count in Annotated, wherever it stands in the type."""

    @attrs.frozen
    class Interval:
        ge: float | None = None
        lt: float | None = None
        multiple_of: float | None = None
        max_length: int | None = None

    sizes = list[Annotated[int, Interval(ge=8, lt=64, multiple_of=8)]]
    assert wrong([0, 12, 64, 16], sizes) == {
        "[0]": "must be >= 8, got 0",
        "[1]": "must be a multiple of 8, got 12",
        "[2]": "must be < 64, got 64",
    }
    assert wrong("abc", Annotated[str, Interval(max_length=2)]) == {"": "must have at most 2 characters, got 3"}


def test_a_long_path_is_shown_short():
    """The path of something wrong very deep inside has a beginning and an end."""
    data: dict[str, Any] = {"value": "x"}
    for _ in range(50):
        data = {"value": 1, "children": [data]}
    assert list(wrong(data, Node)) == ["children[0].children[0]....[0].value"]


def test_data_that_is_nested_without_end():
    """Data that contains itself is an error, not a crash."""
    data: dict[str, Any] = {"value": 1}
    data["children"] = [data]
    with pytest.raises(ValidationError, match="nested too deeply"):
        Schema().structure(data, Node)


@attrs.define
class Node:
    value: int
    children: list[Node] = attrs.Factory(list)


@attrs.define
class Fussy:
    value: int
    children: list[Fussy] = attrs.Factory(list)

    def __attrs_post_init__(self) -> None:
        raise ValueError("fussy")


def test_words_of_others_about_endless_data():
    """Where it cannot be seen whether a message repeats a secret, the message is left out."""
    data: dict[str, Any] = {"value": 1, "children": [{"value": 2}]}
    data["children"].append(data)
    with pytest.raises(ValidationError) as caught:
        Schema().structure(data, Fussy)
    assert "is not valid" in str(caught.value)
    assert "fussy" not in str(caught.value)
