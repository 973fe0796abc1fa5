"""What users and actions say is made harmless and short."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.builtin.console.text import (
    LONGEST_LINE,
    MOST_LINES,
    clean,
    clean_lines,
    pairs,
    short_number,
    short_rate,
    short_time,
    short_value,
    visible,
)


@given(st.text(st.characters(), max_size=60), st.sampled_from(["utf-8", "ascii", "latin-1", "cp1252"]))
def test_nothing_that_drives_a_terminal_gets_through(text: str, encoding: str) -> None:
    """Whatever is said becomes one line that the encoding has and that holds no control character."""
    shown = visible(text, encoding)
    shown.encode(encoding)
    assert not any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in shown)
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") & set(shown)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    """Printable ASCII is not touched, but for white space where a line is folded."""
    assert clean(text) == text
    assert visible(text) == " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        ("a\nb\tc", "utf-8", "a b c"),
        ("\x1b[31mred", "utf-8", "\\x1b[31mred"),
        ("caf\u00e9 \U0001f600", "utf-8", "caf\u00e9 \U0001f600"),
        ("caf\u00e9 \U0001f600", "ascii", "caf\\xe9 \\U0001f600"),
        ("\udcff", "utf-8", "\\udcff"),
        ("safe\u202egpj.exe", "utf-8", "safe\\u202egpj.exe"),
    ],
)
def test_text_as_it_is_shown(text: str, encoding: str, shown: str) -> None:
    """New lines are folded, codes and what the encoding lacks are written as escapes, the rest is kept."""
    assert visible(text, encoding) == shown


def test_lines_keep_their_blanks_and_are_bounded() -> None:
    """A table in a log entry stays a table; an entry of a million lines does not."""
    assert clean_lines("a\n  1\t2\n") == ["a", "  1     2"]
    many = clean_lines("x\n" * 1_000_000)
    assert len(many) == MOST_LINES + 1
    assert many[-1] == f"({1_000_000 - MOST_LINES} more lines)"
    (long,) = clean_lines("y" * (LONGEST_LINE + 5))
    assert long.endswith("(5 more characters)")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.123456, "0.1235"),
        (1797, "1797"),
        (1797.0, "1797"),
        (123456.789, "1.235e+05"),
        (1e-9, "1e-09"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (True, "True"),
    ],
)
def test_numbers_have_four_digits(value: float, shown: str) -> None:
    """Four significant digits; whole numbers in full; what is no number as itself."""
    assert short_number(value) == shown


def test_metrics_in_pairs() -> None:
    """Metrics are pairs; a value that is no number is cut."""
    assert pairs({"loss": 0.25, "note": "a\nb"}) == "loss=0.25 note=a b"
    assert short_value("x" * 100) == "x" * 37 + "..."


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-1, "0ms"),
        (0.0412, "41ms"),
        (0.0996, "0.1s"),
        (0.44, "0.4s"),
        (12.4, "12s"),
        (59.7, "1:00"),
        (187, "3:07"),
        (3723, "1:02:03"),
        (86_399.6, "1d 00h"),
        (183_600, "2d 03h"),
    ],
)
def test_times(seconds: float, shown: str) -> None:
    """Times are as short as they can be read."""
    assert short_time(seconds) == shown


@pytest.mark.parametrize(
    ("rate", "shown"),
    [(12.345, "12.3/s"), (0.05, "3/min"), (0.001, "3.6/h"), (1234, "1.23k/s"), (2.5e6, "2.5M/s"), (0, "0/s")],
)
def test_rates(rate: float, shown: str) -> None:
    """Slow rates are told by the minute or hour, fast ones in thousands."""
    assert short_rate(rate) == shown
