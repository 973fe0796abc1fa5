"""What events say in their payloads, which anybody may have written: what makes no sense is nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from synapse_core.events import EMPTY, Event


def sound(event: Event) -> Event:
    """The event, with a payload that is a mapping."""
    payload: Any = event.payload
    return event if isinstance(payload, Mapping) else evolve(event, payload=EMPTY)


def text(event: Event, name: str) -> str | None:
    """What stands there as text; None where nothing does."""
    return as_text(event.payload.get(name))


def as_text(value: Any) -> str | None:
    """A value as text; None stays None."""
    return value if value is None or isinstance(value, str) else str(value)


def list_of(event: Event, name: str) -> list[Any]:
    """The list that stands there; an empty one where none does."""
    value = event.payload.get(name)
    return list(value) if isinstance(value, list | tuple) else []


def texts(value: Any) -> tuple[str, ...]:
    """The entries of a list as texts; none where it is no list."""
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def named(node: Any) -> str | None:
    """The name that a node says it has."""
    name = node.get("name") if isinstance(node, Mapping) else None
    return name if isinstance(name, str) else None


_LARGEST = 1e100
"""Beyond this a number counts nothing, and what is worked out from it might not be finite."""


def number(event: Event, name: str) -> float | None:
    """The number that stands there, if it counts."""
    value: Any = event.payload.get(name)
    counts = type(value) in {int, float} and abs(value) < _LARGEST
    return value if counts else None
