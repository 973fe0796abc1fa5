"""What is typed on a command line is read for the type of its field."""

from __future__ import annotations

import enum
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.errors import ValidationError
from synapse_core.schema import Schema, parse_text


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@attrs.define
class Layer:
    units: int


@pytest.mark.parametrize(
    ("text", "wanted", "value"),
    [
        ("3", int, 3),
        ("-3", int, -3),
        ("1e3", int, 1000),
        ("0.5", float, 0.5),
        ("3", float, 3.0),
        ("yes", bool, True),
        ("True", bool, True),
        ("off", bool, False),
        ("0", bool, False),
        ("3", str, "3"),
        ("null", str, "null"),
        ("", str, ""),
        ("/a b", Path, "/a b"),
        ("2026-01-02", datetime, "2026-01-02"),
        ("90", timedelta, 90.0),
        ("PT1M", timedelta, "PT1M"),
        ("0.10", Decimal, "0.10"),
        ("null", int | None, None),
        ("None", int | None, None),
        ("3", int | None, 3),
        ("3", int | str, 3),
        ("a", int | str, "a"),
        ("true", bool | str, True),
        ("[1, 2]", list[int] | str, [1, 2]),
        ("[1, 2", list[int] | str, "[1, 2"),
        ("2", Colour, 2),
        ("RED", Colour, 1),
        ("b", Literal["a", "b"], "b"),
        ("1", Literal["a", 1], 1),
        ("true", Literal[True], True),
        ("[1, 2]", list[int], [1, 2]),
        ('{"a": 1}', dict[str, int], {"a": 1}),
        ('{"a": 1}', Counter[str], {"a": 1}),
        ('{"units": 1}', Layer, {"units": 1}),
        ('{"units": 1}', Layer | None, {"units": 1}),
        ("[1]", Any, [1]),
        ("abc", Any, "abc"),
        ("NaN", Any, "NaN"),
        ("3", Annotated[int, "words"], 3),
    ],
)
def test_text_is_read_for_its_type(text, wanted, value):
    """The same text is another value for another type."""
    made = parse_text(text, wanted)
    assert made == value
    assert type(made) is type(value)


@pytest.mark.parametrize(
    ("text", "wanted", "message"),
    [
        ("x", int, "expected int, got 'x'"),
        ("1.5", int, "expected int, got '1.5'"),
        ("nan", int, "expected int, got 'nan'"),
        ("nan", float, "expected float, got 'nan'"),
        ("maybe", bool, "expected bool (true or false), got 'maybe'"),
        ("x", int | None, "expected int or None, got 'x'"),
        ("green", Colour, "expected one of 1, 2, got 'green'"),
        ("c", Literal["a", "b"], "expected one of 'a', 'b', got 'c'"),
        ("a,b", list[str], """expected list[str] (in JSON, as ["a", "b"]), got 'a,b'"""),
        ("{}", list[str], """expected list[str] (in JSON, as ["a", "b"]), got '{}'"""),
        ("[]", dict[str, int], """expected dict[str, int] (in JSON, as {"key": "value"}), got '[]'"""),
        ("soon", datetime, "expected datetime (ISO 8601 text), got 'soon'"),
        ("soon", timedelta, "expected timedelta (seconds, or ISO 8601 text), got 'soon'"),
        ("[" * 10_000, list[str], "expected list[str] (in JSON"),
    ],
)
def test_text_that_means_nothing(text, wanted, message):
    """The error says what was expected, and how it is written."""
    with pytest.raises(ValidationError) as caught:
        parse_text(text, wanted, path="layers[0].units")
    (issue,) = caught.value.issues
    assert issue.path == "layers[0].units"
    assert issue.message.startswith(message)


@given(st.text(), st.sampled_from([int, float, bool, str, Path, int | None, list[int], Colour, Layer, Any, Decimal]))
def test_what_is_read_fits_or_is_refused(text, wanted):
    """Any text is read or refused; of scalars, what is read can be structured."""
    try:
        value = parse_text(text, wanted)
    except ValidationError:
        return
    if wanted not in (list[int], Layer):
        Schema().structure(value, wanted)
