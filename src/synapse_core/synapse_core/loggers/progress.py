"""How far one category of an action's progress is, how fast it goes and how long it will take."""

from __future__ import annotations

from time import monotonic
from typing import NamedTuple

from attrs import frozen


@frozen
class ProgressData:
    """Where one category of progress stands.

    Attributes:
        current: Units done.
        total: Units in all; None where that is not known.
        percent: 0 to 100; 0 where the total is not known.
        elapsed: Seconds since the category's first report.
        rate: Units a second, counted from the first report to the newest; None until two reports tell.
        time_remaining: Seconds until ``total`` is reached at that rate; None where that cannot be told.
    """

    current: float = 0
    total: float | None = None
    percent: float = 0.0
    elapsed: float = 0.0
    rate: float | None = None
    time_remaining: float | None = None


class Pace(NamedTuple):
    """What is kept of a category's reports: the newest, and the one that the rate is counted from."""

    current: float
    total: float | None
    at: float
    base: float
    since: float

    @classmethod
    def first(cls, current: float, total: float | None, at: float) -> Pace:
        """The first report, ``at`` a time in seconds."""
        return cls(current, total, at, current, at)

    def then(self, current: float, total: float | None, at: float) -> Pace:
        """The next report; one that goes back (a new epoch) starts the count anew."""
        if current < self.current:
            return Pace.first(current, total, at)
        return Pace(current, total, at, self.base, self.since)

    def data(self, now: float | None = None) -> ProgressData:
        """Where the category stands ``now`` (`time.monotonic` seconds)."""
        span, done = self.at - self.since, self.current - self.base
        rate = done / span if span > 0 and done > 0 else None
        left = max(self.total - self.current, 0) / rate if rate and self.total is not None else None
        percent = min(max(100 * self.current / self.total, 0.0), 100.0) if self.total else 0.0
        elapsed = (monotonic() if now is None else now) - self.since
        return ProgressData(self.current, self.total, percent, elapsed, rate, left)
