"""How values that JSON does not know are written as one JSON scalar, and read back."""

from __future__ import annotations

import enum
import math
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from types import NoneType
from typing import Any, TypeVar

from attrs import frozen

T = TypeVar("T")


def remembered(func: Callable[[Any], T]) -> Callable[[Any], T]:
    """`functools.lru_cache` for a function of a type, which mypy does not take for hashable."""
    return lru_cache(maxsize=4096)(func)


@frozen
class Codec:
    """One type's JSON form.

    ``decode(raw, cls)`` is called with a value of one of the types ``takes``, and raises ValueError, TypeError or
    ArithmeticError where it cannot be read. ``form`` says the form in words, ``schema`` in JSON Schema.
    """

    encode: Callable[[Any], Any]
    decode: Callable[[Any, Any], Any]
    form: str
    schema: dict[str, Any]
    takes: tuple[type, ...] = (str,)


_DURATION = re.compile(r"(-)?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,6}))?S)?)?")


def _encode_duration(value: timedelta) -> float | str:
    """Seconds; as ISO 8601 text where a float of seconds would lose microseconds (beyond some hundred years)."""
    if abs(value.days) < 40_000:
        return value.total_seconds()
    sign, span = ("-", -value) if value.days < 0 else ("", value)
    return f"{sign}P{span.days}DT{span.seconds}.{span.microseconds:06}S"


def _decode_duration(raw: str | float, cls: Any) -> Any:
    if not isinstance(raw, str):
        return cls(seconds=raw)
    match = _DURATION.fullmatch(raw)
    if match is None or not any(match.groups()[1:]):
        raise ValueError(raw)
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:5])
    microseconds = int((match[6] or "").ljust(6, "0"))
    span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, microseconds=microseconds)
    return -span if match[1] else span


def _decode_decimal(raw: str | float, cls: Any) -> Any:
    if isinstance(raw, float) and not math.isfinite(raw):
        raise ValueError(raw)
    return cls(str(raw))


def _text(kind: str) -> dict[str, Any]:
    return {"type": "string", "format": kind}


def _iso(kind: str) -> Codec:
    return Codec(lambda value: value.isoformat(), lambda raw, cls: cls.fromisoformat(raw), "ISO 8601 text", _text(kind))


_BASE64 = Codec(
    lambda value: b2a_base64(value, newline=False).decode("ascii"),
    lambda raw, cls: cls(a2b_base64(raw, strict_mode=True)),
    "base64 text",
    {"type": "string", "contentEncoding": "base64"},
)

# By module and name: whoever has a UUID has imported uuid, and the others need not.
_CODECS: dict[tuple[str, str], Codec] = {
    ("builtins", "bytes"): _BASE64,
    ("builtins", "bytearray"): _BASE64,
    ("pathlib", "PurePath"): Codec(str, lambda raw, cls: cls(raw), "text", _text("path")),
    ("datetime", "datetime"): _iso("date-time"),
    ("datetime", "date"): _iso("date"),
    ("datetime", "time"): _iso("time"),
    ("datetime", "timedelta"): Codec(
        _encode_duration,
        _decode_duration,
        "seconds, or ISO 8601 text",
        {"type": ["number", "string"], "format": "duration"},
        (str, int, float),
    ),
    ("uuid", "UUID"): Codec(str, lambda raw, cls: cls(raw), "text", _text("uuid")),
    ("decimal", "Decimal"): Codec(
        str,
        _decode_decimal,
        "a number, or text",
        {"type": ["number", "string"], "format": "decimal"},
        (str, int, float),
    ),
}


@remembered
def codec_of(cls: Any) -> Codec | None:
    """The codec of ``cls`` or of its nearest base that has one."""
    names = ((base.__module__.partition(".")[0], base.__qualname__) for base in cls.__mro__)
    return next((_CODECS[name] for name in names if name in _CODECS), None)


_ATOMS = (str, int, bool, NoneType)


def _is_atom(value: Any) -> bool:
    return isinstance(value, _ATOMS) or (isinstance(value, float) and math.isfinite(value))


@frozen
class EnumForm:
    """The JSON forms of an Enum's members: their values if all are JSON scalars, else their names."""

    forms: dict[Any, Any]
    by_key: dict[Any, Any]
    flag: bool

    def encode(self, member: enum.Enum) -> Any:
        """The member's JSON form."""
        return member.value if self.flag else self.forms[member]


@remembered
def enum_form(cls: Any) -> EnumForm:
    """How the members of ``cls`` are written."""
    by_value = all(_is_atom(member.value) for member in cls)
    forms = {member: member.value if by_value else member.name for member in cls}
    return EnumForm(forms, {scalar_key(form): m for m, form in forms.items()}, issubclass(cls, enum.Flag))


def scalar_key(value: Any) -> tuple[type, Any]:
    """A key by which JSON scalars are the same only where JSON says so: 1 is 1.0, but neither is true."""
    kind = type(value)
    return (float if kind is int else kind, value)


def literal_form(value: Any) -> Any:
    """The JSON form of a value inside ``Literal`` or ``in_``; the value itself where it has none of its own."""
    if isinstance(value, enum.Enum):
        return enum_form(type(value)).encode(value)
    codec = codec_of(type(value))
    return value if codec is None else codec.encode(value)
