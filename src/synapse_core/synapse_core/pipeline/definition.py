"""`PipelineDefinition`: a pipeline as a plain value; and `as_graph`, which takes whatever stands for a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from synapse_core.errors import PipelineError
from synapse_core.pipeline.graph import PipelineGraph


@frozen
class PipelineDefinition:
    """What a pipeline is made of, not yet checked: a name, actions as in `PipelineGraph`, and a description."""

    name: str
    actions: Sequence[Any]
    description: str | None = None


def as_graph(pipeline: Any, name: str | None = None) -> PipelineGraph:
    """The graph of a `PipelineGraph`, a `PipelineDefinition` or a list of actions; called ``name`` where one is given.

    Raises:
        PipelineError: it is none of these, or cannot be built.
    """
    if isinstance(pipeline, PipelineGraph):
        return pipeline if name is None else pipeline.named(name)
    if isinstance(pipeline, PipelineDefinition):
        return PipelineGraph(pipeline.actions, name=name or pipeline.name, description=pipeline.description)
    if isinstance(pipeline, list | tuple):
        return PipelineGraph(pipeline, name=name)
    raise PipelineError(
        f"{pipeline!r} is no pipeline", hint="give an ActionPipeline, a PipelineDefinition or a list of actions"
    )
