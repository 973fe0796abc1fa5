"""What came out: `Row`, the samples of one measurement and what they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from attrs import frozen

_NOISY = 1.5
"""A spread (worst over best quarter) from which a figure says more of the machine than of the code."""

_SCALES = {
    "s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")),
    "B": ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B")),
}


@frozen
class Row:
    """One measurement's samples, ours and the bare parts'; or, in ``missing``, why there are none."""

    name: str
    about: str
    bare_about: str
    unit: str
    target: float | None = None
    ours: tuple[float, ...] = ()
    bare: tuple[float, ...] = ()
    missing: str = ""
    times: float | None = None

    @property
    def holds(self) -> bool | None:
        """Whether the medians are within the target; None where there is no target, or no figure."""
        return self._holds(median)

    def _holds(self, figure: Callable[[Sequence[float]], float]) -> bool | None:
        if self.missing or (self.target is None and self.times is None):
            return None
        limit = self.target if self.times is None else self.times * figure(self.bare)
        return limit is not None and figure(self.ours) <= limit

    @property
    def spread(self) -> float:
        """The upper quartile over the lower: 1.0 is no noise at all."""
        ordered = sorted(self.ours)
        low, high = ordered[len(ordered) // 4], ordered[-1 - len(ordered) // 4]
        return high / low if low > 0 else 1.0

    @property
    def verdict(self) -> str:
        """``yes`` or ``no``, and whether noise may have said it."""
        if self.holds is None:
            return self.missing or "–"
        if self.holds:
            return "yes"
        return "no, but its best does" if self._holds(min) else "no"

    def cells(self) -> tuple[str, ...]:
        """The row as texts, one for each of `HEADINGS`."""
        wanted = f"≤ {self.times:g} ×" if self.times is not None else "–"
        if self.target is not None:
            wanted = f"≤ {shown(self.target, self.unit)}"
        if self.missing:
            return (self.name, "–", "–", "–", "–", wanted, self.verdict)
        ours, bare = median(self.ours), median(self.bare)
        noisy = " ~" if self.spread >= _NOISY else ""
        ratio = f"{ours / bare:.3g} ×" if bare > 0 else "–"
        figures = (shown(ours, self.unit) + noisy, shown(min(self.ours), self.unit), shown(bare, self.unit), ratio)
        return (self.name, *figures, wanted, self.verdict)


HEADINGS = ("", "ours", "best", "limit", "ratio", "target", "holds")


def shown(value: float, unit: str) -> str:
    """``value`` with three digits, in the unit's multiple that suits it: ``3.21 µs``."""
    scales = _SCALES[unit]
    size, name = next((scale for scale in scales if abs(value) >= scale[0]), scales[-1])
    number = f"{value / size:.3g}"
    return f"{float(number):.0f} {name}" if "e" in number else f"{number} {name}"
