"""JSON on the wire: strict when it is read, and always UTF-8 when it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from math import isfinite
from typing import Any, NoReturn

from synapse_core.schema.json_text import text_encoder


def loads(data: bytes | str) -> Any:
    """The value that JSON text stands for; NaN and the infinities are no JSON.

    Raises:
        ValueError: it is no JSON; the message says why and where.
    """
    text = data if isinstance(data, str) else data.decode(_encoding(data), "surrogatepass")
    try:
        return _value(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _encoding(data: bytes) -> str:
    # What begins so can be nothing else, and nearly everything does.
    return "utf-8" if data[:1] == b"{" and data[1:2] != b"\0" else json.detect_encoding(data)


def _value(text: str) -> Any:
    try:
        value, end = _decoder.raw_decode(text)
    except json.JSONDecodeError:
        end = -1
    # With blanks around it, or with something wrong, it is read by the one who can say where.
    return value if end == len(text) else _decoder.decode(text)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


# One for all: `json.loads` makes a decoder for each text.
_decoder = json.JSONDecoder(parse_constant=_refuse)


def dumps(value: Any) -> bytes:
    """JSON data as one line of UTF-8; what is no number becomes null, and half a surrogate pair is escaped."""
    try:
        return _encode(value).encode()
    except UnicodeEncodeError:
        return _encode_ascii(_finite(value)).encode()
    except ValueError:
        return dumps(_finite(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, datetime):
        return iso(value)
    raise TypeError(f"a {type(value).__name__} is no JSON data")


_encode = text_encoder(_plain, ensure_ascii=False, allow_nan=False)
_encode_ascii = text_encoder(_plain, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value


@lru_cache(maxsize=4096)
def iso(time: datetime) -> str:
    """ISO 8601 in UTC with offset; a time that names no zone is taken for UTC."""
    aware = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
    return (aware if aware.tzinfo is UTC else aware.astimezone(UTC)).isoformat()


def maybe_iso(time: datetime | None) -> str | None:
    """As `iso`; None stays None."""
    return None if time is None else iso(time)


def moment(text: str) -> datetime:
    """The time that ISO 8601 text names; in UTC where it names no zone.

    Raises:
        ValueError: it is no such text.
    """
    time = datetime.fromisoformat(text)
    if time.tzinfo is UTC:
        return time
    try:
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from error


def maybe_moment(text: str | None) -> datetime | None:
    """As `moment`; None stays None."""
    return None if text is None else moment(text)
