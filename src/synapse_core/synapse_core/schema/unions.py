"""Hooks for unions: which of several types a piece of data is meant to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from synapse_core.schema.codecs import codec_of, enum_form, literal_form, scalar_key
from synapse_core.schema.containers import Hooks
from synapse_core.schema.generics import origin_of
from synapse_core.schema.kinds import Kind, classify
from synapse_core.schema.names import type_name
from synapse_core.schema.problems import Problem, Problems, attempt, mismatch
from synapse_core.schema.registry import Models
from synapse_core.schema.scalars import Hook

TAG = "_type"
"""The key that names the class where nothing else tells which model of a union is meant."""

_JSON = (type(None), bool, int, float, str, list, dict)
_NATIVE = {str: Kind.STR, int: Kind.INT, float: Kind.FLOAT, list: Kind.SEQUENCE}
_SHAPES: dict[Kind, tuple[str, ...]] = {
    Kind.NONE: ("null",),
    Kind.BOOL: ("boolean",),
    Kind.INT: ("number",),
    Kind.FLOAT: ("number",),
    Kind.STR: ("string",),
    Kind.SEQUENCE: ("array",),
    Kind.TUPLE: ("array",),
    Kind.RECORD: ("array",),
    Kind.SET: ("array",),
    Kind.MAPPING: ("object",),
}
_EVERY = ("null", "boolean", "number", "string", "array", "object")
_OF_TYPES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (type(None), "null"),
    (bool, "boolean"),
    ((int, float), "number"),
    (str, "string"),
    ((list, tuple, set, frozenset), "array"),
    (Mapping, "object"),
)


def shape_of(value: Any) -> str:
    """The JSON type of a value, or nothing."""
    return next((shape for types, shape in _OF_TYPES if isinstance(value, types)), "")


def shapes_of(wanted: Any, models: Models) -> tuple[str, ...]:
    """The JSON types of the data a type is made of."""
    shape = classify(wanted)
    if shape.kind is Kind.ENUM:
        return tuple(shape_of(form) for form in enum_form(shape.type).forms.values())
    if shape.kind is Kind.LITERAL:
        return tuple(shape_of(literal_form(value)) for value in shape.args)
    if shape.kind is Kind.CODED:
        codec = codec_of(shape.type)
        return tuple(shape_of(kind()) for kind in codec.takes) if codec else ()
    if shape.kind is Kind.CLASS and models.is_model(shape.type):
        return ("object",)
    return _SHAPES.get(shape.kind, _EVERY)


@frozen
class Member:
    """One type of a union."""

    wanted: Any
    hook: Hook
    kind: Kind
    shapes: tuple[str, ...]
    model: bool

    def is_exact(self, value: Any) -> bool:
        """Whether the value is of the type already, or is the plain JSON of it."""
        return type(value) is origin_of(classify(self.wanted).type) or _NATIVE.get(type(value)) is self.kind


def union_hook(hooks: Hooks, models: Models, args: tuple[Any, ...]) -> Hook:
    """For a union of ``args``.

    A value that is exactly of one type is taken as that; else only the types that are made of its kind of JSON come
    in question, in the order they are declared; of models, the one whose fields fit best.
    """
    members = [_member(hooks, models, arg) for arg in args]
    name = " or ".join(dict.fromkeys(type_name(arg) for arg in args))
    direct = {cls: member for cls in _JSON if (member := _only(members, cls)) is not None}

    def read_union(value: Any, _: Any) -> Any:
        member = direct.get(type(value))
        if member is not None:
            return member.hook(value, member.wanted)
        return _read_among(_candidates(members, models, value), value, name)

    return read_union


def _only(members: list[Member], cls: type) -> Member | None:
    """The one type that values of a JSON type can be meant for."""
    exact = [member for member in members if member.wanted is cls and cls not in (list, dict)]
    fitting = [member for member in members if shape_of(cls()) in member.shapes]
    return next(iter(exact), fitting[0] if len(fitting) == 1 else None)


def _member(hooks: Hooks, models: Models, arg: Any) -> Member:
    shape = classify(arg)
    model = shape.kind is Kind.CLASS and models.is_model(shape.type)
    return Member(arg, hooks.hook(arg), shape.kind, shapes_of(arg, models), model)


def _read_among(members: list[Member], value: Any, name: str) -> Any:
    """The value read as the first type that takes it.

    Raises:
        Problems: those of the type, where only one came in question.
    """
    problems: list[list[Problem]] = []
    for member in members:
        made, found = attempt(member.hook, value, member.wanted)
        if not found:
            return made
        problems.append(found)
    if len(problems) == 1:
        raise Problems(problems[0])
    raise mismatch(name, value)


def _candidates(members: list[Member], models: Models, value: Any) -> list[Member]:
    instances = [member for member in members if member.model and _is_instance(value, member.wanted)]
    if instances:
        return instances
    shape = shape_of(value)
    if not shape:
        return [member for member in members if not member.model]
    fitting = [member for member in members if shape in member.shapes]
    among = [member for member in fitting if member.model]
    if shape != "object" or not among:
        return sorted(fitting, key=lambda member: not member.is_exact(value))
    chosen = choose(among, models, value) if len(among) > 1 else among
    plain = [member for member in fitting if not member.model]
    fits = any(misfit(models, member.wanted, value)[:3] == (0, 0, 0) for member in chosen)
    return [*chosen, *plain] if fits or not plain else [*plain, *chosen]


def _is_instance(value: Any, wanted: Any) -> bool:
    cls = origin_of(classify(wanted).type)
    return isinstance(cls, type) and not issubclass(cls, dict) and isinstance(value, cls)


def choose(members: list[Member], models: Models, data: Mapping[str, Any]) -> list[Member]:
    """The model meant by the data.

    Raises:
        Problems: it could be several, and they have the same fields.
    """
    tag = data.get(TAG)
    tagged = [member for member in members if isinstance(tag, str) and tag == type_name(member.wanted)]
    if tagged:
        return tagged
    ranks = {index: misfit(models, member.wanted, data) for index, member in enumerate(members)}
    best = min(ranks.values())
    among = [members[index] for index, rank in ranks.items() if rank == best]
    return among if len(among) == 1 else _only_reader(among, data)


def misfit(models: Models, wanted: Any, data: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """How badly the keys of the data fit a model; least is best.

    Literal fields come first: one that has another value says that the model is not meant.
    """
    fields = models.fields(classify(wanted).type)
    names = {field.name for field in fields}
    contradicted = sum(not _agrees(field.type, data[field.name]) for field in fields if field.name in data)
    missing = sum(field.required and field.name not in data for field in fields)
    unknown = sum(key not in names for key in data if key != TAG)
    return contradicted, missing, unknown, len(names - set(data))


def _agrees(wanted: Any, value: Any) -> bool:
    shape = classify(wanted)
    if shape.kind is not Kind.LITERAL:
        return True
    try:
        form = scalar_key(literal_form(value))
        return form in {scalar_key(literal_form(option)) for option in shape.args}
    except TypeError:
        return False


def _only_reader(members: list[Member], data: Mapping[str, Any]) -> list[Member]:
    """The one of several models with the same fields whose types fit the data."""
    readers = [member for member in members if not attempt(member.hook, data, member.wanted)[1]]
    if len(readers) < 2:
        return readers or members
    names = [type_name(member.wanted) for member in readers]
    text = f"fits {' and '.join(names)} alike; say which is meant, as {{{TAG!r}: {names[0]!r}}}"
    raise Problems([Problem(text, "dict", " or ".join(names))])
