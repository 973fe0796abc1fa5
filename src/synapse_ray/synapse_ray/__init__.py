"""Executors that run Synapse actions and pipelines on a Ray cluster.

Importing this package does not import Ray; using one of its names does, when it connects.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synapse_core.pipeline import PipelineDefinition as PipelineDefinition
    from synapse_ray.actor import RayActorExecutor as RayActorExecutor
    from synapse_ray.actor import RayTaskExecutor as RayTaskExecutor
    from synapse_ray.base import BaseRayExecutor as BaseRayExecutor
    from synapse_ray.job import RayJobExecutor as RayJobExecutor
    from synapse_ray.jobs_api import RayJobsApiExecutor as RayJobsApiExecutor
    from synapse_ray.pipeline.cluster_store import ClusterStore as ClusterStore
    from synapse_ray.pipeline.executor import RayPipelineExecutor as RayPipelineExecutor

__version__ = "0.1.0"

_HOME = {
    "BaseRayExecutor": "synapse_ray.base",
    "ClusterStore": "synapse_ray.pipeline.cluster_store",
    "PipelineDefinition": "synapse_core.pipeline",
    "RayActorExecutor": "synapse_ray.actor",
    "RayJobExecutor": "synapse_ray.job",
    "RayJobsApiExecutor": "synapse_ray.jobs_api",
    "RayPipelineExecutor": "synapse_ray.pipeline.executor",
    "RayTaskExecutor": "synapse_ray.actor",
}

__all__ = ["__version__", *sorted(_HOME)]  # noqa: PLE0604  the names stand once, in _HOME


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
