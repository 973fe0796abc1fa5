"""Pipelines: the graph and its checks, the plan that the engine runs, and the params that each node sees.

Pure and synchronous; whoever runs it stands above.
"""

from __future__ import annotations

from synapse_core.pipeline.definition import PipelineDefinition, as_graph
from synapse_core.pipeline.expressions import OnFailure
from synapse_core.pipeline.graph import PipelineGraph
from synapse_core.pipeline.node import Node, Resources, Retry, When
from synapse_core.pipeline.params import ParamsView
from synapse_core.pipeline.plan import Plan, PlanNode
from synapse_core.pipeline.problems import PipelineBuildError, SchemaWarning

__all__ = [
    "Node",
    "OnFailure",
    "ParamsView",
    "PipelineBuildError",
    "PipelineDefinition",
    "PipelineGraph",
    "Plan",
    "PlanNode",
    "Resources",
    "Retry",
    "SchemaWarning",
    "When",
    "as_graph",
]
