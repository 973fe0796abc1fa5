"""Times as people write and read them."""

from __future__ import annotations

import contextlib
from datetime import datetime

from synapse_core.builtin.console.text import short_time
from synapse_core.cli.amounts import parse_age
from synapse_core.events import now


def parse_since(text: str) -> datetime:
    """``2h``: that long ago; ``2026-11-20``, ``2026-11-20T15:30``: then, in the local time zone unless it says one.

    Raises:
        ValueError: it is neither.
    """
    with contextlib.suppress(ValueError):
        return now() - parse_age(text)
    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except OverflowError:
        raise ValueError(f"{text!r} is out of range") from None


def ago(then: datetime, at: datetime | None = None) -> str:
    """``12 s ago``, ``5 min ago``, ``3 h ago``; the date from a week on."""
    seconds = ((at or now()) - then).total_seconds()
    if seconds < 1:
        return "just now"
    for limit, unit, size in ((90, "s", 1), (90 * 60, "min", 60), (36 * 3600, "h", 3600), (7 * 86_400, "days", 86_400)):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{then.astimezone():%Y-%m-%d}"


def clock(then: datetime | None) -> str:
    """``2026-11-20 15:30:00``, local; nothing for None."""
    return "" if then is None else f"{then.astimezone():%Y-%m-%d %H:%M:%S}"


def took(start: datetime | None, end: datetime | None) -> str:
    """``3.1s``, from start to end, or to now; nothing where it has not started."""
    return "" if start is None else short_time(((end or now()) - start).total_seconds())
