"""Any value as JSON data, cheaply and without ever raising: what an action logs must not break the action.

Numbers of numpy's kind become Python's by ``item()``; enums, times and paths become what one would write for them,
and anything else its ``repr``, cut short. JSON has no ``nan`` and no infinity: they become the strings ``"nan"``,
``"inf"`` and ``"-inf"``, which ``float()`` reads back, so that a loss that went wrong is seen and not lost. An int
that is too large for a float, which other readers of JSON cannot have either, becomes text.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import Enum
from math import isfinite
from typing import Any

LONGEST_REPR = 1_000
"""More of a repr than this many characters is cut off."""

_MOST_BITS = 1_000  # 300 digits, as of params and results

DEEPEST = 16
"""A structure is followed this deep; what is below is shown as text."""


def json_safe(value: Any, above: tuple[int, ...] = ()) -> Any:
    """``value`` as JSON data that shares nothing mutable with it.

    Args:
        value: Anything.
        above: The ids of the structures that it stands in, by which a cycle is seen.
    """
    kind = type(value)
    if kind is str:
        return value if value.isascii() else clean_text(value)
    if kind is int:
        return value if value.bit_length() <= _MOST_BITS else shown(value)
    if kind is bool or value is None:
        return value
    if kind is float:
        return value if isfinite(value) else str(value)
    try:
        return _structure(value, above)
    except Exception:  # noqa: BLE001  a foreign object may raise anything from anywhere
        return shown(value)


def clean_text(text: str) -> str:
    """``text`` without lone surrogates (bytes that were no UTF-8), which cannot be written as UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def as_text(value: Any) -> str:
    """``value`` as ``str`` gives it."""
    try:
        text = str(value)
        return text if text.isascii() else clean_text(text)
    except Exception:  # noqa: BLE001  as above
        return shown(value)


def shown(value: Any) -> str:
    """The ``repr`` of ``value``, cut short; its type's name where the ``repr`` fails."""
    try:
        text = clean_text(repr(value))
    except Exception:  # noqa: BLE001  as above
        return f"<{type(value).__name__}, whose repr fails>"
    return text if len(text) <= LONGEST_REPR else f"{text[:LONGEST_REPR]}…"


def as_number(value: Any) -> float | None:
    """``value`` as a finite int or float; None where it is no such number."""
    if value is None:
        return None
    try:
        number = value if type(value) in {int, float} else _plain_number(value)
        return number if isfinite(number) else None
    except Exception:  # noqa: BLE001  as above
        return None


def _plain_number(value: Any) -> float:
    if isinstance(value, str | bytes):
        raise TypeError
    item = value.item() if hasattr(value, "item") else value
    return int(item) if isinstance(item, int) else float(item)


def _structure(value: Any, above: tuple[int, ...]) -> Any:
    if len(above) >= DEEPEST or id(value) in above:
        return shown(value)
    inside = (*above, id(value))
    if hasattr(value, "redacted"):  # a PluginEnvironment, which is not imported for this
        value = value.redacted()
    if isinstance(value, Mapping):
        return {_key(key): json_safe(inner, inside) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_safe(inner, inside) for inner in value]
    return _scalar(value, inside)


def _key(key: Any) -> str:
    return key if type(key) is str and key.isascii() else as_text(json_safe(key))


def _scalar(value: Any, inside: tuple[int, ...]) -> Any:
    if isinstance(value, Enum):
        return json_safe(value.value, inside)
    for plain in (str, int, float):  # a subclass, such as numpy's float64
        if isinstance(value, plain):
            return json_safe(plain(value), inside)
    if hasattr(value, "item"):
        return json_safe(value.item(), inside)
    if hasattr(value, "isoformat"):
        return as_text(value.isoformat())
    if isinstance(value, os.PathLike):
        return as_text(os.fspath(value))
    return json_safe(float(value), inside) if hasattr(value, "__float__") else shown(value)
