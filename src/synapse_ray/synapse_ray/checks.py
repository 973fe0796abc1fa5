"""Whether a setting is what it can be: each check names the one that is not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from synapse_ray.errors import RayConfigError

Check = Callable[[str, Any], Any]


def by_name(check: Check) -> Callable[[Any, Any, Any], None]:
    """The check as a validator of attrs."""

    def validate(_instance: Any, attribute: Any, value: Any) -> None:
        check(attribute.name, value)

    return validate


def amount(name: str, value: Any) -> None:
    """A number of 0 or above, or None."""
    if value is not None and not (_is_number(value) and value >= 0):
        raise RayConfigError(f"{name} must be a number of 0 or above, got {value!r}")


def seconds(name: str, value: Any) -> None:
    """A number above 0."""
    if not (_is_number(value) and value > 0):
        raise RayConfigError(f"{name} must be a number of seconds above 0, got {value!r}")


def count(name: str, value: Any) -> None:
    """A whole number of 1 or above, or None."""
    if value is not None and not (_is_number(value) and isinstance(value, int) and value >= 1):
        raise RayConfigError(f"{name} must be a whole number of 1 or above, got {value!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def text(name: str, value: Any) -> None:
    """A string."""
    if not isinstance(value, str):
        raise RayConfigError(f"{name} must be text, got {value!r}")


def flag(name: str, value: Any) -> None:
    """A bool."""
    if not isinstance(value, bool):
        raise RayConfigError(f"{name} must be true or false, got {value!r}")


def amounts(name: str, value: Any) -> None:
    """A mapping of names to numbers of 0 or above, or None."""
    if value is not None and not isinstance(value, Mapping):
        raise RayConfigError(f"{name} must be a mapping of names to amounts, got {value!r}")
    for key, inner in (value or {}).items():
        amount(f"{name}[{key!r}]", inner)


def texts(name: str, value: Iterable[str] | None) -> tuple[str, ...]:
    """What a list of strings holds, nothing for None; a string is no list."""
    if isinstance(value, str):
        raise RayConfigError(f"{name} must be a list, got {value!r}", hint=f"write {value.split()!r}")
    try:
        found = tuple(value or ())
    except TypeError as error:
        raise RayConfigError(f"{name} must be a list, got {value!r}") from error
    for place, inner in enumerate(found):
        text(f"{name}[{place}]", inner)
    return found


def path(name: str, value: str | os.PathLike[str] | None) -> Path | None:
    """The path that a string or a path-like object names; None for None."""
    if value is not None and not isinstance(value, str | os.PathLike):
        raise RayConfigError(f"{name} must be a path, got {value!r}")
    return None if value is None else Path(value)
