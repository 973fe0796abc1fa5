"""One text, and one hash, for equal JSON data."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from synapse_core.errors import FieldIssue, UnserializableError


@cache
def _encoder() -> Callable[[Any], str]:
    from synapse_core.schema.json_text import text_encoder

    return text_encoder(sort_keys=True, allow_nan=False)


@cache
def _sha256() -> Any:
    from hashlib import sha256

    return sha256


def canonical_json(value: Any) -> str:
    """JSON data as text: keys sorted, no spaces, ASCII alone. Equal data gives equal text.

    Raises:
        UnserializableError: the value is no JSON data; `Schema.unstructure` makes it that.
    """
    try:
        return _encoder()(value)
    except (TypeError, ValueError, RecursionError) as error:
        issue = FieldIssue("", f"is no JSON data: {error}", type(value).__name__, "JSON data")
        raise UnserializableError("value", [issue], hint="unstructure it first") from error


def inputs_hash(value: Any) -> str:
    """The SHA-256, in hex, of the canonical JSON of the value; it leaves nothing out.

    Raises:
        UnserializableError: the value is no JSON data.
    """
    digest: str = _sha256()(canonical_json(value).encode("ascii")).hexdigest()
    return digest
