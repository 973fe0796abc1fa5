"""What a plan is composed of: nodes in series and in parallel, as far as it is composed so."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import frozen

from synapse_core.pipeline.plan import Plan, bits

_DEEPEST = 50
_LONGEST = 8


@frozen
class Series:
    """Parts, each of which comes wholly before the next."""

    parts: tuple[Shape, ...]


@frozen
class Parallel:
    """Parts that have nothing to do with each other."""

    parts: tuple[Shape, ...]


@frozen
class Tangle:
    """Nodes, in topological order, whose needs make up neither."""

    nodes: tuple[int, ...]


Shape = int | Series | Parallel | Tangle
"""A node is its index."""


def direct_needs(plan: Plan) -> list[list[int]]:
    """For each node what it needs, without what another of its needs comes after anyway; rising."""
    masks = (sum(1 << plan.numbers[need] for need in node.needs) for node in plan)
    return [sorted(plan.latest(mask)) for mask in masks]


def shape_of(plan: Plan) -> Shape:
    """How the plan is composed."""
    return _Composer(plan).compose((1 << len(plan)) - 1, 0)


class _Composer:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._needs = direct_needs(plan)

    def compose(self, nodes: int, depth: int) -> Shape:
        """The shape of a set of nodes that holds all that lies between any two of it."""
        inside = list(bits(nodes))
        if len(inside) == 1:
            return inside[0]
        if depth < _DEEPEST:
            for kind, parts in ((Parallel, self._components(inside)), (Series, self._segments(inside))):
                if len(parts) > 1:
                    return kind(tuple(self.compose(part, depth + 1) for part in parts))
        return Tangle(tuple(inside))

    def _components(self, inside: Sequence[int]) -> list[int]:
        """The sets that no edge joins."""
        part: dict[int, int] = {}

        def find(node: int) -> int:
            while part[node] != node:
                part[node] = part[part[node]]
                node = part[node]
            return node

        for node in inside:
            part[node] = node
            for need in self._needs[node]:
                if need in part:
                    part[find(need)] = find(node)
        found: dict[int, int] = {}
        for node in inside:
            found[find(node)] = found.get(find(node), 0) | 1 << node
        return list(found.values())

    def _segments(self, inside: Sequence[int]) -> list[int]:
        """The sets that follow upon each other: cut where all that stands before comes before all that stands after."""
        common = -1
        before: list[int] = []
        for node in reversed(inside):
            common &= self._plan.ancestor_masks[node]
            before.append(common)
        before.reverse()
        found, done, part = [], 0, 0
        for node, needed in zip(inside, [*before[1:], 0], strict=True):
            part |= 1 << node
            if (done | part) & ~needed == 0:
                found.append(part)
                done, part = done | part, 0
        return [*found, part] if part else found


def formula(plan: Plan) -> str:
    """``download → [train-a | train-b → eval-b] → compare``; in braces what is neither series nor parallel."""
    names = [node.name for node in plan]
    return _Formula(names).write(shape_of(plan), 0)


@frozen
class _Formula:
    names: Sequence[str]

    def write(self, shape: Shape, depth: int) -> str:
        if isinstance(shape, int):
            return self.names[shape]
        if depth > 3:
            return "…"
        if isinstance(shape, Tangle):
            return f"{{{_joined(', ', shape.nodes, self.names.__getitem__)}}}"
        if isinstance(shape, Series):
            return _joined(" → ", shape.parts, lambda part: self.write(part, depth + 1))
        return f"[{_joined(' | ', shape.parts, lambda part: self.write(part, depth + 1))}]"


def _joined(between: str, parts: Sequence[Shape], write: Callable[..., str]) -> str:
    """All of a few; of many the first and the last, and how many there are between."""
    if len(parts) <= _LONGEST:
        return between.join(map(write, parts))
    left = len(parts) - _LONGEST + 2
    return between.join([*map(write, parts[: _LONGEST - 4]), f"… {left} more …", *map(write, parts[-2:])])
