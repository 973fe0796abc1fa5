"""Taking the samples of a suite."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator

from benchmarks.rows import Row
from benchmarks.suite import Measurement, Unavailable, Work


def measure(measurements: Iterable[Measurement], repeats: int, tell: Callable[[str], None]) -> Iterator[Row]:
    """Take ``repeats`` samples of each; ``tell`` is told how it goes."""
    for each in measurements:
        tell(f"{each.name} …")
        try:
            with each.setup() as work:
                ours, bare = _sampled(work, min(repeats, each.most or repeats))
        except Unavailable as why:
            yield Row(each.name, each.about, each.bare, each.unit, each.target, missing=str(why), times=each.times)
            continue
        yield Row(each.name, each.about, each.bare, each.unit, each.target, ours, bare, times=each.times)


def _sampled(work: Work, repeats: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The two sides in turn, so that a busy moment of the machine strikes both; what warms up is not counted."""
    pairs = []
    for _ in range(repeats + (repeats > 1)):
        gc.collect()
        pairs.append((work.ours(), work.bare()))
    ours, bare = zip(*pairs[-repeats:], strict=True)
    return ours, bare
