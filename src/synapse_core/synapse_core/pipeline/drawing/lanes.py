"""The drawing of any graph, from top to bottom: a row a node, a lane for each node that is waited for.

::

    ●   download
    ├─┐
    │ ● train-a
    ● │ train-b
    ├─┤
    │ ● compare
    ● │ eval-b
    ├─┘
    ●   report

A line to the side leaves the node above it: train-b leads to eval-b, and to compare, which waits for train-a too. A
line that goes straight through another (``─│─``) has nothing to do with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import define, field

from synapse_core.pipeline.drawing.marks import PLAIN, columns, label, symbol
from synapse_core.pipeline.drawing.shape import direct_needs
from synapse_core.pipeline.plan import Plan

_MOST_LANES = 16

# By the sides that are joined: up, down, left, right.
_CORNERS = {
    (True, True, True, True): "┼",
    (True, True, True, False): "┤",
    (True, True, False, True): "├",
    (True, False, True, True): "┴",
    (True, False, True, False): "┘",
    (True, False, False, True): "└",
    (False, True, True, True): "┬",
    (False, True, True, False): "┐",
    (False, True, False, True): "┌",
}


def draw_lanes(plan: Plan, status: Mapping[str, str], width: int) -> str | None:
    """The drawing; None where it would have more lanes, or be wider, than one can read."""
    lanes = _Lanes(plan, status)
    lanes.draw()
    edge = 2 * lanes.most
    rows = [f"{line:<{edge}}{name}".rstrip() for line, name in lanes.rows]
    return "\n".join(rows) if lanes.most <= _MOST_LANES and all(columns(row) <= width for row in rows) else None


@define(eq=False)
class _Lanes:
    """``waiting`` has, by lane, the node that the lane leads to; None where it is free."""

    plan: Plan
    status: Mapping[str, str]
    rows: list[tuple[str, str]] = field(factory=list)
    most: int = 0
    waiting: list[int | None] = field(factory=list)
    ended: dict[int, int] = field(factory=dict)
    children: list[list[int]] = field(factory=list)
    missing: list[int] = field(factory=list)

    def draw(self) -> None:
        needs = direct_needs(self.plan)
        self.missing = [len(parents) for parents in needs]
        self.children = [[] for _ in needs]
        for node, parents in enumerate(needs):
            for parent in parents:
                self.children[parent].append(node)
        roots = [node for node, parents in enumerate(needs) if not parents]
        for _ in needs:
            lane = self._ready()
            self._draw_node(self._open(roots.pop(0)) if lane is None else lane)
            if self.most > _MOST_LANES:
                return

    def _ready(self) -> int | None:
        """The lane furthest right whose node may be drawn: what it opens crosses nothing."""
        for lane in range(len(self.waiting) - 1, -1, -1):
            node = self.waiting[lane]
            if node is not None and not self.missing[node]:
                return lane
        return None

    def _draw_node(self, lane: int) -> None:
        node = self.waiting[lane]
        assert node is not None  # a lane is drawn because its node is ready
        planned = self.plan.nodes[node]
        cells = [" " if waits is None else "│" for waits in self.waiting]
        cells[lane] = symbol(planned, self.status) or PLAIN
        self.rows.append((" ".join(cells), label(planned)))
        self.waiting[lane] = None
        for child in self.children[node]:
            self.missing[child] -= 1
        if self.children[node]:
            self._branch(lane, self.children[node])
        else:
            self.ended[lane] = len(self.rows)

    def _branch(self, lane: int, children: Sequence[int]) -> None:
        """Lead on from ``lane`` to the children: down, into lanes that wait for them, or into new ones."""
        before = [waits is not None for waits in self.waiting]
        before[lane] = True
        fresh = [child for child in children if child not in self.waiting]
        joined = {self.waiting.index(child) for child in children if child not in fresh}
        right = next((other for other in sorted(joined) if other > lane), None)
        if fresh:
            self.waiting[lane] = fresh.pop()
        elif right is not None and min(joined) == right:
            self.waiting[lane], self.waiting[right] = self.waiting[right], None
        joined |= {lane, *map(self._open, reversed(fresh))}
        if joined != {lane}:
            self.rows.append((self._connection(before, joined), ""))

    def _open(self, node: int) -> int:
        """A free lane; one whose last node has just ended is left alone, lest two nodes look like a sequence."""
        free = (i for i, waits in enumerate(self.waiting) if waits is None and self.ended.get(i) != len(self.rows))
        lane = next(free, len(self.waiting))
        if lane == len(self.waiting):
            self.waiting.append(None)
            self.most = max(self.most, len(self.waiting))
        self.waiting[lane] = node
        return lane

    def _connection(self, before: Sequence[bool], joined: set[int]) -> str:
        first, last = min(joined), max(joined)
        text = ""
        for lane, waits in enumerate(self.waiting):
            up, down = lane < len(before) and before[lane], waits is not None
            if lane in joined:
                text += _CORNERS[up, down, lane > first, lane < last]
            else:
                text += "│" if down else "─" if first < lane < last else " "
            text += "─" if first <= lane < last else " "
        return text.rstrip()
