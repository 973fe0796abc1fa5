"""Pipelines: the graph and its checks, the plan that the engine runs, and the params that each node sees.

Pure and synchronous; whoever runs it stands above. Names are imported when they are first used, to keep
``import synapse_core`` light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synapse_core.pipeline.definition import PipelineDefinition, as_graph
    from synapse_core.pipeline.graph import PipelineGraph
    from synapse_core.pipeline.node import Node, Resources, Retry, When
    from synapse_core.pipeline.params import ParamsView
    from synapse_core.pipeline.plan import OnFailure, Plan, PlanNode
    from synapse_core.pipeline.problems import PipelineBuildError, SchemaWarning
    from synapse_core.pipeline.snapshot import snapshots

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
    "snapshots",
]

_HOMES = {
    "definition": ("PipelineDefinition", "as_graph"),
    "graph": ("PipelineGraph",),
    "node": ("Node", "Resources", "Retry", "When"),
    "params": ("ParamsView",),
    "plan": ("OnFailure", "Plan", "PlanNode"),
    "problems": ("PipelineBuildError", "SchemaWarning"),
    "snapshot": ("snapshots",),
}
_HOME = {name: f"{__name__}.{home}" for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOME[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
