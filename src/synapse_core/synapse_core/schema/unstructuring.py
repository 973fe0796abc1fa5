"""Turns values into JSON data: what survives being written down and read again, or an error that says what does not."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

Encode = Callable[[Any], Any]

DEEPEST = 200
"""How deep data may be nested; deeper is taken for something that contains itself."""


class Refused(Exception):  # noqa: N818  a signal, told as an UnserializableError
    """What was come upon is no JSON data."""


class Unstructuring:
    """Turns values into JSON data.

    ``encoder`` gives, for a class that is no JSON type itself, a function that makes a shallow stand-in of a value:
    a scalar, list or dict whose items are dealt with in turn. It returns the very value if there is none.
    """

    def __init__(self, encoder: Callable[[type], Encode]) -> None:
        self._make_encoder = encoder
        self._encoders: dict[type, Encode] = {}

    def __call__(self, value: Any, subject: str) -> Any:
        """The value as JSON data.

        Raises:
            UnserializableError: with everything in it that is none.
        """
        try:
            return self._walk(value, 0)
        except Exception as error:  # noqa: BLE001  encoders run properties and hooks of anybody's
            failure = error
        from synapse_core.schema.refusals import refusals

        raise refusals(subject, value, self.encode, failure)

    def encode(self, value: Any) -> Any:
        """The shallow stand-in of a value that is of no JSON type."""
        cls = type(value)
        encode = self._encoders.get(cls)
        if encode is None:
            encode = self._encoders[cls] = self._make_encoder(cls)
        return encode(value)

    def _walk(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind is str or kind is bool or value is None:
            return value
        if kind is int or kind is float:
            # an int that is no finite float has hundreds of digits, more than Python itself reads back
            if isfinite(value):
                return value
            raise Refused
        if depth > DEEPEST:
            raise Refused
        if kind is dict:
            return self._walk_dict(value, depth)
        if kind is list or kind is tuple:
            return self._walk_list(value, depth)
        stand_in = self.encode(value)
        if stand_in is value:
            raise Refused
        return self._walk(stand_in, depth)

    def _walk_dict(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
        data = {}
        for name, item in value.items():
            kind = type(item)
            key = name if type(name) is str else text_key(name)
            if kind is str or kind is bool or item is None or ((kind is int or kind is float) and isfinite(item)):
                data[key] = item
            else:
                data[key] = self._walk(item, depth + 1)
        return data

    def _walk_list(self, value: list[Any] | tuple[Any, ...], depth: int) -> list[Any]:
        kinds = set(map(type, value))
        if kinds <= _PLAIN or (kinds <= _NUMBERS and all(map(isfinite, value))):
            return list(value)
        return [self._walk(item, depth + 1) for item in value]


_PLAIN = {str, bool, type(None)}
_NUMBERS = {int, float}


def text_key(key: Any) -> str:
    """A key that is text of one's own class, as plain text."""
    if isinstance(key, str):
        return str.__str__(key)
    raise Refused
