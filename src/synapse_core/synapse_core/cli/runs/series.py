"""``synapse runs metrics``: series, small plots of them, and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from attrs import define, field
from rich.text import Text

from synapse_core.builtin.console.terminal import terminal
from synapse_core.builtin.console.text import short_number, visible
from synapse_core.cli.runs.finding import check_action
from synapse_core.cli.runs.following import read
from synapse_core.cli.runs.tables import print_table
from synapse_core.cli.runs.telling import is_of
from synapse_core.cli.tables import show_json
from synapse_core.cli.telling import say
from synapse_core.events import Event, Kind

if TYPE_CHECKING:
    from synapse_core.session import Session

_PLOT = 32
_BARS = "▁▂▃▄▅▆▇█"
_ASCII_BARS = "_.-=*#"
_NOT_IN_JSON = ("nan", "inf", "-inf")
_HEADS = ("ACTION", "METRIC", "FIRST", "LAST", "LOWEST", "HIGHEST", "POINTS", "COURSE")


@define
class Series:
    """The values of one metric of one action, in the order in which they were reported."""

    action: str
    category: str | None
    name: str
    points: list[tuple[int, datetime, float]] = field(factory=list)

    @property
    def values(self) -> list[float]:
        """The values alone."""
        return [value for _, _, value in self.points]

    def to_json(self, most: int) -> dict[str, Any]:
        """As JSON data, with ``most`` points at most; ``nan`` and the infinities as text, as events have them."""
        points = [
            {"seq": seq, "time": at.isoformat(), "value": value if isfinite(value) else str(value)}
            for seq, at, value in thinned(self.points, most)
        ]
        about = {"action": self.action, "category": self.category, "name": self.name}
        return {**about, "count": len(self.points), "points": points}


def tell_metrics(
    session: Session, run_id: str, *, action: str | None, name: str | None, points: int, as_json: bool
) -> None:
    """Print the series of a run.

    Raises:
        RunNotFoundError: there is no such run.
        NotFoundError: it has no such action.
    """
    check_action(session.call(session.store.record(run_id)), action)
    events = (event for page in read(session, run_id, kinds={Kind.ACTION_METRICS}) for event in page)
    found = series_of((event for event in events if is_of(event, action)), name)
    if as_json:
        show_json({"run_id": run_id, "series": [each.to_json(points) for each in found]})
    elif found:
        print_table(_HEADS, [_row(each) for each in found])
    else:
        say("no such metrics" if action or name else "no metrics")


def series_of(events: Iterable[Event], name: str | None = None) -> list[Series]:
    """The series that events of metrics make up; what is no number is in none."""
    found: dict[tuple[str, str | None, str], Series] = {}
    for event in events:
        category = event.payload.get("category")
        for key, value in event.payload.get("metrics", {}).items():
            number = _number(value)
            if name in (None, key) and number is not None:
                series = found.setdefault(
                    (event.action or "", category, key), Series(event.action or "", category, key)
                )
                series.points.append((event.seq, event.time, number))
    return list(found.values())


def _number(value: Any) -> float | None:
    """The number, as it was reported: what JSON has none of is kept as text."""
    if value in _NOT_IN_JSON:
        return float(value)
    return value if isinstance(value, int | float) else None


def thinned(points: Sequence[Any], most: int) -> list[Any]:
    """Evenly spaced points, the first and the last among them."""
    last = len(points) - 1
    if last < most:
        return list(points)
    return [points[place * last // (most - 1)] for place in range(most)]


def plot(values: Sequence[float], width: int = _PLOT, bars: str = _BARS) -> str:
    """The course of the values in one line, each bar the mean of its part; what is not finite is left out."""
    found = [value for value in values if isfinite(value)]
    if not found:
        return ""
    width = min(width, len(found))
    parts = [found[place * len(found) // width : (place + 1) * len(found) // width] for place in range(width)]
    means = [sum(part) / len(part) for part in parts]
    low, high = min(means), max(means)
    span = (high - low) or 1.0
    return "".join(bars[round((mean - low) / span * (len(bars) - 1))] for mean in means)


def _row(series: Series) -> list[str | Text]:
    values = series.values
    ordered = [value for value in values if isfinite(value)] or values
    bars = _ASCII_BARS if terminal().options.ascii_only else _BARS
    name = f"{series.category}/{series.name}" if series.category else series.name
    numbers = (values[0], values[-1], min(ordered), max(ordered))
    return [
        visible(series.action),
        visible(name),
        *map(short_number, numbers),
        str(len(values)),
        Text(plot(values, bars=bars), "cyan"),
    ]
