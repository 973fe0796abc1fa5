"""A plugin teaches a kind of model by an adapter, and single types by hooks on the converter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
import pytest
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
from cattrs.strategies import include_subclasses
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from synapse_core.errors import FieldIssue, ValidationError
from synapse_core.schema import Field, ModelAdapter, Schema


class Record:
    """The third kind of model: a class whose ``columns`` say its fields."""

    columns: ClassVar[dict[str, type]] = {}
    secret: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, **values: Any) -> None:
        self.values = values

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.values == self.values

    def __hash__(self) -> int:
        return id(self)


class User(Record):
    columns: ClassVar[dict[str, type]] = {"name": str, "age": int}
    secret: ClassVar[frozenset[str]] = frozenset({"age"})


class RecordAdapter:
    """What a plugin would give by the hook."""

    def handles(self, cls: type) -> bool:
        return issubclass(cls, Record)

    def structure(self, data: Mapping[str, Any], cls: Any) -> Any:
        issues = [
            FieldIssue(name, f"is no {wanted.__name__}: {data.get(name)!r}", wanted=wanted.__name__)
            for name, wanted in cls.columns.items()
            if type(data.get(name)) is not wanted
        ]
        if issues:
            raise ValidationError(cls.__name__, issues)
        return cls(**{name: data[name] for name in cls.columns})

    def unstructure(self, obj: Any) -> Any:
        return obj.values

    def fields(self, cls: Any) -> tuple[Field, ...]:
        return tuple(Field(name, wanted, secret=name in cls.secret) for name, wanted in cls.columns.items())

    def json_schema(self, cls: Any) -> dict[str, Any]:
        types = {str: "string", int: "integer"}
        properties = {name: {"$ref": f"#/$defs/{types[wanted]}"} for name, wanted in cls.columns.items()}
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": properties | {"parent": {"$ref": "#"}},
            "$defs": {name: {"type": name} for name in types.values()},
        }


@attrs.frozen
class Team:
    lead: User
    others: list[User] = attrs.Factory(list)
    guest: User | None = None


@pytest.fixture
def schema() -> Schema:
    return Schema(adapters=[RecordAdapter()])


def test_an_adapter_keeps_the_protocol():
    """The protocol can be checked at run time."""
    assert isinstance(RecordAdapter(), ModelAdapter)


def test_a_third_kind_of_model_by_itself_and_nested(schema):
    """Classes an adapter handles are models, alone and as fields of others, both ways."""
    user = {"name": "a", "age": 1}
    assert schema.is_model(User)
    assert schema.structure(user, User) == User(**user)
    team = schema.structure({"lead": user, "others": [user], "guest": user}, Team)
    assert team == Team(User(**user), [User(**user)], User(**user))
    assert schema.unstructure(team) == {"lead": user, "others": [user], "guest": user}
    assert schema.merged(User(**user), schema.unstructure(User(**user))) == user
    assert [field.name for field in schema.fields(User)] == ["name", "age"]


def test_without_the_adapter_it_is_no_model():
    """A schema knows only the adapters it was given."""
    assert not Schema().is_model(User)
    with pytest.raises(ValidationError, match=r"lead: expected User .*cannot be made from data"):
        Schema().structure({"lead": {"name": "a", "age": 1}}, Team)


def test_its_errors_are_told_at_their_places(schema):
    """An adapter's issues come with all the others, under the path where its model stands; its secrets are kept."""
    with pytest.raises(ValidationError) as caught:
        schema.structure({"lead": {"name": 1, "age": "old"}, "others": 3, "guest": []}, Team)
    assert [(issue.path, issue.message) for issue in caught.value.issues] == [
        ("lead.name", "is no str: 1"),
        ("lead.age", "is not valid"),
        ("others", "expected list[User], got int 3"),
        ("guest", "expected User or None, got list []"),
    ]


def test_unknown_keys_of_a_third_kind(schema):
    """Unknown keys are found by the adapter's fields."""
    data = {"name": "a", "age": 1, "nam": 2}
    assert schema.structure(data, User) == User(name="a", age=1)
    with pytest.raises(ValidationError, match="nam: no field 'nam'; did you mean 'name'"):
        schema.structure(data, User, extra="forbid")


def test_its_json_schema_is_part_of_ours(schema):
    """An adapter's definitions move into ours, under names that are free, and references follow."""
    described = schema.json_schema(Team)
    Draft202012Validator.check_schema(described)
    validator = Draft202012Validator(described)
    good = {"name": "a", "age": 1}
    assert validator.is_valid({"lead": {**good, "parent": good}})
    assert not validator.is_valid({"lead": {**good, "parent": {"name": 3}}})
    assert not validator.is_valid({"lead": good, "others": [{"age": "old"}]})


def test_its_fields_make_a_form(schema):
    """A form needs only the adapter's fields."""
    (lead, *_) = schema.ui_schema(Team)
    assert lead["$formkit"] == "group"
    assert [child["$formkit"] for child in lead["children"]] == ["text", "password"]


class Money:
    def __init__(self, cents: int) -> None:
        self.cents = cents

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and other.cents == self.cents

    def __hash__(self) -> int:
        return self.cents


@attrs.frozen
class Price:
    amount: Money
    history: list[Money] = attrs.Factory(list)


def configure(converter: Converter) -> None:
    @converter.register_structure_hook
    def read(value: Any, _: Any) -> Money:
        return Money(converter.structure(value, int))

    @converter.register_unstructure_hook
    def write(value: Money) -> int:
        return value.cents


def test_hooks_for_a_type_of_ones_own():
    """A type that hooks were given for can be a field and a value; what the hooks call is as strict as the rest."""
    schema = Schema(configure=[configure])
    price = schema.structure({"amount": 5, "history": [1]}, Price)
    assert price == Price(Money(5), [Money(1)])
    assert schema.unstructure(price) == {"amount": 5, "history": [1]}
    assert schema.handles(Money)
    assert not Schema().handles(Money)
    with pytest.raises(ValidationError) as caught:
        schema.structure({"amount": "5", "history": [True]}, Price)
    assert [(issue.path, issue.message) for issue in caught.value.issues] == [
        ("amount", "expected int, got str '5'"),
        ("history[0]", "expected int, got bool True"),
    ]


class Euros(Money):
    pass


def test_a_hook_for_a_class_is_one_for_its_subclasses():
    """As with cattrs, what was registered for a class takes its subclasses too, both ways."""
    schema = Schema(configure=[configure])
    assert schema.unstructure([Euros(3)]) == [3]
    assert schema.structure([3], list[Euros]) == [Money(3)]  # type: ignore[arg-type]


@attrs.frozen
class Renamed:
    size: int


def rename(converter: Converter) -> None:
    options: Any = {"size": override(rename="Size")}
    converter.register_structure_hook(Renamed, make_dict_structure_fn(Renamed, converter, **options))
    converter.register_unstructure_hook(Renamed, make_dict_unstructure_fn(Renamed, converter, **options))


def test_hooks_for_a_model():
    """A model may be given hooks of cattrs' own making; errors they raise as groups are taken apart."""
    schema = Schema(configure=[rename])
    assert schema.structure({"sizes": [{"Size": 1}]}, dict[str, list[Renamed]]) == {"sizes": [Renamed(1)]}
    assert schema.unstructure([Renamed(1)]) == [{"Size": 1}]
    with pytest.raises(ValidationError) as caught:
        schema.structure({"sizes": [{"Size": "x"}]}, dict[str, list[Renamed]])
    assert [(i.path, i.message) for i in caught.value.issues] == [("sizes[0].size", "expected int, got str 'x'")]


@attrs.frozen
class Base:
    a: int


@attrs.frozen
class Derived(Base):
    b: int


def test_strategies_of_cattrs():
    """Strategies register through the same methods, so they work as well."""
    schema = Schema(configure=[lambda converter: include_subclasses(Base, converter)])
    assert schema.structure([{"a": 1, "b": 2}, {"a": 1}], list[Base]) == [Derived(1, 2), Base(1)]  # type: ignore[arg-type]
    assert schema.unstructure([Derived(1, 2)]) == [{"a": 1, "b": 2}]


def test_schemas_do_not_share_hooks():
    """What one session's plugins register is not there for another's."""
    one, other = Schema(configure=[configure]), Schema()
    assert one.structure({"amount": 5}, Price) == Price(Money(5))
    with pytest.raises(ValidationError):
        other.structure({"amount": 5}, Price)
