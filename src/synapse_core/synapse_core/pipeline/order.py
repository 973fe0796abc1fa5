"""Topological order, and the cycle that stands in its way."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

Needs = Sequence[Sequence[int]]
"""For each node the nodes that it needs, by index."""


def topological(needs: Needs) -> list[int]:
    """The nodes so that each comes after what it needs, else in the order they are given.

    Nodes on a cycle, and those that come after one, are left out.
    """
    if all(parent < node for node, parents in enumerate(needs) for parent in parents):
        return list(range(len(needs)))
    children: list[list[int]] = [[] for _ in needs]
    missing = [len(parents) for parents in needs]
    for node, parents in enumerate(needs):
        for parent in parents:
            children[parent].append(node)
    ready = [node for node, count in enumerate(missing) if not count]
    heapify(ready)
    order: list[int] = []
    while ready:
        node = heappop(ready)
        order.append(node)
        for child in children[node]:
            missing[child] -= 1
            if not missing[child]:
                heappush(ready, child)
    return order


def cycle(needs: Needs, order: Sequence[int]) -> list[int]:
    """A cycle among the nodes that ``order`` leaves out, each before the one that needs it."""
    left = set(range(len(needs))).difference(order)
    path: list[int] = []
    place: dict[int, int] = {}
    node = min(left)
    while node not in place:
        place[node] = len(path)
        path.append(node)
        node = next(parent for parent in needs[node] if parent in left)
    return path[place[node] :][::-1]
