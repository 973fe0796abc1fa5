"""Ages and sizes, as they are written on a command line."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from synapse_core.cli.amounts import parse_age, size_text

LETTERS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
UNITS = {"bytes": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@given(st.integers(0, 50_000), st.sampled_from(sorted(LETTERS)), st.sampled_from(["", " "]))
def test_an_age_is_a_number_and_a_letter(number: int, letter: str, blank: str) -> None:
    """So many seconds, minutes, hours, days or weeks; blanks say nothing."""
    assert parse_age(f" {number}{blank}{letter} ") == timedelta(**{LETTERS[letter]: number})
    assert parse_age(f"{number}.5{letter}") == timedelta(**{LETTERS[letter]: number + 0.5})


@given(st.text(max_size=6).filter(lambda text: text.strip()[:1] not in set("0123456789")))
@example("-1d")
@example("nand")
@example("٣d")
def test_what_does_not_begin_with_a_number_is_no_age(text: str) -> None:
    """It is an error that quotes it."""
    with pytest.raises(ValueError, match=re.escape(f"{text!r} is no age")):
        parse_age(text)


@pytest.mark.parametrize("text", ["7", "1y", "1.d", "1e3s", "1.2.3d", "1d 2h"])
def test_a_number_alone_is_no_age(text: str) -> None:
    """Nor is one with another letter, one that is not written out, or two of them."""
    with pytest.raises(ValueError, match="is no age"):
        parse_age(text)


@pytest.mark.parametrize("text", ["999999d", "9" * 400 + "d"])
def test_an_age_before_all_dates(text: str) -> None:
    """It is out of range, however long it is written."""
    with pytest.raises(ValueError, match="is out of range"):
        parse_age(text)


@given(st.integers(0, 10**16))
@example(999)
@example(1000)
@example(999_949)
@example(999_950)
@example(999_999_999)
def test_a_size_is_told_in_the_largest_unit_of_which_there_is_one(size: int) -> None:
    """To the byte below a thousand, else to a tenth; what is shown is 1 to 999.9, but for terabytes."""
    amount, unit = size_text(size).split()
    shown, one = float(amount), UNITS[unit]
    assert abs(shown * one - size) <= (0 if unit == "bytes" else 0.0501 * one)
    assert shown < 1000 or unit == "TB"
    assert unit == "bytes" or shown >= 1
