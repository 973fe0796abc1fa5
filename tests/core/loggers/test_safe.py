"""Any value becomes JSON data, and none breaks the one who logs it."""

from __future__ import annotations

import json
from collections import OrderedDict
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.env import PluginEnvironment
from synapse_core.loggers.safe import LONGEST_REPR, as_number, json_safe
from synapse_core.models import LogLevel

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


class Broken:
    """Whatever one does with it raises."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__
    __iter__ = __len__ = __float__ = item = __repr__


BROKEN = "<Broken, whose repr fails>"


class Sly:
    """Has no attribute that does not raise."""

    def __getattr__(self, name: str):
        raise RuntimeError(name)

    def __repr__(self) -> str:
        return "Sly()"


class Colour(Enum):
    RED = "red"
    NONE = None


class TestJsonSafe:
    @given(plain)
    def test_json_data_stays_as_it_is(self, value):
        """What is JSON data already comes out equal."""
        assert json_safe(value) == value

    @given(
        st.recursive(
            st.floats()
            | st.text(st.characters())
            | st.binary()
            | st.datetimes()
            | st.decimals()
            | st.complex_numbers(),
            lambda inner: st.lists(inner) | st.dictionaries(st.integers() | st.text(st.characters()), inner),
            max_leaves=10,
        )
    )
    def test_all_else_becomes_json_data_that_is_utf8(self, value):
        """The outcome is strict JSON, in text that can be written."""
        json.dumps(json_safe(value), allow_nan=False, ensure_ascii=False).encode()

    @pytest.mark.parametrize(
        ("value", "wanted"),
        [
            (float("nan"), "nan"),
            (float("inf"), "inf"),
            (-float("inf"), "-inf"),
            (np.float32("nan"), "nan"),
            (np.float64(0.5), 0.5),
            (np.int64(3), 3),
            (10**300, 10**300),
            (10**400, f"1{'0' * 400}"),
            pytest.param(10**5000, "<int, whose repr fails>", id="longer-than-python-writes"),
            (np.bool_(True), True),
            (np.array(2.5), 2.5),
            (np.array([1, 2]), "array([1, 2])"),
            (Decimal("0.5"), 0.5),
            (Fraction(1, 4), 0.25),
            (LogLevel.ERROR, "error"),
            (Colour.RED, "red"),
            (Colour.NONE, None),
            (Path("a/b"), "a/b"),
            (datetime(2026, 1, 2, 3, tzinfo=UTC), "2026-01-02T03:00:00+00:00"),
            (b"\xff", "b'\\xff'"),
            ((1, {2}), [1, [2]]),
            (OrderedDict(a=1), {"a": 1}),
            (MappingProxyType({"a": 1}), {"a": 1}),
            ({1: "a", None: "b", LogLevel.INFO: "c", "é": 1}, {"1": "a", "None": "b", "info": "c", "é": 1}),
            ("\udc80 é", "\\udc80 é"),
        ],
    )
    def test_values(self, value, wanted):
        """Numbers of all kinds become numbers, what JSON cannot say becomes text."""
        found = json_safe(value)
        assert found == wanted
        assert type(found) is type(wanted)

    def test_hostile_objects(self):
        """One that raises from everywhere is told by its type, one that can be shown is shown."""
        assert json_safe([Sly(), Broken(), {Broken(): 1}]) == ["Sly()", BROKEN, {BROKEN: 1}]

    def test_the_original_may_change_afterwards(self):
        """Nothing mutable is shared."""
        inner = [1]
        found = json_safe({"a": inner})
        inner.append(2)
        assert found == {"a": [1]}

    def test_cycles_end(self):
        """A structure that holds itself is shown, not followed."""
        loop: list[object] = [1]
        loop.append(loop)
        assert json_safe({"loop": loop}) == {"loop": [1, "[1, [...]]"]}

    def test_depth_is_bounded(self):
        """Something very deep is cut off, not followed into a RecursionError."""
        deep: list[object] = []
        for _ in range(100_000):
            deep = [deep]
        json.dumps(json_safe(deep))

    def test_long_reprs_are_cut(self):
        """An object with a huge repr does not fill the log."""
        huge = type("Huge", (), {"__repr__": lambda _: "x" * 10**6})()
        assert len(json_safe(huge)) == LONGEST_REPR + 1

    def test_environment_keeps_its_secrets(self):
        """An environment that is logged as data shows no secret."""
        found = json_safe({"env": PluginEnvironment.from_dict({"API_KEY": "hunter2-hunter2", "n": 1})})
        assert found == {"env": {"API_KEY": "***", "n": 1}}


class TestAsNumber:
    @pytest.mark.parametrize(
        ("value", "wanted"),
        [
            (3, 3),
            (0.5, 0.5),
            (True, 1),
            (np.int32(3), 3),
            (np.float32(0.5), 0.5),
            (np.array([7]), 7),
            (Decimal("1.5"), 1.5),
            (None, None),
            ("3", None),
            (float("nan"), None),
            (float("-inf"), None),
            (np.float64("nan"), None),
            (np.array([1, 2]), None),
            ([], None),
            (10**400, None),
        ],
    )
    def test_numbers(self, value, wanted):
        """Finite numbers of any library become Python's; all else is none."""
        found = as_number(value)
        assert found == wanted
        assert type(found) in {int, float, type(None)}

    def test_hostile_objects(self):
        """One that raises from everywhere is no number."""
        assert as_number(Broken()) is None
        assert as_number(Sly()) is None
