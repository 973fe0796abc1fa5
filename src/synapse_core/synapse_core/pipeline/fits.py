"""Whether a value of one type can be read as another.

No is said only where it surely cannot be, by the forms that the values of both have in JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from synapse_core.schema import is_model
from synapse_core.schema.codecs import codec_of, enum_form, literal_form
from synapse_core.schema.kinds import Kind, Wanted, classify

_PLAIN = {
    Kind.NONE: "null",
    Kind.BOOL: "bool",
    Kind.INT: "int",
    Kind.FLOAT: "float",
    Kind.STR: "str",
    Kind.SEQUENCE: "list",
    Kind.TUPLE: "list",
    Kind.SET: "list",
    Kind.MAPPING: "dict",
}
_OF_SCHEMA = {"string": ("str",), "number": ("int", "float"), "integer": ("int",), "boolean": ("bool",)}
_OF_VALUE = {type(None): "null", bool: "bool", int: "int", float: "float", str: "str"}

_NUMBERS = frozenset(("int", "float"))

Forms = frozenset[str] | None
"""JSON forms that a value may have; None where that cannot be told."""


def fits(given: Any, wanted: Any) -> bool:
    """Whether some value that ``given`` describes can be read as ``wanted``; True where that cannot be told."""
    try:
        return _fits(given, wanted)
    except TypeError:  # an annotation that cannot be hashed
        return True


@lru_cache(maxsize=4096)
def _fits(given: Any, wanted: Any) -> bool:
    left, right = forms(given), forms(wanted)
    if left is None or right is None:
        return True
    if left == right == {"list"}:
        return _items_fit(classify(given), classify(wanted))
    if right & _NUMBERS:  # an int is read as a float, and a float that is whole as an int
        right = right | _NUMBERS
    return bool(((left - {"null"}) or left) & right)


def list_of(item: Any) -> Any:
    """``list[item]``, of a type that is known only at run time."""
    return list[item]


def _items_fit(given: Wanted, wanted: Wanted) -> bool:
    simple = (Kind.SEQUENCE, Kind.SET)
    return given.kind not in simple or wanted.kind not in simple or fits(given.args[0], wanted.args[0])


@lru_cache(maxsize=4096)
def forms(said: Any) -> Forms:
    """The JSON forms that a type's values have."""
    shape = classify(said)
    if shape.kind in _PLAIN:
        return frozenset((_PLAIN[shape.kind],))
    rule = _RULES.get(shape.kind)
    return None if rule is None else rule(shape)


def _of_union(shape: Wanted) -> Forms:
    found: frozenset[str] = frozenset()
    for arg in shape.args:
        part = forms(arg)
        if part is None:
            return None
        found |= part
    return found


def _of_values(values: Iterable[Any]) -> Forms:
    names = [_OF_VALUE.get(type(value)) for value in values]
    return frozenset(name for name in names if name) if all(names) else None


def _of_codec(shape: Wanted) -> Forms:
    codec = codec_of(shape.type)
    kinds = codec.schema["type"] if codec else []
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return frozenset(form for kind in kinds for form in _OF_SCHEMA[kind]) or None


_RULES: dict[Kind, Callable[[Wanted], Forms]] = {
    Kind.UNION: _of_union,
    Kind.LITERAL: lambda shape: _of_values(map(literal_form, shape.args)),
    Kind.ENUM: lambda shape: _of_values(enum_form(shape.type).encode(member) for member in shape.type),
    Kind.CODED: _of_codec,
    Kind.CLASS: lambda shape: frozenset(("dict",)) if is_model(shape.type) else None,
}
