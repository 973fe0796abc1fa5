"""``synapse runs metrics``, and times as they are written."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core import RuntimeContext, action
from synapse_core.cli.runs.series import plot, thinned
from synapse_core.cli.runs.times import ago, parse_since
from synapse_core.events import now
from tests.core.cli_runs.helpers import FAN_OUT, WORK, Place, load


@action
def diverge(params: dict[str, Any], context: RuntimeContext) -> dict[str, Any]:
    """Its loss goes wrong, and its gain never was right."""
    for loss in (0.5, math.inf, math.nan):
        context.set_metrics({"loss": loss, "gain": math.nan, "note": "a text"})
    return {}


def test_metrics_are_series(place: Place) -> None:
    """One for each action, category and name; what is no number is in none."""
    run_id = place.ran(WORK)
    (loss,) = place.runs("metrics", run_id, "--json").json["series"]
    assert (loss["action"], loss["category"], loss["name"], loss["count"]) == ("learn", "train", "loss", 10)
    assert [point["value"] for point in loss["points"]] == [1 / step for step in range(1, 11)]
    row = place.runs("metrics", run_id).out.splitlines()[1].split()
    assert row == ["learn", "train/loss", "1", "0.1", "0.1", "1", "10", "█▄▃▂▂▂▁▁▁▁"]


def test_metrics_can_be_chosen_and_thinned(place: Place) -> None:
    """By action, instances too, and by name; the first and the last point stay."""
    run_id = place.ran(WORK)
    (loss,) = place.runs("metrics", run_id, "--json", "--points", "3").json["series"]
    assert [point["value"] for point in loss["points"]] == [1.0, 1 / 5, 0.1]
    assert place.runs("metrics", run_id, "--name", "gain").err == "no such metrics\n"
    fan_out = place.ran(FAN_OUT, {"numbers": [2, 3]})
    found = place.runs("metrics", fan_out, "--action", "square", "--json").json["series"]
    assert sorted((each["action"], each["points"][0]["value"]) for each in found) == [
        ("square[0]", 4),
        ("square[1]", 9),
    ]
    assert place.runs("metrics", place.ran([load])).err == "no metrics\n"


def test_metrics_that_went_wrong_are_in_their_series(place: Place) -> None:
    """A loss that has become nan is seen as that, and not as the last one that was none."""
    run_id = place.ran([diverge])
    series = place.runs("metrics", run_id, "--json").json["series"]
    told = {each["name"]: [point["value"] for point in each["points"]] for each in series}
    assert told == {"loss": [0.5, "inf", "nan"], "gain": ["nan", "nan", "nan"]}
    loss, gain = (line.split() for line in place.runs("metrics", run_id).out.splitlines()[1:])
    assert loss == ["diverge", "loss", "0.5", "nan", "0.5", "0.5", "3", "▁"]
    assert gain == ["diverge", "gain", *["nan"] * 4, "3"]


@given(st.lists(st.integers(), max_size=200), st.integers(2, 50))
def test_thinning_keeps_order_and_ends(points: list[int], most: int) -> None:
    """No more than asked for, in order, the first and the last among them."""
    found = thinned(list(enumerate(points)), most)
    assert len(found) == min(most, len(points))
    assert found == sorted(set(found))
    if points:
        assert (found[0][0], found[-1][0]) == (0, len(points) - 1)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200))
def test_a_plot_tells_up_from_down(values: list[float]) -> None:
    """One line of at most 32 bars, the lowest and the highest among them."""
    bars = plot(values)
    assert len(bars) == min(len(values), 32)
    if len(values) <= 32 and len(set(values)) > 1:
        assert bars[values.index(min(values))] == "▁"
        assert bars[values.index(max(values))] == "█"


def test_what_is_no_finite_number_is_not_plotted() -> None:
    """A loss that exploded leaves the rest readable."""
    assert plot([float("nan"), 1.0, 2.0, float("inf")]) == "▁█"
    assert plot([float("nan")]) == ""


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1.5h", 5400), ("2d", 172_800), ("1w", 604_800)]
)
def test_ages(text: str, seconds: int) -> None:
    """So long before now."""
    assert abs((now() - parse_since(text)).total_seconds() - seconds) < 60


def test_dates() -> None:
    """Local, unless they say otherwise; what is no time is an error."""
    assert parse_since("2026-11-20").hour == 0
    assert parse_since("2026-11-20T15:30:00+02:00").timestamp() == 1_795_181_400.0
    for text in ("", "soon", "5", "-2h", "99999999999w"):
        with pytest.raises(ValueError):  # noqa: PT011  any is shown as a wrong option
            parse_since(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "just now"), (12, "12 s ago"), (300, "5 min ago"), (7200, "2 h ago"), (3 * 86_400, "3 days ago")],
)
def test_how_long_ago(seconds: int, text: str) -> None:
    """Short, and the date from a week on."""
    at = now()
    assert ago(at - timedelta(seconds=seconds), at) == text
    assert ago(at - timedelta(days=30), at).count("-") == 2
