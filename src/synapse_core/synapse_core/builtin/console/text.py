"""What users and actions say, as text that a terminal can be trusted with; numbers and times, short."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from math import isfinite
from typing import Any

LONGEST_VALUE = 40
"""A metric that is no number is cut to this many characters."""

LONGEST_LINE = 2_000
MOST_LINES = 50
"""More characters of a line, and more lines of a log entry, are not shown."""

_BLANKS = re.compile(r"\s+")
_DAY = 86_400


def clean(text: str, encoding: str = "utf-8") -> str:
    r"""``text`` with all that could drive the terminal shown as an escape.

    Control characters, lone surrogates, and the marks that turn the direction of writing become what Python would
    write for them (``\x1b``); so do characters that ``encoding`` does not have.
    """
    if not text.isprintable():
        text = "".join(char if char.isprintable() or _harmless(char) else _escape(char) for char in text)
    return text if text.isascii() else text.encode(encoding, "backslashreplace").decode(encoding)


def visible(text: object, encoding: str = "utf-8") -> str:
    """``text`` in one `clean` line, its white space folded."""
    return clean(_BLANKS.sub(" ", str(text)).strip(), encoding)


def clean_lines(text: str, encoding: str = "utf-8") -> list[str]:
    """The `clean` lines of ``text``, their blanks kept; of a long text the first lines, and how many more there are."""
    lines = text[: LONGEST_LINE * MOST_LINES].expandtabs().rstrip().split("\n")
    cut = [_cut(clean(line.rstrip("\r"), encoding)) for line in lines[:MOST_LINES]]
    more = text.rstrip().count("\n") + 1 - len(cut)
    return [*cut, f"({more} more lines)"] if more > 0 else cut


def _cut(line: str) -> str:
    more = len(line) - LONGEST_LINE
    return f"{line[:LONGEST_LINE]} ({more} more characters)" if more > 0 else line


def _harmless(char: str) -> bool:
    """Joins emoji and letters of some scripts; moves nothing."""
    return char in "\u200c\u200d" or unicodedata.category(char) in {"Co", "Zs"}


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "backslashreplace").decode("ascii")


def short_number(value: float) -> str:
    """Four significant digits; whole numbers in full while they are short."""
    if isinstance(value, bool) or not isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e7:
        return str(int(value))
    return f"{value:.4g}"


def short_value(value: Any, encoding: str = "utf-8") -> str:
    """A metric's value: a number short, anything else cut."""
    if isinstance(value, int | float):
        return short_number(value)
    text = visible(value, encoding)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."


def pairs(data: Mapping[str, Any], encoding: str = "utf-8") -> str:
    """``loss=0.1234 accuracy=0.95``."""
    return " ".join(f"{visible(key, encoding)}={short_value(value, encoding)}" for key, value in data.items())


def short_time(seconds: float) -> str:
    """``40ms``, ``0.4s``, ``12s``, ``3:07``, ``1:02:03``, ``2d 03h``."""
    seconds = max(seconds, 0.0)
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    if whole < _DAY:
        return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
    return f"{whole // _DAY}d {whole % _DAY // 3600:02}h"


def short_rate(per_second: float) -> str:
    """``12.5/s``; slow ones by the minute or the hour, fast ones in thousands and millions."""
    if per_second >= 1e6:
        return f"{per_second / 1e6:.3g}M/s"
    if per_second >= 1e3:
        return f"{per_second / 1e3:.3g}k/s"
    if per_second >= 0.1 or per_second <= 0:
        return f"{per_second:.3g}/s"
    per_minute = per_second * 60
    return f"{per_minute:.3g}/min" if per_minute >= 0.1 else f"{per_minute * 60:.3g}/h"
