"""From a setting's value to the type that is wanted; None where it cannot be had, as an error would carry the value."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def as_str(value: Any) -> str | None:
    """Text; a number or boolean as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float | os.PathLike) else None


def as_int(value: Any) -> int | None:
    """A whole number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = int(value)
    except (ValueError, OverflowError):
        return None
    return number if isinstance(value, str) or number == value else None


def as_float(value: Any) -> float | None:
    """A number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def as_bool(value: Any) -> bool | None:
    """A yes or no."""
    return _WORDS.get(str(value).strip().lower())


def as_list(value: Any) -> list[Any] | None:
    """A list: one already, JSON, or parted by commas."""
    if isinstance(value, list | tuple):
        return list(value)
    if not isinstance(value, str):
        return None
    if not value.lstrip().startswith("["):
        return [part for part in map(str.strip, value.split(",")) if part]
    import json

    try:
        return list(json.loads(value))
    except ValueError:
        return None


def as_path(value: Any) -> Path | None:
    """A path, a leading ``~`` resolved."""
    from pathlib import Path

    if not value or not isinstance(value, str | os.PathLike):
        return None
    try:
        return Path(value).expanduser()
    except RuntimeError:  # ~nobody
        return None
