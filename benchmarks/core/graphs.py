"""Building a large graph."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import TopologicalSorter
from random import Random

from benchmarks.samples import noop
from benchmarks.suite import Theme, Work
from benchmarks.timing import once
from synapse_core import ActionPipeline, Node

theme = Theme()

_NODES, _EDGES = 1_000, 10_000


@theme.measures("a graph of 1,000 nodes and 10,000 edges", bare="graphlib.TopologicalSorter of it", target=150e-3)
def large_graph() -> Iterator[Work]:
    """The nodes made, read, put in order, and checked: names, needs, cycles, types and params."""
    needs = _needs()
    yield Work(once(lambda: _built(needs)), once(lambda: list(TopologicalSorter(needs).static_order())))


def _built(needs: dict[str, list[str]]) -> ActionPipeline:
    return ActionPipeline([[Node(noop, name=name, needs=parents) for name, parents in needs.items()]])


def _needs() -> dict[str, list[str]]:
    """Each node needs some that stand before it; the same graph every time."""
    random = Random(20)
    edges: set[tuple[int, int]] = set()
    while len(edges) < _EDGES:
        child = random.randrange(1, _NODES)
        edges.add((child, random.randrange(child)))
    needs: dict[str, list[str]] = {f"n{number}": [] for number in range(_NODES)}
    for child, parent in sorted(edges):
        needs[f"n{child}"].append(f"n{parent}")
    return needs
