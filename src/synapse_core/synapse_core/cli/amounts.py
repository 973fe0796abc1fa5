"""Ages and sizes as people write and read them."""

from __future__ import annotations

import re
from datetime import timedelta

import click

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_AGE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([smhdw])")
_LONGEST = timedelta(days=365_000)
"""So long before now there still is a date."""


def parse_age(text: str) -> timedelta:
    """``7d``, ``12h``, ``1.5 h``; no longer than a thousand years.

    Raises:
        ValueError: it is no age.
    """
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no age")
    seconds = float(match[1]) * _SECONDS[match[2]]
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f"{text!r} is out of range")
    return timedelta(seconds=seconds)


def age_value(_ctx: click.Context, _param: click.Parameter, text: str) -> timedelta:
    """The age that an option was given; for its ``callback``."""
    try:
        return parse_age(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}; write 7d, 12h or 30m") from None


def size_text(size: int) -> str:
    """Bytes, in the largest unit of which there is one: ``999 bytes``, ``1.5 MB``."""
    if size < 1000:
        return f"{size} bytes"
    amount, unit = float(size), ""
    for unit in ("kB", "MB", "GB", "TB"):  # noqa: B007  the last one said stays
        amount /= 1000
        if amount < 999.95:
            break
    return f"{amount:.1f} {unit}"
