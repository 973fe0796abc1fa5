"""Actions, models and random graphs for the tests of pipelines."""

from __future__ import annotations

from typing import Any

import attrs
from hypothesis import strategies as st

from synapse_core.actiondef import ActionSpec, action
from synapse_core.pipeline import Node, ParamsView, PipelineGraph


def act(name: str, takes: Any = None, gives: Any = None, **types: Any) -> Any:
    """An action: ``takes`` and ``gives`` are models, or ``{"field": type}`` of which one is made."""

    def body(params, ctx):
        return {}

    return action(name, params=model(takes), result=model(gives), **types)(body)


def model(fields: Any) -> Any:
    """A model with these fields, all of them required; ``None`` is no model."""
    if not isinstance(fields, dict):
        return fields
    return attrs.make_class("Model", {name: attrs.field(type=kind) for name, kind in fields.items()}, frozen=True)


def needs(graph: PipelineGraph) -> dict[str, tuple[str, ...]]:
    """The direct needs of each node."""
    return {node.name: node.needs for node in graph.plan}


def spec(name: str) -> ActionSpec:
    """A spec that is never loaded."""
    return ActionSpec(name, f"nowhere:{name}")


def dag(edges: dict[str, set[str]], **options: Any) -> PipelineGraph:
    """The pipeline whose nodes need what ``edges`` says, in the order it is written."""
    return PipelineGraph([Node(act(name), needs=tuple(sorted(needed))) for name, needed in edges.items()], **options)


@st.composite
def edges(draw: st.DrawFn, least: int = 1, most: int = 9) -> dict[str, set[str]]:
    """A random acyclic graph, its nodes written in any order."""
    names = [f"n{i}" for i in range(draw(st.integers(least, most)))]
    graph = {
        name: draw(st.sets(st.sampled_from(names[:i]), max_size=4)) if i else set() for i, name in enumerate(names)
    }
    return {name: graph[name] for name in draw(st.permutations(names))}


def closure(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """All ancestors of each node, found the slow way."""
    found = {name: set(needed) for name, needed in graph.items()}
    for _ in graph:
        found = {name: needed.union(*(found[other] for other in needed)) for name, needed in found.items()}
    return found


def run(graph: PipelineGraph, results: dict[str, Any], initial: dict[str, Any] | None = None) -> ParamsView:
    """A view after all nodes have given ``results`` (by name) in order."""
    view = ParamsView(graph.plan, initial or {})
    for node in graph.plan:
        result = results.get(node.name)
        view.done(node.name, result if isinstance(result, dict) else None, result)
    return view
