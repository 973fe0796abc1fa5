"""What is measured: a `Suite` of themes, whose measurements are small functions that set up `Work`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from attrs import define, field, frozen

Sample = Callable[[], float]
"""Does the work once and says what it cost: seconds, or bytes."""

Setup = Callable[[], Iterator["Work"]]


class Unavailable(Exception):  # noqa: N818  it is no error: the row says so, and the rest goes on
    """This cannot be measured here; the message says why."""


@frozen
class Work:
    """The two sides of a measurement, sampled in turn: ``ours``, and the same with ``bare`` parts."""

    ours: Sample
    bare: Sample


@frozen
class Measurement:
    """One row of the table.

    Attributes:
        name: what is measured.
        setup: yields the work; what stands after the yield cleans up.
        bare: what the bare parts are.
        target: what ours may cost at most; None where none was asked for.
        unit: ``s`` or ``B``.
        most: how often it is repeated at most, where one sample takes seconds.
        times: how many times the bare parts ours may cost at most, where that was asked for.
    """

    name: str
    setup: Callable[[], AbstractContextManager[Work]] = field(repr=False)
    bare: str
    target: float | None = None
    unit: str = "s"
    most: int | None = None
    times: float | None = None

    @property
    def about(self) -> str:
        """What exactly is done: the setup's docstring."""
        return " ".join((self.setup.__doc__ or "").split())


@define
class Theme:
    """Measurements that belong together, in the order they are shown.

    ::

        @theme.measures("a call", bare="a bare call", target=4e-6)
        def calls():
            'What exactly is done.'
            yield Work(ours=…, bare=…)
    """

    measurements: list[Measurement] = field(factory=list)

    def measures(
        self,
        name: str,
        *,
        bare: str,
        target: float | None = None,
        unit: str = "s",
        most: int | None = None,
        times: float | None = None,
    ) -> Callable[[Setup], Setup]:
        """Add the measurement that a function sets up; see `Measurement` for the arguments."""

        def add(setup: Setup) -> Setup:
            self.measurements.append(Measurement(name, contextmanager(setup), bare, target, unit, most, times))
            return setup

        return add


@frozen
class Suite:
    """What one table shows: themes, in order."""

    name: str
    about: str
    themes: tuple[Theme, ...]

    def matching(self, word: str) -> list[Measurement]:
        """The measurements with ``word`` in their name."""
        every = [each for theme in self.themes for each in theme.measurements]
        return [each for each in every if word.lower() in each.name.lower()]
