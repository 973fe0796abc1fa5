"""What stands in the columns: times as microseconds, everything else that is not plain as JSON text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from synapse_core.errors import StoreError
from synapse_core.schema.json_text import text_encoder

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(time: datetime) -> int:
    """Microseconds since 1970, exactly; a time that names no zone is taken for UTC."""
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    since = time - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def maybe_micros(time: datetime | None) -> int | None:
    """As `micros`; None stays None."""
    return None if time is None else micros(time)


def moment(count: int) -> datetime:
    """The time that `micros` gave ``count`` for, in UTC."""
    return _EPOCH + timedelta(microseconds=count)


def maybe_moment(count: int | None) -> datetime | None:
    """As `moment`; None stays None."""
    return None if count is None else moment(count)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} is no JSON data")


_encode = text_encoder(_plain, ensure_ascii=False)
_encode_ascii = text_encoder(_plain)


def dumps(value: Any, what: str) -> str:
    """JSON data as text that SQLite takes.

    Raises:
        StoreError: it is no JSON data; ``what`` says in the message what it is.
    """
    try:
        text = _encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"{what} cannot be stored: {error}") from error
    return text if text.isascii() or _is_unicode(text) else _encode_ascii(value)


def _is_unicode(text: str) -> bool:
    """Whether there is no half of a surrogate pair in it, as there is in file names that are no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def legible(text: str | None) -> str | None:
    """Text for a column that is only looked at: what is no Unicode is replaced."""
    if text is None or text.isascii() or _is_unicode(text):
        return text
    return text.encode("utf-8", "replace").decode()


loads = json.loads
