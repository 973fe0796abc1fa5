"""Hooks for values that are one JSON scalar. They never coerce: ``"1"`` is no int, ``1`` no bool."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from synapse_core.errors import nearest
from synapse_core.schema.codecs import codec_of, enum_form, literal_form, scalar_key
from synapse_core.schema.kinds import Kind, Wanted
from synapse_core.schema.names import shown
from synapse_core.schema.problems import Problem, Problems, mismatch


class Hook(Protocol):
    """Makes a value of the type out of data, or raises; the type is passed for cattrs' sake."""

    def __call__(self, value: Any, wanted: Any, /) -> Any:
        """The value made."""


def read_any(value: Any, _: Any) -> Any:
    """Whatever is given."""
    return value


def read_none(value: Any, _: Any) -> None:
    """None alone."""
    if value is not None:
        raise mismatch(None, value)


def read_bool(value: Any, _: Any) -> bool:
    """True and False alone."""
    if value is True or value is False:
        return value
    raise mismatch(bool, value)


def read_int(value: Any, _: Any) -> int:
    """A whole number; of floats, those that are whole."""
    if type(value) is int:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise mismatch(int, value)


def read_float(value: Any, _: Any) -> float:
    """Any number; an int becomes a float."""
    if isinstance(value, float):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise mismatch(float, value) from None
    raise mismatch(float, value)


def read_str(value: Any, _: Any) -> str:
    """Text alone."""
    if isinstance(value, str):
        return value
    raise mismatch(str, value)


_READERS: dict[Kind, tuple[type, Hook]] = {
    Kind.BOOL: (bool, read_bool),
    Kind.INT: (int, read_int),
    Kind.FLOAT: (float, read_float),
    Kind.STR: (str, read_str),
}


def scalar_hook(shape: Wanted) -> Hook | None:
    """The hook of a scalar type; None for a type that is none."""
    if shape.kind is Kind.ANY:
        return read_any
    if shape.kind is Kind.NONE:
        return read_none
    if shape.kind in _READERS:
        base, read = _READERS[shape.kind]
        return read if shape.type is base else _subclass_hook(shape.type, read)
    make = {Kind.CODED: _coded_hook, Kind.ENUM: _enum_hook, Kind.LITERAL: _literal_hook}.get(shape.kind)
    return make(shape.type) if make is not None else None


def _subclass_hook(cls: Any, read: Hook) -> Hook:
    """For a class of one's own over int, float or str."""

    def read_subclass(value: Any, _: Any) -> Any:
        return value if isinstance(value, cls) else cls(read(value, None))

    return read_subclass


def _coded_hook(cls: Any) -> Hook:
    codec = codec_of(cls)
    assert codec is not None  # what makes its kind CODED
    decode, takes, form = codec.decode, codec.takes, codec.form

    def read_coded(value: Any, _: Any) -> Any:
        # a datetime is a date to Python, but not to whoever reads it back
        if isinstance(value, cls) and codec_of(type(value)) is codec:
            return value
        if isinstance(value, takes) and not isinstance(value, bool):
            try:
                return decode(value, cls)
            except (ValueError, TypeError, ArithmeticError):
                pass
        raise mismatch(cls, value, form)

    return read_coded


def _enum_hook(cls: Any) -> Hook:
    form = enum_form(cls)
    if form.flag:
        return _flag_hook(cls)
    refuse = _refuser(tuple(form.forms.values()), cls.__name__)

    def read_enum(value: Any, _: Any) -> Any:
        if isinstance(value, cls):
            return value
        try:
            return form.by_key[scalar_key(value)]
        except (KeyError, TypeError):
            raise refuse(value) from None

    return read_enum


def _flag_hook(cls: Any) -> Hook:
    def read_flag(value: Any, _: Any) -> Any:
        if isinstance(value, cls):
            return value
        try:
            return cls(read_int(value, None))
        except (Problems, ValueError):
            raise mismatch(cls, value, "the sum of its flags") from None

    return read_flag


def _literal_hook(literal: Any) -> Hook:
    values = literal.__args__
    forms = tuple(literal_form(value) for value in values)
    by_key = {scalar_key(form): value for form, value in zip(forms, values, strict=True)}
    refuse = _refuser(forms, "")

    def read_literal(value: Any, _: Any) -> Any:
        try:
            return by_key[scalar_key(literal_form(value))]
        except (KeyError, TypeError):
            raise refuse(value) from None

    return read_literal


def _refuser(forms: tuple[Any, ...], name: str) -> Callable[[Any], Problems]:
    options = ", ".join(map(shown, forms[:20])) + (", ..." if len(forms) > 20 else "")
    texts = [form for form in forms if isinstance(form, str)]

    def refuse(value: Any) -> Problems:
        (problem,) = mismatch(name or options.replace(", ", " or "), value).problems
        close = nearest(value, texts) if isinstance(value, str) else None
        got = f"{problem.got}; did you mean {close!r}?" if close else problem.got
        text = f"expected one of {options}" if len(forms) > 1 else f"expected {options or name}"
        return Problems([Problem(text, problem.found, problem.wanted, got, problem.type_got)])

    return refuse
