"""A pipeline's graph as a tree of rows: what runs beside each other is indented below where it parted.

    download
    convert
    ├─train            two branches of convert
    ├─train-2
    evaluate           where they join

Rows keep the pipeline's order. Where the drawing alone would tell another graph, a row names its needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import or_

from attrs import frozen


@frozen
class Branch:
    """One row's place: ``trunks`` says of each level above it whether its line goes on below this row.

    Attributes:
        starts: the row begins a branch (else it goes on below the row before it).
        first: nothing stands above the branch.
        needs: what the row comes after, where the drawing does not show it.
    """

    trunks: tuple[bool, ...] = ()
    starts: bool = False
    first: bool = False
    needs: tuple[str, ...] = ()

    @property
    def depth(self) -> int:
        """How many forks the row stands in."""
        return len(self.trunks)


def branches(names: Sequence[str], needs: Mapping[str, Sequence[str]]) -> tuple[Branch, ...]:
    """The place of each row. A need that is not above its row, or unknown, is not drawn."""
    graph = _Graph(names, needs)
    trunks = _trunks(graph)
    return tuple(
        Branch(
            trunks[row], graph.starts[row], row == 0, () if graph.is_shown(row) else tuple(needs.get(names[row], ()))
        )
        for row in range(len(names))
    )


class _Graph:
    """Rows by number; ``-1`` is the source before all roots, ``len(names)`` the sink after all ends."""

    def __init__(self, names: Sequence[str], needs: Mapping[str, Sequence[str]]) -> None:
        row_of = {name: row for row, name in enumerate(names)}
        self.sink = len(names)
        self.before: list[list[int]] = []
        self.after: dict[int, list[int]] = {row: [] for row in range(-1, len(names))}
        ancestors: list[int] = []  # of each row, as bits
        for row, name in enumerate(names):
            above = {row_of[need] for need in needs.get(name, ()) if row_of.get(need, row) < row}
            self.before.append(_nearest(above, ancestors) or [-1])
            ancestors.append(_bits(above, ancestors) | sum(1 << need for need in above))
            for need in self.before[-1]:
                self.after[need].append(row)
        self.fork = self._forks()
        self.join = self._joins()
        self.depth, self.starts = self._depths()

    def _forks(self) -> dict[int, int]:
        """By row, the nearest row that every way to it passes (its immediate dominator)."""
        found: dict[int, int] = {}
        for row, above in enumerate(self.before):
            meet = above[0]
            for other in above[1:]:
                while meet != other:
                    meet, other = (found[meet], other) if meet > other else (meet, found[other])  # noqa: PLW2901
            found[row] = meet
        return found

    def _joins(self) -> dict[int, int]:
        """By row, the nearest row that every way from it passes."""
        found: dict[int, int] = {}
        for row in range(self.sink - 1, -2, -1):
            below = self.after[row] or [self.sink]
            meet = below[0]
            for other in below[1:]:
                while meet != other:
                    meet, other = (found[meet], other) if meet < other else (meet, found[other])  # noqa: PLW2901
            found[row] = meet
        return found

    def _depths(self) -> tuple[list[int], list[bool]]:
        depth, starts = {-1: 0}, []
        for row in range(self.sink):
            fork = self.fork[row]
            starts.append(len(self.after[fork]) > 1 and self.join[fork] != row)
            depth[row] = depth[fork] + starts[row]
        return [depth[row] for row in range(self.sink)], starts

    def is_shown(self, row: int) -> bool:
        """Whether a reader of the drawing would guess the row's needs."""
        before, fork = self.before[row], self.fork[row]
        if self.starts[row] or len(self.after[fork]) == 1:
            level = self.depth[row] - self.starts[row]
            seen_as = next((above for above in range(row - 1, -1, -1) if self.depth[above] <= level), -1)
            return before == [fork] == [seen_as]
        inside = range(fork + 1, row)
        ends = [each for each in inside if not any(below < row for below in self.after[each])]
        return [need for need in before if need != fork] == ends


def _bits(rows: Iterable[int], ancestors: Sequence[int]) -> int:
    return reduce(or_, (ancestors[row] for row in rows), 0)


def _nearest(rows: set[int], ancestors: Sequence[int]) -> list[int]:
    """Those of ``rows`` that are no ancestors of another: the rest goes without saying."""
    known = _bits(rows, ancestors)
    return sorted(row for row in rows if not known >> row & 1)


def _trunks(graph: _Graph) -> list[tuple[bool, ...]]:
    """Of each row, from the last one up: which levels' lines go on below it."""
    found: list[tuple[bool, ...]] = []
    below = [False] * (max(graph.depth, default=0) + 1)
    for depth, starts in zip(reversed(graph.depth), reversed(graph.starts), strict=True):
        found.append(tuple(below[:depth]))
        if starts:
            below[depth - 1] = True
        below[depth] = not starts
        below[depth + 1 :] = [False] * (len(below) - depth - 1)
    return found[::-1]
