"""Reads a value that was typed, as of ``-p epochs=3``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from synapse_core.errors import ValidationError
from synapse_core.schema.builtin import reader_of
from synapse_core.schema.codecs import codec_of, enum_form, literal_form
from synapse_core.schema.kinds import Kind, Wanted, classify
from synapse_core.schema.names import shown, type_name
from synapse_core.schema.problems import Problem, Problems, Whole, issues_of

_YES = {"true", "yes", "on", "1"}
_NO = {"false", "no", "off", "0"}
_LAST = (Kind.ANY, Kind.STR)


def parse_text(text: str, wanted: Any, *, path: str = "") -> Any:
    """The JSON data that ``text`` means for a field of the type ``wanted``; `Schema.structure` takes it from there.

    Numbers, ``true``/``false``/``yes``/``no``/``on``/``off``, ``null``; collections and models are written in JSON;
    text stays as it is where text will do.

    Raises:
        ValidationError: the text means no value of that type; the issue is at ``path``.
    """
    try:
        return _parse(text, wanted)
    except Problems as error:
        found = [problem.under(Whole(path)) if path else problem for problem in error.problems]
        raise ValidationError("value", issues_of(found)) from None


def _parse(text: str, wanted: Any) -> Any:
    shape = classify(wanted)
    parse = _PARSERS.get(shape.kind)
    return parse(text, shape) if parse is not None else _parse_json(text, shape)


def _wrong(text: str, shape: Wanted, hint: str = "") -> Problems:
    wanted = type_name(shape.type)
    expected = f"expected {wanted} ({hint})" if hint else f"expected {wanted}"
    return Problems([Problem(expected, "str", wanted, shown(text))])


def _parse_any(text: str, _: Wanted) -> Any:
    import json

    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _parse_none(text: str, shape: Wanted) -> None:
    if text.strip().lower() not in ("null", "none"):
        raise _wrong(text, shape, "null")


def _parse_bool(text: str, shape: Wanted) -> bool:
    word = text.strip().lower()
    if word not in _YES | _NO:
        raise _wrong(text, shape, "true or false")
    return word in _YES


def _parse_int(text: str, shape: Wanted) -> int:
    try:
        return int(text)
    except ValueError:
        number = _float(text)
    if not number.is_integer():  # of nan and infinity neither
        raise _wrong(text, shape)
    return int(number)


def _parse_float(text: str, shape: Wanted) -> float:
    number = _float(text)
    if not math.isfinite(number):
        raise _wrong(text, shape)
    return number


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _parse_text(text: str, _: Wanted) -> str:
    return text


def _parse_coded(text: str, shape: Wanted) -> Any:
    """Text that can be read back; of what may be a number too (a timespan in seconds), a number."""
    codec = codec_of(shape.type)
    assert codec is not None  # what makes its kind CODED
    try:
        codec.decode(text, shape.type)
        return text
    except (ValueError, TypeError, ArithmeticError):
        number = _float(text)
    if float not in codec.takes or not math.isfinite(number):
        raise _wrong(text, shape, codec.form)
    return number


def _parse_class(text: str, shape: Wanted) -> Any:
    """A model in JSON; of a class that only plugins know, JSON or text, as they like."""
    return _parse_any(text, shape) if reader_of(shape.type) is None else _parse_json(text, shape)


def _parse_option(text: str, shape: Wanted) -> Any:
    """An Enum's value or name, or a Literal."""
    for name, form in _options(shape):
        if text in (name, str(form)) or (form is None and text == "null"):
            return form
        if isinstance(form, bool) and text.lower() == str(form).lower():
            return form
    options = ", ".join(dict.fromkeys(shown(form) for _, form in _options(shape)))
    raise Problems([Problem(f"expected one of {options}", "str", type_name(shape.type), shown(text))])


def _options(shape: Wanted) -> list[tuple[str, Any]]:
    if shape.kind is Kind.LITERAL:
        return [(str(literal_form(value)), literal_form(value)) for value in shape.args]
    forms = enum_form(shape.type).forms
    # a name may be another member's value: values go first
    return [(str(form), form) for form in forms.values()] + [(member.name, form) for member, form in forms.items()]


def _parse_union(text: str, shape: Wanted) -> Any:
    """As the first type that takes it; as text only where no other does."""
    args = sorted(shape.args, key=lambda arg: (classify(arg).kind in _LAST, classify(arg).kind is Kind.CODED))
    for arg in args:
        try:
            return _parse(text, arg)
        except Problems:
            continue
    raise _wrong(text, shape)


def _parse_json(text: str, shape: Wanted) -> Any:
    import json

    takes: tuple[type, ...] = _JSON_TYPES[shape.kind]
    example = '{"key": "value"}' if dict in takes else '["a", "b"]'
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _wrong(text, shape, f"in JSON, as {example}") from None
    if not isinstance(value, takes):
        raise _wrong(text, shape, f"in JSON, as {example}")
    return value


_JSON_TYPES: dict[Kind, tuple[type, ...]] = {
    Kind.SEQUENCE: (list,),
    Kind.TUPLE: (list,),
    Kind.RECORD: (list,),
    Kind.SET: (list,),
    Kind.MAPPING: (dict,),
    Kind.CLASS: (dict,),
}

_PARSERS: dict[Kind, Callable[[str, Wanted], Any]] = {
    Kind.ANY: _parse_any,
    Kind.NONE: _parse_none,
    Kind.BOOL: _parse_bool,
    Kind.INT: _parse_int,
    Kind.FLOAT: _parse_float,
    Kind.STR: _parse_text,
    Kind.CODED: _parse_coded,
    Kind.ENUM: _parse_option,
    Kind.LITERAL: _parse_option,
    Kind.UNION: _parse_union,
    Kind.CLASS: _parse_class,
    Kind.OTHER: _parse_any,
}
